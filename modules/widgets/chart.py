"""A small Plotly chart that is created once and then only updated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import anywidget
import plotly
import plotly.graph_objects as go
import traitlets
from htmltools import HTMLDependency
from plotly.utils import PlotlyJSONEncoder

from modules.widgets.figure_words import figure_in_words
from modules.widgets.in_session import InSession
from modules.widgets.theme_colours import light_colours
from sinklens.widgets.on_paper import About
from sinklens.widgets.script import joined, style

PLOTLY_JS = HTMLDependency(
    "plotly",
    plotly.__version__,
    source={"package": "plotly", "subdir": "package_data"},
    script={"src": "plotly.min.js"},
)
"""plotly.js from the Python package; a page that holds charts puts this in its head once."""


class Chart(InSession, anywidget.AnyWidget):
    """Bars, lines and points; text and grid colours follow the page's theme without a round trip.

    A colour in the figure may be a CSS variable, such as "var(--sink)": the browser resolves it again
    whenever the theme changes.
    """

    _esm = joined("figure_menu.js") + (Path(__file__).parent / "chart.js").read_text("utf-8")
    # shinywidgets clears the height that a widget gives its own element.
    _css = ".shiny-ipywidget-output > :has(> .sl-chart) { height: 100%; }" + style("figure_menu.css")
    figure = traitlets.Dict().tag(sync=True)
    """data and layout of the figure."""
    label = traitlets.Unicode("").tag(sync=True, words=("",))
    """What the picture shows, in a sentence, for those who do not see it."""
    clicked = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[curve, point index, x, y] of the last click; None before the first one."""

    def show(
        self, figure: go.Figure | dict, *, label: str | None = None, about: Sequence[About] = ()
    ) -> None:
        """Draw a figure in the place of the last one.

        Parameters
        ----------
        about : runs that the numbers come from, for the caption of a figure that is downloaded
        """
        self.about = about
        with self.hold_sync():
            self.figure = plain_figure(figure)
            if label is not None:
                self.label = label

    def in_words(self, trait: str, value):
        """As the others, and the figure by what its parts are."""
        if trait == "figure":
            return figure_in_words(value, self.words.finished)
        return super().in_words(trait, value)

    def drawing(self):
        """What the chart shows, in the colours of the light theme."""
        from sinklens.figures.chart_figure import ChartFigure

        return ChartFigure(self.figure, light_colours())


def plain_figure(figure: go.Figure | dict) -> dict:
    """The figure as plain JSON values: number arrays in base64, NaN as None, no template."""
    spec = figure.to_dict() if isinstance(figure, go.Figure) else figure
    layout = {key: value for key, value in spec.get("layout", {}).items() if key != "template"}
    return json.loads(PlotlyJSONEncoder().encode({"data": list(spec.get("data", ())), "layout": layout}))
