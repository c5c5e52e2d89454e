"""A matrix on its way to a canvas: packed small enough to switch heads without a wait.

Up to `N_EXACT_CELLS` cells travel as float32. Above, a cell is one byte on a square-root scale:
code = round(254 sqrt((v - low) / (high - low))), so that small weights keep their order; the widget marks
such a value with "≈" and fetches the exact one. 255 is a cell that has no value (NaN). Above `N_SIDE_MAX`
cells a side, blocks are max-pooled, and the widget asks for a part again when it is enlarged.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

N_EXACT_CELLS = 128 * 128
N_SIDE_MAX = 1024
TOP_CODE = 254
NO_VALUE = 255


@dataclass(frozen=True)
class PackedCells:
    """What the browser gets: zlib-compressed numbers and how to read them."""

    data: bytes
    frame: dict


def pack_cells(
    values: np.ndarray, *, low: float, high: float, window: tuple[int, int, int, int] | None = None
) -> PackedCells:
    """Pack a part of a matrix for drawing.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns), NaN where there is no value
    low, high : ends of the colour scale
    window : first row, row after the last, first column, column after the last; everything when None
    """
    n_rows, n_columns = values.shape
    top, bottom, left, right = window or (0, n_rows, 0, n_columns)
    part = values[top:bottom, left:right]
    step = max(1, math.ceil(max(part.shape) / N_SIDE_MAX))
    if step > 1:
        part = max_pool(part, step)
    is_exact = step == 1 and part.size <= N_EXACT_CELLS
    cells = np.ascontiguousarray(part, np.float32) if is_exact else quantise(part, low, high)
    frame = {
        "rows": n_rows, "columns": n_columns, "window": [top, bottom, left, right], "step": step,
        "exact": is_exact, "low": float(low), "high": float(high),
    }  # fmt: skip
    return PackedCells(zlib.compress(cells.tobytes(), level=1), frame)


def quantise(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 codes of values on a square-root scale from low to high; 255 where there is no value."""
    span = high - low if high > low else 1.0
    share = np.sqrt(np.clip((np.nan_to_num(values, nan=low) - low) / span, 0, 1))
    codes = np.rint(share * TOP_CODE).astype(np.uint8)
    return np.where(np.isnan(values), np.uint8(NO_VALUE), codes)


def values_of(codes: np.ndarray, low: float, high: float) -> np.ndarray:
    """What the codes of `quantise` stand for; NaN for 255."""
    values = low + (high - low) * (codes / TOP_CODE) ** 2
    return np.where(codes == NO_VALUE, np.nan, values)


def max_pool(values: np.ndarray, step: int) -> np.ndarray:
    """Largest value of every step x step block of the last two axes; NaN only where a block is all NaN."""
    n_rows, n_columns = values.shape[-2:]
    padding = [(0, 0)] * (values.ndim - 2) + [(0, -n_rows % step), (0, -n_columns % step)]
    padded = np.pad(values, padding, constant_values=np.nan)
    blocks = padded.reshape(
        *values.shape[:-2], padded.shape[-2] // step, step, padded.shape[-1] // step, step
    )
    return np.fmax.reduce(np.fmax.reduce(blocks, axis=-1), axis=-2)
