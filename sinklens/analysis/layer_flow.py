"""Where a position's content comes from, traced back layer by layer: the branches of attention rollout.

The position starts with 1 above the last layer. Going down, every position's part is dealt out to the
positions below it by the mixing matrix of the layer (Abnar & Zuidema 2020, arXiv 2005.00928, section 3), so
that the parts at the bottom are the position's row of the rollout. Only the largest positions of every
level are kept apart; the others are added up, and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.rollout import RESIDUAL_SHARE, with_residual

OTHERS = -1
"""Stands for all positions of a level that are not kept apart."""


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """The parts of one position at every level; level 0 is the input, level L above the last layer."""

    position: int
    levels: tuple[dict[int, float], ...]
    """Level -> position -> part, 0..1; the parts of a level add up to what reached it."""
    links: tuple[tuple[int, int, int, float], ...]
    """(layer, upper position, lower position, part), the layer from 0; OTHERS on either side."""


def layer_flow(
    maps: np.ndarray, position: int, *, n_kept: int = 6, residual_share: float = RESIDUAL_SHARE
) -> LayerFlow:
    """Trace one position back to the input.

    Parameters
    ----------
    maps : array of shape (L, T, T)
        Mean over heads, 0 where a query cannot see.
    n_kept : positions that are kept apart at every level below the top
    """
    mixed = with_residual(maps, residual_share)
    part = np.zeros(maps.shape[-1])
    part[position] = 1.0
    kept = np.array([position])
    levels, links = [{position: 1.0}], []
    for layer in range(len(mixed) - 1, -1, -1):
        passed = part[:, None] * mixed[layer]
        below = passed.sum(axis=0)
        chosen = np.sort(np.argsort(-below, kind="stable")[:n_kept])
        links += _links(layer, passed, kept, chosen)
        levels.append(_level(below, chosen))
        part, kept = below, chosen
    return LayerFlow(position, tuple(reversed(levels)), tuple(reversed(links)))


def _links(layer: int, passed: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> list[tuple]:
    """What passes between the kept positions of two levels, the others added up on either side."""
    upper_rows = [*(passed[at] for at in upper), passed.sum(axis=0) - passed[upper].sum(axis=0)]
    found = []
    for name, row in zip([*upper.tolist(), OTHERS], upper_rows, strict=True):
        parts = [*row[lower].tolist(), float(row.sum() - row[lower].sum())]
        found += [
            (layer, name, to, value)
            for to, value in zip([*lower.tolist(), OTHERS], parts, strict=True)
            if value > 1e-9
        ]
    return found


def _level(part: np.ndarray, chosen: np.ndarray) -> dict[int, float]:
    """The parts of the kept positions that have one, and of all others together."""
    level = {int(at): float(part[at]) for at in chosen if part[at] > 1e-9}
    rest = float(part.sum() - part[chosen].sum())
    return level | ({OTHERS: rest} if rest > 1e-9 else {})
