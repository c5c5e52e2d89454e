"""The first token's share by layer on paper."""

from __future__ import annotations

from sinklens.analysis.shares import LayerCurve
from sinklens.figures.chart_figure import ChartFigure
from sinklens.widgets.colours import PAPER


def layer_drawing(curve: LayerCurve) -> ChartFigure:
    """Mean of the heads, the strongest head, and what uniform attention would give."""
    layers = list(range(len(curve.mean)))
    traces = [
        {"name": "uniform", "y": curve.floor.tolist(), "mode": "lines",
         "line": {"color": PAPER["quiet"], "dash": "dot"}},
        {"name": "strongest head", "y": curve.top.tolist(), "mode": "markers",
         "marker": {"symbol": "diamond", "color": PAPER["sink"], "size": 9}},
        {"name": "mean of heads", "y": curve.mean.tolist(), "mode": "lines+markers",
         "line": {"color": PAPER["side_a"], "width": 2.5}, "marker": {"color": PAPER["side_a"], "size": 7}},
    ]  # fmt: skip
    xaxis = {"title": {"text": "layer"}, "dtick": max(1, len(layers) // 12)}
    yaxis = {"title": {"text": "attention to token 0"}, "tickformat": ".0%", "range": [0, 1.04]}
    data = [{"type": "scatter", "x": layers} | trace for trace in traces]
    return ChartFigure({"data": data, "layout": {"xaxis": xaxis, "yaxis": yaxis}}, {})
