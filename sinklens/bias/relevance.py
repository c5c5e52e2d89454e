"""Attention weighted by its gradient, and attention alone, followed from the number back to the tokens."""

from __future__ import annotations

import numpy as np
import torch

from sinklens.analysis.rollout import rollout
from sinklens.attribution_records import Attribution
from sinklens.bias.scored_text import ScoredText
from sinklens.errors import NotCaptured


def gradient_relevance(scored: ScoredText) -> Attribution:
    """Relevance of tokens by gradient-weighted attention: Ā = mean over heads of (A ⊙ ∂F/∂A)⁺, R ← R + Ā R.

    Source: Chefer, Gur & Wolf 2021 (arXiv 2103.15679), equations 5 and 6. The rows of R from which the
    number is read are averaged, and their own tokens' start (the identity) is left out. Never negative.

    Raises
    ------
    NotCaptured
        The model gives no attention weights, or not its own (`ScoredText.differentiable`).
    """
    with scored.differentiable():
        value, attentions = scored.with_attentions()
        layers = _given(attentions)
        gradients = torch.autograd.grad(value, layers)
    n_tokens = len(scored.ids)
    relevance = np.eye(n_tokens)
    for weights, gradient in zip(layers, gradients, strict=True):
        cam = (weights * gradient)[0].clamp_min(0).mean(0).detach().double().cpu().numpy()
        relevance = relevance + cam @ relevance
    scores = scored.reads @ (relevance - np.eye(n_tokens))
    return Attribution(
        "gradient-weighted attention", scores, scored.sentence, float(value.detach()), n_passes=4
    )


def attention_rollout(scored: ScoredText) -> Attribution:
    """Part of each token in the positions that are read (Abnar & Zuidema 2020), from the same pass.

    Never negative; says nothing about the number itself. Errors as in `gradient_relevance`.
    """
    with scored.differentiable(), torch.no_grad():
        value, attentions = scored.with_attentions()
        maps = np.stack([layer[0].mean(0).double().cpu().numpy() for layer in _given(attentions)])
    scores = scored.reads @ rollout(maps)[-1]
    return Attribution("attention rollout", scores, scored.sentence, float(value), n_passes=3)


def head_importance(scored: ScoredText) -> np.ndarray:
    """(L, H, T) mean weight on every token over the queries that can see it; errors as above."""
    with scored.differentiable(), torch.no_grad():
        _, attentions = scored.with_attentions()
        maps = np.stack([layer[0].double().cpu().numpy() for layer in _given(attentions)])
    n_viewers = (maps > 0).any(axis=(0, 1)).sum(axis=0)
    return maps.sum(axis=2) / np.maximum(n_viewers, 1)


def _given(attentions) -> list[torch.Tensor]:
    layers = [layer for layer in attentions or () if layer is not None]
    if not layers or any(layer.dim() != 4 or layer.shape[-2] != layer.shape[-1] for layer in layers):
        raise NotCaptured("This model gives no square attention weights that gradients could be taken of.")
    return layers
