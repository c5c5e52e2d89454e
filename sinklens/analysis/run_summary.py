"""The numbers of one run that the Overview shows, computed together so that a page only reads them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sinklens.analysis.global_metrics import MetricValue, global_metrics
from sinklens.analysis.head_metrics import head_metric
from sinklens.analysis.received import excess_over, mean_over
from sinklens.analysis.shares import LayerCurve, SinkRate, layer_curve, sink_rate
from sinklens.analysis.sinks import sink_table
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class RunSummary:
    """What is said about one attention stream of a run."""

    stream: str
    n_tokens: int
    """Keys of the stream."""
    first_share: float
    """Mean over all heads of the first-token share, query 0 left out; NaN with a single token."""
    first_floor: float
    """The same for uniform attention."""
    first_excess: float
    """(first_share - first_floor) / (1 - first_floor)."""
    rate: SinkRate
    entropy: float
    """Mean over all heads of focus: 0 one key per query, 1 uniform; NaN with a single token."""
    curve: LayerCurve
    """First-token share by layer, query 0 left out."""
    cards: tuple[MetricValue, ...]
    tokens: pd.DataFrame
    """One row per token, as `sink_table` gives it; a learned sink has index -1."""


def run_summary(capture: Capture, stream: str | None = None) -> RunSummary:
    """Everything the Overview says about a stream, the main one by default."""
    profile = capture.profile(stream)
    curve = layer_curve(profile, "excluding_first")
    share, floor = (float(mean_over(values, axis=0)) for values in (curve.mean, curve.floor))
    return RunSummary(
        stream=profile.stream,
        n_tokens=profile.n_keys,
        first_share=share,
        first_floor=floor,
        first_excess=float(excess_over(share, floor)),
        rate=sink_rate(profile),
        entropy=float(mean_over(head_metric(profile, "focus"), axis=(0, 1))),
        curve=curve,
        cards=global_metrics(profile),
        tokens=sink_table(capture, stream=stream),
    )
