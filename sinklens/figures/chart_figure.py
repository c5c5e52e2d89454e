"""A Plotly chart of the page on paper, drawn from the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure

from sinklens.errors import BadSelection
from sinklens.figures.chart_axes import draw_notes, draw_shapes, style_axis
from sinklens.figures.chart_marks import BAR_GAP, BAR_WIDTH, draw_bars, draw_cells, draw_line
from sinklens.figures.chart_others import DRAWN_WHOLE
from sinklens.figures.chart_spec import array, resolved, texts_in
from sinklens.figures.studio import MM_PER_INCH, Box, axes_at, width_mm_of
from sinklens.widgets.colours import PAPER

PLAIN = ("scatter", "scattergl", "bar", "heatmap")
HEIGHT_OF_WIDTH = 0.5
MM_PER_PX = 0.2
"""Of a chart that says its height itself."""
LEGEND_KEY_MM = 9.0
LEAST_MM = 30.0


@dataclass(frozen=True, eq=False)
class ChartFigure:
    """What a chart widget shows.

    Raises BadSelection when it is drawn with traces that have no counterpart here.
    """

    figure: Mapping
    """data and layout, as Plotly takes them"""
    variables: Mapping[str, str]
    """CSS variables of the theme that the figure names -> their values"""

    @cached_property
    def spec(self) -> dict:
        """The figure with the theme's colours."""
        return resolved(dict(self.figure), self.variables)

    def height_mm(self, width_mm: float) -> float:
        """What the figure says, else half its width."""
        px = self.spec.get("layout", {}).get("height")
        return px * MM_PER_PX if px else width_mm * HEIGHT_OF_WIDTH

    def least_mm(self, width_mm: float) -> float:
        """Titles, ticks and legend, with some room for the curves."""
        return LEAST_MM

    def draw(self, sheet: Figure, box: Box) -> None:
        """Axes with their traces; legend above, as on the page."""
        data, layout = self.spec.get("data", ()), self.spec.get("layout", {})
        kinds = {trace.get("type", "scatter") for trace in data}
        if not data:
            raise BadSelection("This chart shows nothing at present, so there is nothing to draw.")
        if len(kinds) == 1 and (whole := DRAWN_WHOLE.get(next(iter(kinds)))):
            whole(sheet, box, data, layout)
            return
        if unknown := kinds.difference(PLAIN):
            raise BadSelection(f"A chart of {', '.join(sorted(unknown))} cannot be drawn on paper.")
        plots = {pair: self._plot(sheet, pair) for pair in _pairs(data)}
        keys = [key for pair, plot in plots.items() for key in self._trace(plot, pair)]
        draw_shapes(plots, layout.get("shapes", ()))
        draw_notes(plots, layout.get("annotations", ()))
        _legend(next(iter(plots.values())), keys, layout, box.width)
        _fit(sheet, plots, layout, box)

    def texts(self) -> Sequence[str]:
        """Names, labels and notes."""
        return texts_in(self.spec)

    def _plot(self, sheet: Figure, pair: tuple[str, str]) -> Plot:
        plot = axes_at(sheet, Box(20, 20, 60, 40), label=" ".join(pair))
        plot.spines[["top", "right"]].set_visible(False)
        plot.set_axisbelow(True)
        plot.tick_params(length=2, width=0.4)
        return plot

    def _trace(self, plot: Plot, pair: tuple[str, str]) -> list[tuple[Mapping, object]]:
        """Draw what belongs to a pair of axes; traces and their keys in the legend."""
        layout = self.spec.get("layout", {})
        mine = [trace for trace in self.spec["data"] if _pair(trace) == pair]
        names = {
            which: _categories(mine, which, layout.get(_key(pair[i]), {})) for i, which in enumerate("xy")
        }

        def places(values, which: str) -> np.ndarray:
            found = array(values)
            known = names[which]
            return np.array([known.index(str(v)) for v in found], float) if known and len(found) else found

        bars = [trace for trace in mine if trace.get("type") == "bar"]
        keys = list(zip(bars, draw_bars(plot, bars, layout, places), strict=True)) if bars else []
        for trace in mine:
            if trace.get("type") == "heatmap":
                draw_cells(plot, trace, places)
            elif trace.get("type") != "bar":
                keys.append((trace, draw_line(plot, trace, places)))
        for which, axis in zip("xy", pair, strict=True):
            style_axis(plot, which, _axis_for(layout.get(_key(axis), {}), pair, which), names[which])
        place = {id(trace): number for number, trace in enumerate(mine)}
        return sorted(keys, key=lambda key: place[id(key[0])])


def _axis_for(spec: Mapping, pair: tuple[str, str], which: str) -> Mapping:
    """An axis that several plots share is named only where it is anchored."""
    other = pair[1] if which == "x" else pair[0]
    is_shared = spec.get("anchor") not in (None, "free", other)
    return {**spec, "showticklabels": False, "title": None} if is_shared else spec


def _pair(trace: Mapping) -> tuple[str, str]:
    return trace.get("xaxis") or "x", trace.get("yaxis") or "y"


def _pairs(data: Sequence[Mapping]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(map(_pair, data)))


def _key(axis: str) -> str:
    """ "y2" -> "yaxis2" """
    return f"{axis[0]}axis{axis[1:]}"


def _categories(traces: Sequence[Mapping], which: str, axis: Mapping) -> list[str]:
    """Names along an axis in the order of their first use; none where it has numbers."""
    found = [array(trace.get(which)) for trace in traces if trace.get(which) is not None]
    if not any(values.dtype == object for values in found) and axis.get("type") != "category":
        return []
    return list(dict.fromkeys(str(value) for values in found for value in values))


def _legend(plot: Plot, keys: list, layout: Mapping, width_mm: float) -> None:
    """One row or several above the plot; nothing where the page shows none."""
    known, groups = [], set()
    for trace, key in keys:
        group = trace.get("legendgroup")
        if trace.get("showlegend") is False or not trace.get("name") or (group and group in groups):
            continue
        groups.add(group)
        known.append(key)
    if not known or not layout.get("showlegend", len(keys) > 1):
        return
    if layout.get("legend", {}).get("traceorder") == "reversed":
        known.reverse()
    widest = max(width_mm_of(key.get_label()) for key in known) + LEGEND_KEY_MM
    n_columns = max(1, min(len(known), int(width_mm * 0.9 / widest)))
    is_below = layout.get("xaxis", {}).get("side") == "top"
    place = ("upper left", (0, -0.01)) if is_below else ("lower left", (0, 1.01))
    plot.legend(
        handles=known, loc=place[0], bbox_to_anchor=place[1], ncols=n_columns, frameon=False,
        fontsize=6.5, borderaxespad=0.3, columnspacing=1.5, handlelength=2.6, labelcolor=PAPER["ink"],
    )  # fmt: skip


def _fit(sheet: Figure, plots: Mapping, layout: Mapping, box: Box) -> None:
    """Move the plots so that all their texts lie in the box; thrice, as ticks change with the room."""
    width, height = sheet.get_size_inches() * MM_PER_INCH
    inner = [box.left + 14, box.bottom + 10, box.left + box.width - 3, box.bottom + box.height - 5]
    for _ in range(3):
        for (x, y), plot in plots.items():
            (left, right), (low, high) = (_domain(layout, axis) for axis in (x, y))
            across, down = inner[2] - inner[0], inner[3] - inner[1]
            place = [
                inner[0] + left * across,
                inner[1] + low * down,
                (right - left) * across,
                (high - low) * down,
            ]
            _place(plot, np.array(place) / [width, height, width, height])
        renderer = sheet._get_renderer()
        found = [axes.get_tightbbox(renderer) for axes in sheet.axes]
        ends = [box_of.extents * MM_PER_INCH / sheet.dpi for box_of in found if box_of is not None]
        low, high = np.min(ends, axis=0)[:2], np.max(ends, axis=0)[2:]
        wanted = (box.left, box.bottom, box.left + box.width, box.bottom + box.height)
        inner = [edge + want - have for edge, want, have in zip(inner, wanted, (*low, *high), strict=True)]
        inner[2] = max(inner[2], inner[0] + 10)
        inner[3] = max(inner[3], inner[1] + 5)


def _place(plot: Plot, place: np.ndarray) -> None:
    """Move a plot, and its colour bar to its right."""
    plot.set_position(place)
    left, bottom, width, height = place
    for mesh in plot.collections:
        if getattr(mesh, "colorbar", None):
            mesh.colorbar.ax.set_position((left + width + BAR_GAP, bottom, BAR_WIDTH, height))


def _domain(layout: Mapping, axis: str) -> tuple[float, float]:
    low, high = layout.get(_key(axis), {}).get("domain", (0.0, 1.0))
    return float(low), float(high)
