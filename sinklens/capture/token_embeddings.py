"""The rows of the embedding table that a text reads, and the vocabulary entries near one of them."""

from __future__ import annotations

import torch

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.logit_lens import token_labels
from sinklens.errors import BadSelection
from sinklens.pipeline_records import TokenEmbeddings
from sinklens.results import Capture

N_NEIGHBOURS = 8
N_BLOCK_ROWS = 16_384
"""Rows compared at once, so that a large table is never copied to float32 as a whole."""


def token_embeddings(
    loaded: LoadedModel, capture: Capture, position: int, stack: str = "decoder"
) -> TokenEmbeddings:
    """Rows of the table for every token, and the entries with the largest cosine to that of one position.

    Parameters
    ----------
    stack : "encoder" for the encoder of an encoder-decoder model, else "decoder"

    Raises
    ------
    BadSelection
        A position outside the text.
    """
    prompt = capture.prompt if stack == "encoder" else capture.target or capture.prompt
    if not 0 <= position < len(prompt):
        raise BadSelection(f"The text has tokens 0 to {len(prompt) - 1}; got position {position}.")
    module = _table(loaded, stack)
    n_vocabulary = min(len(loaded.tokenizer), module.weight.shape[0])
    with torch.inference_mode():
        table, ids = module.weight[:n_vocabulary], torch.tensor(prompt.ids, device=loaded.device)
        rows = module.weight[ids].float()
        factor = float(module(ids).float().norm() / rows.norm().clamp_min(1e-12))
        cosines = _cosines(table, rows[position])
        cosines[prompt.ids[position]] = -2.0
        values, nearest = cosines.topk(min(N_NEIGHBOURS, n_vocabulary - 1))
    labels = token_labels(loaded, nearest.tolist())
    return TokenEmbeddings(
        rows=rows.cpu().numpy(),
        factor=factor,
        position=position,
        n_vocabulary=n_vocabulary,
        neighbour_ids=nearest.cpu().numpy(),
        neighbour_labels=tuple(labels[i] for i in nearest.tolist()),
        neighbour_cosines=values.cpu().numpy(),
    )


def _table(loaded: LoadedModel, stack: str) -> torch.nn.Module:
    if not loaded.is_encoder_decoder:
        return loaded.model.get_input_embeddings()
    part = loaded.model.get_encoder() if stack == "encoder" else loaded.model.get_decoder()
    return part.get_input_embeddings()


def _cosines(table: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """(V,) float32; 0 for rows of zeros, as padding has."""
    parts = [
        torch.nn.functional.cosine_similarity(table[start : start + N_BLOCK_ROWS].float(), row[None], dim=-1)
        for start in range(0, len(table), N_BLOCK_ROWS)
    ]
    return torch.cat(parts)
