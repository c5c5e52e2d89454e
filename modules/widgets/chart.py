"""A small Plotly chart that is created once and then only updated."""

from __future__ import annotations

import json
from pathlib import Path

import anywidget
import plotly
import plotly.graph_objects as go
import traitlets
from htmltools import HTMLDependency
from plotly.utils import PlotlyJSONEncoder

PLOTLY_JS = HTMLDependency(
    "plotly",
    plotly.__version__,
    source={"package": "plotly", "subdir": "package_data"},
    script={"src": "plotly.min.js"},
)
"""plotly.js from the Python package; a page that holds charts puts this in its head once."""


class Chart(anywidget.AnyWidget):
    """Bars, lines and points; text and grid colours follow the page's theme without a round trip.

    A colour in the figure may be a CSS variable, such as "var(--sink)": the browser resolves it again
    whenever the theme changes.
    """

    _esm = Path(__file__).parent / "chart.js"
    # shinywidgets clears the height that a widget gives its own element.
    _css = ".shiny-ipywidget-output > :has(> .sl-chart) { height: 100%; }"
    figure = traitlets.Dict().tag(sync=True)
    """data and layout of the figure."""
    label = traitlets.Unicode("").tag(sync=True)
    """What the picture shows, in a sentence, for those who do not see it."""
    clicked = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[curve, point index, x, y] of the last click; None before the first one."""

    def show(self, figure: go.Figure | dict, *, label: str | None = None) -> None:
        """Draw a figure in the place of the last one."""
        with self.hold_sync():
            self.figure = plain_figure(figure)
            if label is not None:
                self.label = label


def plain_figure(figure: go.Figure | dict) -> dict:
    """The figure as plain JSON values: number arrays in base64, NaN as None, no template."""
    spec = figure.to_dict() if isinstance(figure, go.Figure) else figure
    layout = {key: value for key, value in spec.get("layout", {}).items() if key != "template"}
    return json.loads(PlotlyJSONEncoder().encode({"data": list(spec.get("data", ())), "layout": layout}))
