"""The axes of a chart on paper: ranges, ticks, grid, lines across, notes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullLocator
from matplotlib.transforms import blended_transform_factory, offset_copy

from sinklens.figures.chart_spec import array, colour, dash, points, title_of, words
from sinklens.widgets.colours import PAPER

NUMBER = re.compile(r"(?P<comma>,)?(?:\.(?P<digits>\d+))?(?P<trim>~)?(?P<kind>[%fgs])?")
ACROSS = {"left": "left", "center": "center", "right": "right", "auto": "center", None: "center"}
DOWN = {"top": "top", "middle": "center", "bottom": "bottom", "auto": "center", None: "center"}


def style_axis(plot: Plot, which: str, spec: Mapping, categories: Sequence[str]) -> None:
    """Range, ticks and title of one axis.

    Parameters
    ----------
    which : "x" or "y"
    categories : names of the places 0, 1, ..., where the axis has names
    """
    axis = getattr(plot, f"{which}axis")
    if spec.get("type") == "log":
        getattr(plot, f"set_{which}scale")("log")
    _set_range(plot, which, spec)
    _set_ticks(axis, spec, categories)
    if spec.get("side") == "top":
        axis.tick_top()
        axis.set_label_position("top")
    if spec.get("showgrid", True):
        axis.grid(True, color=PAPER["grid"], linewidth=0.5)
    title = title_of(spec)
    if title:
        axis.set_label_text(title)
    if spec.get("tickangle"):
        upright = {"rotation": -spec["tickangle"], "ha": "right", "rotation_mode": "anchor"}
        for label in axis.get_ticklabels() if which == "x" else ():
            label.set(**upright)
    if spec.get("showticklabels") is False:
        axis.set_ticklabels([])
    if spec.get("visible") is False:
        axis.set_visible(False)


def _set_range(plot: Plot, which: str, spec: Mapping) -> None:
    set_limits, get_limits = getattr(plot, f"set_{which}lim"), getattr(plot, f"get_{which}lim")
    if spec.get("range"):
        ends = array(spec["range"])
        set_limits(*(10**ends if spec.get("type") == "log" else ends))
    elif spec.get("rangemode") == "tozero":
        low, high = get_limits()
        set_limits(min(low, 0) if low < -1e-9 and _has_negative(plot, which) else 0, max(high, 0) or 1)
    if spec.get("autorange") == "reversed":
        set_limits(*get_limits()[::-1])


def _has_negative(plot: Plot, which: str) -> bool:
    ends = plot.dataLim.intervalx if which == "x" else plot.dataLim.intervaly
    return bool(min(ends) < 0)


def _set_ticks(axis, spec: Mapping, categories: Sequence[str]) -> None:
    if spec.get("tickvals") is not None:
        at = array(spec["tickvals"])
        if at.dtype == object:  # names of categories
            at = np.array([list(categories).index(name) for name in at])
        texts = spec.get("ticktext")
        shown = None if texts is None else [words(text) for text in texts]
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(at, shown)
        if shown is not None:
            return
    elif categories:
        axis.set_ticks(range(len(categories)), [words(name) for name in categories])
        return
    elif spec.get("dtick") and spec.get("type") != "log":
        axis.set_major_locator(MultipleLocator(float(spec["dtick"])))
    elif spec.get("type") == "log":
        axis.set_major_locator(LogLocator(numticks=8))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(spec.get("nticks") or 6))
    axis.set_major_formatter(FuncFormatter(written(spec.get("tickformat"), spec.get("ticksuffix", ""))))


def written(form: str | None, suffix: str = ""):
    """How a number stands at a tick, from the page's format: ".0%", ".2~f", ","."""
    found = NUMBER.fullmatch(form or "")

    def write(value: float, place=None) -> str:
        if found is None or not form:
            text = f"{value:,.10g}" if abs(value) < 1e6 else f"{value:.3g}"
        else:
            kind, digits = found["kind"] or "g", found["digits"]
            text = f"{value:{',' if found['comma'] else ''}.{digits or 6}{'%' if kind == '%' else kind}}"
            if found["trim"] and "." in text:
                text = re.sub(r"\.?0+(?=%?$)", "", text)
            text = text.replace("%", " %")
        return text.replace("-", "−") + suffix

    return write


def draw_shapes(plots: Mapping[tuple[str, str], Plot], shapes: Sequence[Mapping]) -> None:
    """Lines and strips across a chart."""
    for shape in shapes:
        plot = _plot_of(plots, shape)
        place = _place(plot, shape, "xref"), _place(plot, shape, "yref")
        transform = blended_transform_factory(*place)
        order = 0.5 if shape.get("layer") == "below" else 2.5
        xs, ys = (float(shape["x0"]), float(shape["x1"])), (float(shape["y0"]), float(shape["y1"]))
        line, opacity = shape.get("line", {}), shape.get("opacity", 1.0)
        if shape.get("type") == "line":
            look = {"color": colour(line.get("color")), "linestyle": dash(line.get("dash"))}
            width = points(line.get("width"), 2)
            plot.plot(xs, ys, transform=transform, linewidth=width, alpha=opacity, zorder=order,
                      scalex=False, scaley=False, **look)  # fmt: skip
        else:
            edge = {"linewidth": points(line.get("width"), 2), "edgecolor": colour(line.get("color"), "none")}
            face = colour(shape.get("fillcolor"), "none")
            plot.add_artist(Rectangle((xs[0], ys[0]), xs[1] - xs[0], ys[1] - ys[0], transform=transform,
                                      facecolor=face, alpha=opacity, zorder=order, **edge))  # fmt: skip


def draw_notes(plots: Mapping[tuple[str, str], Plot], notes: Sequence[Mapping]) -> None:
    """Texts at places of a chart."""
    for note in notes:
        plot = _plot_of(plots, note)
        transform = blended_transform_factory(_place(plot, note, "xref"), _place(plot, note, "yref"))
        shift = points(note.get("xshift"), 0), points(note.get("yshift"), 0)
        moved = offset_copy(transform, plot.figure, *shift, units="points")
        ink = colour(note.get("font", {}).get("color"), PAPER["ink"])
        place = {"ha": ACROSS[note.get("xanchor")], "va": DOWN[note.get("yanchor")]}
        plot.text(note.get("x", 0.5), note.get("y", 0.5), words(note.get("text")), color=ink, transform=moved,
                  fontsize=6.5, zorder=4, **place)  # fmt: skip


def _place(plot: Plot, part: Mapping, which: str):
    """Where a number of a shape or a note is counted: on its axis, or as a part of the whole."""
    ref = str(part.get(which) or which[0])
    if ref == "paper" or ref.endswith(" domain"):
        return plot.transAxes
    return plot.transData


def _plot_of(plots: Mapping[tuple[str, str], Plot], part: Mapping) -> Plot:
    wanted = [str(part.get(which) or which[0]).removesuffix(" domain") for which in ("xref", "yref")]
    fits = [
        plot
        for axes, plot in plots.items()
        if all(w in ("paper", a) for w, a in zip(wanted, axes, strict=True))
    ]
    return fits[0] if fits else next(iter(plots.values()))
