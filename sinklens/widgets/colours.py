"""The colours of cells: one definition for the page, for notebooks and for figures on paper.

The browser gets `ANCHORS` and the constants with its script and makes the same tables (cells.js).
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from sinklens.errors import BadSelection
from sinklens.widgets.cells import NO_VALUE, TOP_CODE

ANCHORS = {
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "diverging": "0b3c6f 2a6ead 6ba3cf b5d2e8 f2f2f2 f5cda8 e69a56 bd5e12 7a3503",
    "sides": "7a3503 bd5e12 e69a56 f5cda8 f2f2f2 b5d2e8 6ba3cf 2a6ead 0b3c6f",
}
"""Evenly spaced stops. "sides" is for A − B: blue, as side A, where A has more."""
PALETTES = tuple(ANCHORS)
SEQUENTIAL = ("viridis", "cividis")
N_DECADES = 4
"""Of the logarithmic scale."""
SCALES = {"linear": "linear", "sqrt": "square root", "log": f"logarithm, {N_DECADES} decades"}
PAPER = {
    "ink": "#1b2525", "quiet": "#566464", "line": "#d9dfdf", "grid": "#e3e8e8", "paper": "#ffffff",
    "masked_a": "#eceeee", "masked_b": "#dde2e2", "side_a": "#0072b2", "side_b": "#d55e00",
    "sink": "#e69f00",
}  # fmt: skip
"""What surrounds the cells on white paper: the colours of the page's light theme."""


def constants() -> str:
    """The definitions that the browser's script begins with."""
    return (
        f"const ANCHORS = {json.dumps(ANCHORS)};\nconst SCALES = {json.dumps(SCALES)};\n"
        f"const TOP_CODE = {TOP_CODE}, NO_VALUE = {NO_VALUE}, N_DECADES = {N_DECADES};\n"
    )


@cache
def colour_table(palette: str) -> np.ndarray:
    """All colours of a palette from its lowest to its highest number, uint8 of shape (256, 3)."""
    stops = np.array([tuple(bytes.fromhex(stop)) for stop in ANCHORS[palette].split()], float)
    place = np.arange(256) / 255 * (len(stops) - 1)
    left = np.minimum(place.astype(int), len(stops) - 2)
    mixed = stops[left] + (place - left)[:, None] * (stops[left + 1] - stops[left])
    table = np.floor(mixed + 0.5).astype(np.uint8)  # as Math.round: halves upwards
    table.flags.writeable = False
    return table


def shades(values: np.ndarray, *, low: float, high: float, scale: str) -> np.ndarray:
    """Place of every value in its colour table, int16 of the same shape; -1 where there is no value.

    Parameters
    ----------
    values : ndarray of any shape, NaN where there is no value
    low, high : ends of the colour scale; what lies beyond has the colour of the end
    scale : a key of SCALES
    """
    span = high - low if high > low else 1.0
    share = np.clip((np.asarray(values, float) - low) / span, 0, 1)
    if scale == "sqrt":
        share = np.sqrt(share)
    elif scale == "log":
        share = 1 + np.log10(np.maximum(share, 10.0**-N_DECADES)) / N_DECADES
    missing = np.isnan(share)
    return np.where(missing, -1, np.floor(255 * np.where(missing, 0, share) + 0.5)).astype(np.int16)


def colours_of(values: np.ndarray, *, low: float, high: float, scale: str, palette: str) -> np.ndarray:
    """Red, green, blue and opacity of every value, uint8 of shape (*values.shape, 4)."""
    shade = shades(values, low=low, high=high, scale=scale)
    opaque = np.where(shade < 0, 0, 255).astype(np.uint8)
    return np.concatenate([colour_table(palette)[np.maximum(shade, 0)], opaque[..., None]], axis=-1)


def check_look(scale: str, palette: str) -> None:
    """Raise BadSelection for a scale or a palette that there is not."""
    if scale not in SCALES:
        raise BadSelection(f"A colour scale is one of {', '.join(SCALES)}; got '{scale}'.")
    if palette not in PALETTES:
        raise BadSelection(f"A palette is one of {', '.join(PALETTES)}; got '{palette}'.")


def scale_sentence(*, low: float, high: float, scale: str, palette: str) -> str:
    """What the colours mean, for below a figure."""
    kind = SCALES[scale] if palette in SEQUENTIAL else "linear, around 0"
    return f"colours: {palette}, {kind}, {low:.3g} to {high:.3g}"
