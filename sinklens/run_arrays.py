"""A run's profile as arrays, as one table, and as a labelled dataset."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.errors import NotCaptured
from sinklens.export.provenance import provenance_of
from sinklens.results import Capture

AXES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("layer", "head", "key"): (
        *("received", "received_tail", "first_row", "last_row", "argmax_count"),
        *("k_norm", "v_norm", "vo_norm"),
    ),
    ("layer", "head", "query"): (
        *("first_share", "self_share", "previous_share", "entropy", "row_max", "row_sum", "sum_squares"),
        *("q_norm", "out_norm"),
    ),
    ("layer", "head"): ("n_below_uniform",),
    ("layer", "query"): ("n_visible",),
    ("layer", "key"): ("n_viewers", "uniform_received"),
    ("query", "key"): ("mean_map", "first_layer_map", "last_layer_map"),
    ("layer", "head", "thumbnail_row", "thumbnail_column"): ("thumbnails",),
}
"""Axes -> arrays of `results.Profile` that have them; what each array means is said there."""


def arrays_of(capture: Capture, stream: str | None = None) -> dict[str, np.ndarray]:
    """Every array of a stream's profile by name; those that the run did not keep are left out."""
    profile = capture.profile(stream)
    found = {name: getattr(profile, name) for names in AXES.values() for name in names}
    return {name: array for name, array in found.items() if array is not None}


def keys_table(capture: Capture, stream: str | None = None) -> pd.DataFrame:
    """One row for each layer, head and key.

    Columns: layer, head, key, token, then the arrays over (layer, head, key); NaN where a family has none.
    """
    arrays, axes = arrays_of(capture, stream), ("layer", "head", "key")
    layer, head, key = np.indices(arrays["received"].shape).reshape(3, -1)
    tokens = np.asarray(capture.key_prompt(stream).labels, object)
    facts = {"layer": layer, "head": head, "key": key, "token": tokens[key]}
    return pd.DataFrame(facts | {name: arrays[name].ravel() for name in AXES[axes]})


def dataset(capture: Capture, stream: str | None = None):
    """The profile as an `xarray.Dataset`: layer, head, query and key are axes, tokens are coordinates.

    Raises
    ------
    NotCaptured
        xarray is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise NotCaptured("xarray is not installed: pip install 'sinklens[xarray]'.") from error
    arrays = arrays_of(capture, stream)
    axes_of = {name: axes for axes, names in AXES.items() for name in names}
    labels = {"query": capture.query_prompt(stream).labels, "key": capture.key_prompt(stream).labels}
    tokens = {f"{axis}_token": (axis, list(found)) for axis, found in labels.items()}
    sizes = {
        axis: n for name, array in arrays.items() for axis, n in zip(axes_of[name], array.shape, strict=True)
    }
    counts = {axis: np.arange(n) for axis, n in sizes.items()}
    facts = {"stream": capture.profile(stream).stream, "caption": provenance_of(capture).caption()}
    return xarray.Dataset(
        {name: (axes_of[name], array) for name, array in arrays.items()}, {**counts, **tokens}, facts
    )
