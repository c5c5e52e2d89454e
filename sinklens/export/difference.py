"""Two runs side by side in numbers: what was different before, and what came out differently."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from sinklens.analysis.head_metrics import head_metric
from sinklens.analysis.metric_delta import metric_deltas
from sinklens.analysis.sinks import sink_table
from sinklens.export.provenance import Provenance, provenance_of
from sinklens.results import Capture

METRICS = ("first_token_share", "focus", "previous_token_share")


@dataclass(frozen=True, eq=False)
class Difference:
    """What is not the same in two runs; differences are A - B, as on the Compare page."""

    stream: str
    facts: pd.DataFrame
    """Columns fact, a, b: what the runs rest on, where it differs."""
    numbers: pd.DataFrame
    """Columns number, name, a, b, difference; NaN where not applicable."""
    tokens: pd.DataFrame | None
    """Columns index, token, received_a, received_b, difference, label_a, label_b; None for other tokens."""
    heads: pd.DataFrame | None
    """Columns layer, head and `<metric>_a`, `<metric>_b`, `<metric>_difference`; None for another shape."""
    note: str
    """Why there is no table of tokens or heads; empty where there are both."""

    @property
    def is_same(self) -> bool:
        """Are all numbers that can be compared equal?"""
        tables = [self.numbers, *(table for table in (self.tokens, self.heads) if table is not None)]
        found = [table[name] for table in tables for name in table.columns if name.endswith("difference")]
        return not self.note and all((np.nan_to_num(values) == 0).all() for values in found)


def difference(
    a: Capture,
    b: Capture,
    stream: str | None = None,
    *,
    facts: tuple[Provenance, Provenance] | None = None,
) -> Difference:
    """Compare two runs stream by stream; BadSelection where one has no such stream.

    Parameters
    ----------
    facts : what the runs rest on where it was stored with them; of this process by default
    """
    stream_of_a = a.profile(stream).stream
    b.profile(stream)
    has_same_tokens = a.key_prompt(stream).ids == b.key_prompt(stream).ids
    shapes = [(c.profile(stream).n_layers, c.profile(stream).n_heads) for c in (a, b)]
    notes = []
    if not has_same_tokens:
        notes.append("The runs have other tokens, so tokens are not compared one by one.")
    if shapes[0] != shapes[1]:
        sizes = " and ".join(f"{layers} x {heads}" for layers, heads in shapes)
        notes.append(f"The models have {sizes} heads, so heads are not compared one by one.")
    return Difference(
        stream=stream_of_a,
        facts=_facts(*(facts or (provenance_of(a), provenance_of(b)))),
        numbers=_numbers(a, b, stream),
        tokens=_tokens(a, b, stream) if has_same_tokens else None,
        heads=_heads(a, b, stream) if shapes[0] == shapes[1] else None,
        note=" ".join(notes),
    )


def _facts(a: Provenance, b: Provenance) -> pd.DataFrame:
    rows = [
        (item.name, _written(getattr(a, item.name)), _written(getattr(b, item.name)))
        for item in fields(Provenance)
        if getattr(a, item.name) != getattr(b, item.name)
    ]
    return pd.DataFrame(rows, columns=["fact", "a", "b"])


def _written(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return "; ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _numbers(a: Capture, b: Capture, stream: str | None) -> pd.DataFrame:
    """Every number of the Compare page."""
    streams = (capture.profile(stream).stream for capture in (a, b))
    table = metric_deltas(a, b, *streams)[["key", "name", "a", "b", "delta"]]
    return table.rename(columns={"key": "number", "delta": "difference"})


def _tokens(a: Capture, b: Capture, stream: str | None) -> pd.DataFrame:
    one, other = (sink_table(capture, stream=stream) for capture in (a, b))
    both = one.merge(other, on="index", suffixes=("_a", "_b"), how="outer")
    return pd.DataFrame(
        {
            "index": both["index"],
            "token": both["token_a"].fillna(both["token_b"]),
            "received_a": both["received_a"],
            "received_b": both["received_b"],
            "difference": both["received_a"] - both["received_b"],
            "label_a": both["label_a"],
            "label_b": both["label_b"],
        }
    )


def _heads(a: Capture, b: Capture, stream: str | None) -> pd.DataFrame:
    profiles = [capture.profile(stream) for capture in (a, b)]
    layer, head = np.indices((profiles[0].n_layers, profiles[0].n_heads)).reshape(2, -1)
    table = pd.DataFrame({"layer": layer, "head": head})
    for name in METRICS:
        one, other = (head_metric(profile, name).ravel() for profile in profiles)
        table[f"{name}_a"], table[f"{name}_b"] = one, other
        table[f"{name}_difference"] = one - other
    return table
