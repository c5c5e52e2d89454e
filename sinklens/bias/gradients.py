"""Integrated gradients and gradient x input, over the embeddings of tokens, with captum.

Attributing to the embeddings handed to a model is the same as attributing to the output of its word-embedding
layer (captum's LayerIntegratedGradients), and takes any baseline, also one that is no token.
"""

from __future__ import annotations

from collections.abc import Callable

from sinklens.attribution_records import MAX_RESIDUAL, Attribution
from sinklens.bias.scored_text import ScoredText
from sinklens.errors import RunCancelled

N_STEPS, N_STEPS_MAX = 32, 512
NO_CHANGE = 1e-6


def integrated_gradients(
    scored: ScoredText,
    baseline: str = "pad",
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Attribution:
    """Sundararajan, Taly & Yan 2017 (arXiv 1703.01365): the scores add up to the change from the baseline.

    The steps are doubled, from 32 up to 512, until what is missing is under 5 % of that change; the residual
    is part of the result either way. Mixtures of experts jump between experts on the way and stay incomplete.

    Raises
    ------
    BadSelection
        As `ScoredText.baseline`.
    NotCaptured
        As `ScoredText.differentiable`.
    RunCancelled
        Between two numbers of steps.
    """
    # captum imports matplotlib; only attributions should wait for it.
    from captum.attr import IntegratedGradients

    embeddings, empty = scored.embeddings(), scored.baseline(baseline)
    with scored.differentiable():
        value, baseline_value = scored.of_many([embeddings, empty])
        change, n_steps, n_passes = value - baseline_value, N_STEPS, 4
        while True:
            if is_cancelled():
                raise RunCancelled("The attribution was stopped.")
            on_progress(n_steps / (2 * N_STEPS_MAX), f"{n_steps} steps")
            found = IntegratedGradients(scored.of_embeddings).attribute(
                embeddings[None].clone(),
                baselines=empty[None].clone(),
                n_steps=n_steps,
                internal_batch_size=max(scored.n_copies, 2),
            )
            n_passes += 2 * n_steps
            scores = found[0].detach().double().sum(-1).cpu().numpy()
            residual = abs(scores.sum() - change) / max(abs(change), NO_CHANGE)
            if residual < MAX_RESIDUAL or n_steps >= N_STEPS_MAX:
                break
            n_steps *= 2
    on_progress(1.0, "done")
    return Attribution(
        method="integrated gradients",
        scores=scores,
        target=scored.sentence,
        value=float(value),
        baseline=baseline,
        baseline_value=float(baseline_value),
        n_steps=n_steps,
        residual=float(residual),
        n_passes=n_passes,
    )


def gradient_x_input(scored: ScoredText) -> Attribution:
    """Gradient times embedding, summed over dimensions (Shrikumar et al. 2016, arXiv 1605.01713).

    Errors as in `integrated_gradients`.
    """
    from captum.attr import InputXGradient

    with scored.differentiable():
        embeddings = scored.embeddings()[None].clone().requires_grad_(True)
        found = InputXGradient(scored.of_embeddings).attribute(embeddings)
        value = float(scored.of_many([embeddings[0].detach()])[0])
    scores = found[0].detach().double().sum(-1).cpu().numpy()
    return Attribution("gradient x input", scores, scored.sentence, value, n_passes=5)
