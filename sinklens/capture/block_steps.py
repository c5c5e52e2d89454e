"""From what was seen inside a block to the steps of the residual stream through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.pipeline_records import NormStep, WriteStep

MAX_ERROR, MAX_HALF_ERROR = 1e-4, 3e-2
"""Largest relative difference of vectors that are taken for the same, in float32 and in shorter formats."""
NAMES = {"attention": "attention", "cross": "cross-attention", "mlp": "feed-forward"}


@dataclass(frozen=True, eq=False)
class SeenNorm:
    """A normalisation as it ran; (T, d)."""

    path: str
    module: str
    before: torch.Tensor
    after: torch.Tensor

    def step(self, reads: str) -> NormStep:
        return NormStep(self.path, self.module, reads, lengths(self.before), lengths(self.after))


@dataclass(frozen=True, eq=False)
class SeenWrite:
    """The output of a sub-layer as it ran; (T, d)."""

    kind: str
    values: torch.Tensor
    path: str


Seen = SeenNorm | SeenWrite


def block_steps(
    seen: Sequence[Seen], before: torch.Tensor, after: torch.Tensor, *, limit: float
) -> tuple[tuple[NormStep | WriteStep, ...], bool]:
    """The steps, and whether they lead from `before` to `after`.

    Whether a normalised sum goes on in the stream's place (post-norm) or is only a copy for the next
    sub-layer (pre-norm) is not asked of a list of families: the reading that ends in `after` is right.

    Parameters
    ----------
    before, after : tensors of shape (T, d)
        What enters the block and what leaves it.
    """
    steps: tuple = ()
    for is_post_norm in (False, True):
        steps, end = _walked(seen, before, limit=limit, is_post_norm=is_post_norm)
        if same(end, after, limit):
            return steps, True
    return _walked(seen, before, limit=limit, is_post_norm=False)[0], False


def _walked(seen: Sequence[Seen], before: torch.Tensor, *, limit: float, is_post_norm: bool):
    stream, steps = before, []
    writes = {event.path for event in seen if isinstance(event, SeenWrite)}
    has_written = False
    for event in seen:
        if isinstance(event, SeenWrite):
            steps.append(_write(event, stream))
            stream, has_written = stream + event.values, True
        elif event.path in writes:
            steps.append(event.step("write"))
        elif same(event.before, stream, limit):
            goes_on = is_post_norm and has_written
            steps.append(event.step("sum" if goes_on else "stream"))
            stream = event.after if goes_on else stream
        else:
            steps.append(event.step("entry" if same(event.before, before, limit) else "other"))
    return tuple(steps), stream


def _write(event: SeenWrite, stream: torch.Tensor) -> WriteStep:
    sizes = stream.norm(dim=-1) * event.values.norm(dim=-1)
    dots = (stream * event.values).sum(-1)
    return WriteStep(
        name=NAMES[event.kind],
        before=lengths(stream),
        added=lengths(event.values),
        after=lengths(stream + event.values),
        cosine=torch.where(sizes > 0, dots / sizes, torch.nan).numpy(),
    )


def lengths(values: torch.Tensor) -> np.ndarray:
    """(T,) Euclidean norms of vectors (T, d)."""
    return values.norm(dim=-1).numpy()


def same(one: torch.Tensor, other: torch.Tensor, limit: float) -> bool:
    """Are these (T, d) equal but for rounding, at every position?"""
    if one.shape != other.shape:
        return False
    return bool(((one - other).norm(dim=-1) <= limit * other.norm(dim=-1).clamp_min(1e-6)).all())
