"""The traces of a chart on paper: lines, points, bands, bars and cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sinklens.figures.chart_axes import written
from sinklens.figures.chart_spec import (
    HATCHES,
    array,
    colour,
    dash,
    each,
    marker,
    points,
    title_of,
    words,
)
from sinklens.widgets.colours import ANCHORS, PAPER, colour_table

BAR_WIDTH, BAR_GAP = 0.012, 0.01
"""Of a colour bar, as parts of the sheet's width."""
TEXT_PLACES = {"top": (0, 4, "bottom"), "middle": (0, 0, "center"), "bottom": (0, -4, "top")}
Places = Callable[[object, str], np.ndarray]
"""Numbers of what a trace has along "x" or "y": names become 0, 1, ..."""


def draw_line(plot: Plot, trace: Mapping, places: Places) -> Line2D | Patch:
    """Lines, markers, texts, bands and error bars; gives what stands for it in the legend."""
    x, y = places(trace.get("x"), "x"), places(trace.get("y"), "y")
    if not len(x):
        x = np.arange(len(y), dtype=float)
    line, mode = trace.get("line", {}), trace.get("mode") or "lines"
    ink = colour(line.get("color") or _first(trace.get("marker", {}).get("color")))
    alpha, curve = trace.get("opacity", 1.0), {"hv": "steps-post", "vh": "steps-pre"}
    look = {"color": ink, "linewidth": points(line.get("width"), 2), "linestyle": dash(line.get("dash"))}
    look |= {"alpha": alpha, "drawstyle": curve.get(line.get("shape"), "default")}
    _fill(plot, trace, x, y)
    has_line = "lines" in mode and line.get("width", 2) > 0
    if has_line:
        plot.plot(x, y, **look, zorder=2)
    if "markers" in mode:
        _points(plot, trace, x, y)
    if "text" in mode:
        _texts(plot, trace, x, y)
    _errors(plot, trace, x, y)
    return _key(
        trace, look if has_line else {"linestyle": "none", "color": ink}, with_marker="markers" in mode
    )


def _points(plot: Plot, trace: Mapping, x: np.ndarray, y: np.ndarray) -> None:
    spec = trace.get("marker", {})
    inks = _inks(spec, trace.get("line", {}).get("color"), len(x))
    sizes, edge = each(spec.get("size", 6), len(x)), spec.get("line", {})
    widths, edges = each(edge.get("width", 0), len(x)), each(edge.get("color"), len(x))
    symbols, alphas = each(spec.get("symbol"), len(x)), each(spec.get("opacity", 1.0), len(x))
    for i in np.flatnonzero(np.isfinite(x) & np.isfinite(y)):
        shape, is_filled = marker(symbols[i])
        is_stroke = shape in "_|x"
        rim = inks[i] if is_stroke or not is_filled else colour(edges[i], "none")
        width = points(widths[i] or (1.5 if is_stroke or not is_filled else 0), 0)
        alpha = alphas[i] * trace.get("opacity", 1.0)
        plot.plot(
            x[i], y[i], marker=shape, markersize=points(sizes[i], 6), zorder=3, alpha=alpha,
            markerfacecolor=inks[i] if is_filled else "none", markeredgecolor=rim, markeredgewidth=width,
            clip_on=False,
        )  # fmt: skip


def _inks(spec: Mapping, otherwise, n: int) -> list:
    """Colour of every mark; numbers go through the trace's scale."""
    given = spec.get("color")
    if isinstance(given, Mapping) or (
        isinstance(given, list | tuple) and given and not isinstance(given[0], str)
    ):
        numbers = array(given)
        low, high = spec.get("cmin", np.nanmin(numbers)), spec.get("cmax", np.nanmax(numbers))
        scale = colour_map(spec.get("colorscale") or "Viridis")
        return [scale(share) for share in (numbers - low) / ((high - low) or 1)]
    return [colour(one, colour(otherwise)) for one in each(given, n)]


def _texts(plot: Plot, trace: Mapping, x: np.ndarray, y: np.ndarray) -> None:
    where = each(trace.get("textposition", "middle center"), len(x))
    font = trace.get("textfont", {})
    for i, text in enumerate(each(trace.get("text", ""), len(x))):
        if not text or not np.isfinite([x[i], y[i]]).all():
            continue
        down, _, across = str(where[i] or "middle center").partition(" ")
        _, up, va = TEXT_PLACES.get(down, TEXT_PLACES["middle"])
        ha = {"left": "right", "right": "left"}.get(across, "center")
        plot.annotate(words(text), (x[i], y[i]), xytext=({"right": 3, "left": -3}.get(ha, 0) * -1, up), ha=ha,
                      va=va, textcoords="offset points", fontsize=5.8, zorder=4,
                      color=colour(font.get("color"), PAPER["ink"]))  # fmt: skip


def _fill(plot: Plot, trace: Mapping, x: np.ndarray, y: np.ndarray) -> None:
    kind = trace.get("fill")
    if kind in (None, "none"):
        return
    line = colour(trace.get("line", {}).get("color"))
    face = colour(trace.get("fillcolor"), (*to_rgba(line)[:3], 0.3))
    look = {"facecolor": face, "linewidth": 0, "zorder": 1}
    if kind == "toself":
        known = np.isfinite(x) & np.isfinite(y)
        plot.fill(x[known], y[known], **look)
    else:
        step = "post" if trace.get("line", {}).get("shape") == "hv" else None
        plot.fill_between(x, y, 0, step=step, **look)


def _errors(plot: Plot, trace: Mapping, x: np.ndarray, y: np.ndarray) -> None:
    for name, which in (("error_x", "xerr"), ("error_y", "yerr")):
        spec = trace.get(name)
        if spec is None:
            continue
        above = array(spec["array"])
        below = above if spec.get("symmetric", True) else array(spec["arrayminus"])
        look = {"ecolor": colour(spec.get("color")), "elinewidth": points(spec.get("thickness"), 2)}
        plot.errorbar(
            x, y, **{which: [below, above]}, fmt="none", capsize=points(spec.get("width"), 4), **look
        )


def draw_bars(plot: Plot, traces: Sequence[Mapping], layout: Mapping, places: Places) -> list:
    """All bars of one pair of axes; gives what stands for each in the legend."""
    mode, gap = layout.get("barmode", "group"), layout.get("bargap", 0.2)
    groups = list(dict.fromkeys(str(t.get("offsetgroup", i)) for i, t in enumerate(traces)))
    n = len(groups) if mode == "group" else 1
    measured = [_measured(trace, places) for trace in traces]
    known = np.unique(np.concatenate([at[np.isfinite(at)] for at, _ in measured]))
    wide = (float(np.min(np.diff(known))) if len(known) > 1 else 1.0) * (1 - gap) / n
    ends: dict[tuple[float, bool], float] = {}
    keys = []
    for i, (trace, (at, size)) in enumerate(zip(traces, measured, strict=True)):
        place = groups.index(str(trace.get("offsetgroup", i))) if mode == "group" else 0
        at_middle = at + (place - (n - 1) / 2) * wide
        base = array(trace["base"]) if "base" in trace else np.zeros(len(size))
        if mode in ("relative", "stack"):
            base = _stacked(at, size, ends)
        flat = trace.get("orientation") == "h"
        keys.append(_bars(plot, trace, (at_middle, size, base, wide), flat=flat))
    return keys


def _measured(trace: Mapping, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Where the bars of a trace stand, and how long they are."""
    along, up = "yx" if trace.get("orientation") == "h" else "xy"
    at, size = places(trace.get(along), along), places(trace.get(up), up)
    return (at if len(at) else np.arange(len(size), dtype=float)), size


def _stacked(at: np.ndarray, size: np.ndarray, ends: dict) -> np.ndarray:
    """Where bars begin that stand on those before them, both signs by themselves."""
    base = np.zeros(len(size))
    for i, (place, length) in enumerate(zip(at, np.nan_to_num(size), strict=True)):
        key = (float(place), bool(length >= 0))
        base[i] = ends.get(key, 0.0)
        ends[key] = base[i] + length
    return base


def _bars(plot: Plot, trace: Mapping, measures: tuple, *, flat: bool) -> Patch:
    (at, size, base, wide), spec = measures, trace.get("marker", {})
    inks, pattern = _inks(spec, None, len(at)), spec.get("pattern", {})
    shapes, alphas = each(pattern.get("shape", ""), len(at)), each(spec.get("opacity", 1.0), len(at))
    edge = spec.get("line", {})
    widths, edges = each(edge.get("width", 0), len(at)), each(edge.get("color"), len(at))
    for i in np.flatnonzero(np.isfinite(at) & np.isfinite(size)):
        rim = {"edgecolor": colour(edges[i], PAPER["paper"]), "linewidth": points(widths[i], 0)}
        look = {"facecolor": inks[i], "hatch": HATCHES.get(shapes[i] or "", ""), "alpha": alphas[i]} | rim
        if flat:
            plot.barh(at[i], size[i], wide, left=base[i], zorder=2, **look)
        else:
            plot.bar(at[i], size[i], wide, bottom=base[i], zorder=2, **look)
    ink = inks[0] if inks else PAPER["ink"]
    hatch = HATCHES.get((shapes[0] if shapes else "") or "", "")
    return Patch(
        facecolor=ink, hatch=hatch, edgecolor=PAPER["paper"], linewidth=0, label=words(trace.get("name"))
    )


def draw_cells(plot: Plot, trace: Mapping, places: Places) -> None:
    """A heat map with its colour bar; a cell without a number stays empty."""
    z = np.atleast_2d(array(trace["z"]))
    x = places(trace["x"], "x") if trace.get("x") is not None else np.arange(z.shape[1], dtype=float)
    y = places(trace["y"], "y") if trace.get("y") is not None else np.arange(z.shape[0], dtype=float)
    finite = z[np.isfinite(z)]
    low = trace.get("zmin", float(finite.min()) if finite.size else 0.0)
    high = trace.get("zmax", float(finite.max()) if finite.size else 1.0)
    mesh = plot.pcolormesh(
        _edges(x), _edges(y), np.ma.masked_invalid(z), vmin=low, vmax=high, zorder=1,
        cmap=colour_map(trace.get("colorscale") or "Viridis"), linewidth=0.4 if trace.get("xgap") else 0,
        edgecolors=PAPER["paper"] if trace.get("xgap") else "none",
    )  # fmt: skip
    plot.set(xlim=(_edges(x)[0], _edges(x)[-1]), ylim=(_edges(y)[0], _edges(y)[-1]))
    if trace.get("showscale", True):
        spec = trace.get("colorbar", {})
        bar = plot.figure.colorbar(mesh, cax=plot.figure.add_axes((0.9, 0.1, BAR_WIDTH, 0.8)))
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_formatter(lambda value, place: written(spec.get("tickformat"))(value))
        bar.set_label(title_of(spec))


def _edges(middles: np.ndarray) -> np.ndarray:
    if len(middles) == 1:
        return np.array([middles[0] - 0.5, middles[0] + 0.5])
    half = np.diff(middles) / 2
    return np.concatenate([[middles[0] - half[0]], middles[:-1] + half, [middles[-1] + half[-1]]])


def colour_map(scale):
    """The page's colours by name, or stops of a figure's own."""
    if isinstance(scale, str) and scale.lower() in ANCHORS:
        return ListedColormap(colour_table(scale.lower()) / 255)
    stops = [(float(place), colour(ink)) for place, ink in scale]
    return LinearSegmentedColormap.from_list("own", stops)


def _key(trace: Mapping, look: dict, *, with_marker: bool) -> Line2D | Patch:
    name = words(trace.get("name"))
    if look["linestyle"] == "none" and not with_marker:  # only a band
        return Patch(facecolor=colour(trace.get("fillcolor"), look["color"]), linewidth=0, label=name)
    key = Line2D([], [], label=name, **{**look, "drawstyle": "default"})
    if with_marker:
        spec = trace.get("marker", {})
        shape, is_filled = marker(_first(spec.get("symbol")))
        ink = colour(_first(spec.get("color")), look["color"])
        key.set(marker=shape, markersize=4, markeredgecolor=ink, markerfacecolor=ink if is_filled else "none")
    return key


def _first(value):
    return (value[0] if len(value) else None) if isinstance(value, list | tuple | np.ndarray) else value
