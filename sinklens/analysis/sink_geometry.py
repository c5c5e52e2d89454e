"""Is what the sinks add to a layer's output a bias? Direction, spread and size of their contribution.

The formulas are our reconstruction of "sink token as bias" (reference 2.8; its authors published none).
L layers, H heads, d hidden width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from sinklens.geometry_records import SinkSums

N_BOOTSTRAP = 400
COVERAGE = 0.95
N_TEXTS_MIN = 3
"""With fewer texts no interval is given."""


@dataclass(frozen=True, eq=False)
class SinkGeometry:
    """Numbers of every layer; NaN where a layer's contribution is zero or no query counts."""

    n_queries: np.ndarray
    """(L,)"""
    mean: np.ndarray
    """(L, d) mu, the mean contribution."""
    directionality: np.ndarray
    """(L,) mean of cos(c_i, mu), -1..1; 1: all contributions point one way."""
    relative_variance: np.ndarray
    """(L,) E‖c_i - mu‖² / ‖mu‖², 0 and up; 0: always the same vector."""
    explained: np.ndarray
    """(L,) 1 - relative variance, 1 and down; 1: a constant vector says it all, below 0: zero says more."""
    norm_ratio: np.ndarray
    """(L,) ‖mu‖ / E‖r_i‖, 0 and up; infinite where nothing else is written."""
    contribution_norm: np.ndarray
    """(L,) E‖c_i‖"""
    rest_norm: np.ndarray
    """(L,) E‖r_i‖"""
    weight: np.ndarray
    """(L, H) mean weight on the sinks, 0..1."""
    weight_variation: np.ndarray
    """(L, H) standard deviation of that weight over its mean, 0 and up. With one sink, what a head adds is
    always that sink's one vector times the weight (rank 1), so this alone varies."""
    head_norm: np.ndarray
    """(L, H) mean norm of the head's part of c_i: its value update by the sinks."""
    head_rest_norm: np.ndarray
    """(L, H) mean norm of the head's part of r_i: its value update by all other tokens."""


MEASURES = (
    "directionality",
    "explained",
    "relative_variance",
    "norm_ratio",
    "contribution_norm",
    "rest_norm",
)
"""Fields of SinkGeometry with one number per layer."""


def layer_sums(
    contribution: np.ndarray,
    rest: np.ndarray,
    weight: np.ndarray,
    head_norm: np.ndarray,
    head_rest: np.ndarray,
) -> dict[str, np.ndarray]:
    """The fields of SinkSums for some queries of one layer; blocks of queries are added up.

    Parameters
    ----------
    contribution, rest : ndarrays of shape (n, d)
    weight, head_norm, head_rest : ndarrays of shape (H, n)
    """
    c = contribution.astype(np.float64)
    norm = np.linalg.norm(c, axis=1)
    has_direction = norm > 0
    weight = weight.astype(np.float64)
    return {
        "n_queries": np.float64(len(c)),
        "contribution": c.sum(0),
        "direction": (c[has_direction] / norm[has_direction, None]).sum(0),
        "n_directions": np.float64(has_direction.sum()),
        "contribution_norm": norm.sum(),
        "contribution_square": (norm**2).sum(),
        "rest_norm": np.linalg.norm(rest.astype(np.float64), axis=1).sum(),
        "weight": weight.sum(1),
        "weight_square": (weight**2).sum(1),
        "head_norm": head_norm.sum(1, dtype=np.float64),
        "head_rest_norm": head_rest.sum(1, dtype=np.float64),
    }


def pooled(parts: Sequence[SinkSums], counts: Sequence[float] | None = None) -> SinkSums:
    """Texts together, each counted once or `counts` times."""
    times = np.ones(len(parts)) if counts is None else np.asarray(counts, np.float64)
    return _weighted(_stacked(parts), times)


def _stacked(parts: Sequence[SinkSums]) -> dict[str, np.ndarray]:
    """By field, the sums of every text along a new first axis."""
    names = [item.name for item in fields(SinkSums)]
    return {name: np.stack([getattr(part, name) for part in parts]) for name in names}


def _weighted(stack: dict[str, np.ndarray], times: np.ndarray) -> SinkSums:
    return SinkSums(**{name: np.tensordot(times, values, axes=1) for name, values in stack.items()})


def geometry(sums: SinkSums, mean: np.ndarray | None = None) -> SinkGeometry:
    """All measures of pooled sums.

    Parameters
    ----------
    mean : ndarray of shape (L, d), optional
        A mu from elsewhere (other texts, another first token): how well it stands in here.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        n, n_heads = sums.n_queries, sums.n_queries[:, None]
        own = sums.contribution / n_heads
        mu = own if mean is None else mean
        size = np.linalg.norm(mu, axis=1)
        size = np.where(size > 0, size, np.nan)
        # E‖c - mu‖² opened up, so that no contribution has to be kept; exact for any mu.
        spread = sums.contribution_square / n - 2 * (own * mu).sum(1) + (mu**2).sum(1)
        relative = np.maximum(spread, 0) / size**2
        weight = sums.weight / n_heads
        variance = np.maximum(sums.weight_square / n_heads - weight**2, 0)
        rest = sums.rest_norm / n
        return SinkGeometry(
            n_queries=n,
            mean=mu,
            directionality=np.clip((sums.direction * mu).sum(1) / sums.n_directions / size, -1, 1),
            relative_variance=relative,
            explained=1 - relative,
            norm_ratio=size / rest,
            contribution_norm=sums.contribution_norm / n,
            rest_norm=rest,
            weight=weight,
            weight_variation=np.sqrt(variance) / np.where(weight > 0, weight, np.nan),
            head_norm=sums.head_norm / n_heads,
            head_rest_norm=sums.head_rest_norm / n_heads,
        )


def text_agreement(parts: Sequence[SinkSums]) -> np.ndarray:
    """(N, L) cosine between a text's mean contribution and the mean of the other texts, -1..1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.stack([geometry(part).mean for part in parts])
        others = np.stack([found.mean for found in held_out(parts)])
        lengths = np.linalg.norm(own, axis=-1) * np.linalg.norm(others, axis=-1)
        return np.clip((own * others).sum(-1) / np.where(lengths > 0, lengths, np.nan), -1, 1)


def held_out(parts: Sequence[SinkSums]) -> list[SinkGeometry]:
    """Every text with the mean of the other texts as mu: does a bias learned elsewhere stand in here?"""
    total = pooled(parts)
    found = []
    for part in parts:
        n = (total.n_queries - part.n_queries)[:, None]
        others = np.divide(
            total.contribution - part.contribution,
            n,
            out=np.full_like(part.contribution, np.nan),
            where=n > 0,
        )
        found.append(geometry(part, others))
    return found


def interval(
    groups: Sequence[Sequence[SinkSums]],
    measure: Callable[[list[SinkSums]], np.ndarray],
    *,
    n_samples: int = N_BOOTSTRAP,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Percentile bootstrap over texts (Efron 1979), 95 %; None with fewer than N_TEXTS_MIN texts.

    Parameters
    ----------
    groups : by first token, the same texts in the same order; a text is drawn for all groups at once
    measure : of every group's pooled sums, any array
    """
    n_texts = len(groups[0])
    if n_texts < N_TEXTS_MIN:
        return None
    rng = np.random.default_rng(seed)
    stacks = [_stacked(parts) for parts in groups]
    samples = []
    for _ in range(n_samples):
        counts = np.bincount(rng.integers(0, n_texts, n_texts), minlength=n_texts).astype(np.float64)
        samples.append(measure([_weighted(stack, counts) for stack in stacks]))
    tail = (1 - COVERAGE) / 2
    drawn = np.stack(samples)
    known = ~np.isnan(drawn).all(0)
    ends = np.full((2, *drawn.shape[1:]), np.nan)
    ends[:, known] = np.nanquantile(drawn[:, known], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]


def mean_cosines(means: np.ndarray) -> np.ndarray:
    """(L, F, F) cosine between mean vectors of every layer, -1..1; NaN where one is zero.

    Parameters
    ----------
    means : ndarray of shape (F, L, d), e.g. by first token
    """
    size = np.linalg.norm(means, axis=-1, keepdims=True)
    unit = np.divide(means, size, out=np.full(means.shape, np.nan), where=size > 0)
    return np.clip(np.einsum("fld,gld->lfg", unit, unit), -1, 1)


def mean_of_pairs(cosines: np.ndarray) -> np.ndarray:
    """(L,) mean over the pairs of two different vectors; NaN for fewer than two.

    Parameters
    ----------
    cosines : ndarray of shape (L, F, F)
    """
    above = np.triu_indices(cosines.shape[1], 1)
    pairs = cosines[:, above[0], above[1]]
    return pairs.mean(1) if pairs.shape[1] else np.full(len(cosines), np.nan)
