"""Keys and values in few bits: how much of their range the sinks take, and what rounding costs.

Symmetric codes: x is stored as round(x / s) with s = absmax / (2^(b-1) - 1), so that no number is off by more
than s / 2. Which numbers share a scale s is the whole difference: "token" gives every vector of a head its
own (KIVI's choice for values), "channel" one for each dimension of a head over all tokens (KIVI's choice for
keys, Liu et al. 2024), "head" one for everything a head holds. Tokens that are kept in full precision
are left out of the range and of the error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SCALES = {"token": -1, "channel": 1, "head": (1, 2)}
"""Axes of (G, T, D) over which one scale is shared: the width, the tokens, or both."""
MAX_HALF = 65_504.0
"""Largest number that fp16 can hold."""


@dataclass(frozen=True, eq=False)
class CacheRanges:
    """Ranges of one kind of vector (keys or values) in all layers of a stream."""

    what: str
    """"keys" or "values"."""
    sinks: tuple[int, ...]
    by_token: np.ndarray
    """(L, T) absmax of the token over all heads and dimensions."""
    by_channel: np.ndarray
    """(L, G, D) absmax over all tokens."""
    by_channel_without: np.ndarray
    """(L, G, D) the same without the sinks."""
    by_token_norm: np.ndarray
    """(L, T) Euclidean norm over all heads: a sink's is often small although its largest number is not."""

    @property
    def absmax(self) -> np.ndarray:
        """(L,)"""
        return self.by_channel.max((1, 2))

    @property
    def absmax_without(self) -> np.ndarray:
        """(L,) without the sinks."""
        return self.by_channel_without.max((1, 2))

    @property
    def sink_share(self) -> np.ndarray:
        """(L,) part of the range that only the sinks need: 1 - absmax without them / absmax; 0 is none."""
        return 1 - self.absmax_without / np.maximum(self.absmax, 1e-30)

    @property
    def channel_sink_share(self) -> np.ndarray:
        """(L,) the same channel by channel, mean over channels."""
        return (1 - self.by_channel_without / np.maximum(self.by_channel, 1e-30)).mean((1, 2))

    @property
    def overflows_half(self) -> bool:
        """Does any number lie beyond what fp16 holds?"""
        return bool((self.absmax > MAX_HALF).any())


def cache_ranges(vectors: Sequence[np.ndarray], sinks: Sequence[int], what: str) -> CacheRanges:
    """Ranges of the vectors of every layer.

    Parameters
    ----------
    vectors : L arrays of shape (G, T, D)
    sinks : positions; at least one token has to be left
    """
    stacked = np.abs(np.stack(vectors))
    rest = np.setdiff1d(np.arange(stacked.shape[2]), sinks)
    return CacheRanges(
        what=what,
        sinks=tuple(sinks),
        by_token=stacked.max((1, 3)),
        by_channel=stacked.max(2),
        by_channel_without=stacked[:, :, rest].max(2),
        by_token_norm=np.sqrt((stacked.astype(np.float64) ** 2).sum((1, 3))),
    )


def rounded(vectors: np.ndarray, n_bits: int, scale: str, keep: Sequence[int] = ()) -> np.ndarray:
    """Vectors (G, T, D) after rounding; the tokens in `keep` stay as they are and widen no range.

    Parameters
    ----------
    scale : a key of SCALES
    """
    rest = np.setdiff1d(np.arange(vectors.shape[1]), keep)
    result = np.array(vectors, np.float64)
    if not len(rest):
        return result
    part = result[:, rest]
    step = np.abs(part).max(SCALES[scale], keepdims=True) / (2 ** (n_bits - 1) - 1)
    result[:, rest] = np.where(step > 0, np.round(part / np.where(step > 0, step, 1)) * step, part)
    return result


def rounding_error(
    vectors: np.ndarray,
    n_bits: int,
    scale: str,
    keep: Sequence[int] = (),
    judged: Sequence[int] | None = None,
) -> float:
    """Relative error |x - rounded x| / |x| (Frobenius); 0 is exact.

    Parameters
    ----------
    judged : positions that the error is of, None for all; what sinks do to the others shows on the others
    """
    off = rounded(vectors, n_bits, scale, keep) - vectors
    chosen = slice(None) if judged is None else list(judged)
    size = np.linalg.norm(vectors[:, chosen].astype(np.float64))
    return float(np.linalg.norm(off[:, chosen]) / size) if size else 0.0


def rounding_table(
    kinds: Mapping[str, Sequence[np.ndarray]],
    keeps: Mapping[str, Sequence[int]],
    n_bits: Sequence[int],
    judged: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Errors, mean over layers: one row per kind, scale, bits and choice of kept tokens.

    Columns: what (a key of `kinds`), scale, n_bits, kept (a key of `keeps`), error (relative, from 0).

    Parameters
    ----------
    kinds : by name ("keys", "values"), L arrays of shape (G, T, D)
    """
    rows = [
        {
            "what": what,
            "scale": scale,
            "n_bits": bits,
            "kept": name,
            "error": float(np.mean([rounding_error(v, bits, scale, keep, judged) for v in vectors])),
        }
        for what, vectors in kinds.items()
        for scale in SCALES
        for bits in n_bits
        for name, keep in keeps.items()
    ]
    return pd.DataFrame(rows)
