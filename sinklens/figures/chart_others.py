"""Charts that have no x and y: flows between columns, rings, landscapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from sinklens.figures.chart_axes import draw_notes, written
from sinklens.figures.chart_marks import colour_map, draw_line
from sinklens.figures.chart_spec import array, colour, each, title_of, words
from sinklens.figures.studio import TEXT_POINTS, Box, axes_at
from sinklens.widgets.colours import PAPER

NODE_WIDTH = 0.012
"""Of a flow's node, as a part of the whole width."""
FLOW_PAD = 0.25
"""Part of the height that lies between the nodes of a column."""


def draw_flow(sheet: Figure, box: Box, data: Sequence[Mapping], layout: Mapping) -> None:
    """Columns of nodes with ribbons between them; places as the trace gives them."""
    node, link = data[0]["node"], data[0]["link"]
    inner = Box(box.left + 1, box.bottom + 1, box.width - 2, box.height - 7)
    plot = axes_at(sheet, inner, xlim=(0, 1), ylim=(1, 0))
    plot.set_axis_off()
    source, target = (array(link[end]).astype(int) for end in ("source", "target"))
    value = array(link["value"])
    x, y = array(node["x"]), array(node["y"])
    flow = np.maximum(np.bincount(source, value, len(x)), np.bincount(target, value, len(x)))
    columns = np.round(x, 3)
    unit = (1 - FLOW_PAD) / max(flow[columns == c].sum() for c in np.unique(columns))
    top = _tops(columns, y, flow * unit)
    _ribbons(plot, link, (source, target, value * unit), x, top)
    inks, labels = each(node.get("color"), len(x)), each(node.get("label", ""), len(x))
    for i in range(len(x)):
        left = min(max(x[i] - NODE_WIDTH / 2, 0), 1 - NODE_WIDTH)
        plot.add_patch(Rectangle((left, top[i]), NODE_WIDTH, flow[i] * unit, color=colour(inks[i]), zorder=3))
        is_last = x[i] > 0.9
        place = (left - 0.008, "right") if is_last else (left + NODE_WIDTH + 0.008, "left")
        plot.text(place[0], top[i] + flow[i] * unit / 2, words(labels[i]), ha=place[1], va="center", zorder=4)
    draw_notes({("x", "y"): plot}, layout.get("annotations", ()))


def _tops(columns: np.ndarray, y: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Upper edges, in the given order from top to bottom with equal gaps."""
    top = np.zeros(len(y))
    for column in np.unique(columns):
        order = [i for i in np.argsort(y, kind="stable") if columns[i] == column]
        gap = (1 - size[order].sum()) / (len(order) + 1)
        top[order] = gap * np.arange(1, len(order) + 1) + np.concatenate([[0], np.cumsum(size[order])[:-1]])
    return top


def _ribbons(plot, link: Mapping, flows: tuple, x: np.ndarray, top: np.ndarray) -> None:
    source, target, size = flows
    inks, used = each(link.get("color"), len(size)), (top.copy(), top.copy())
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    for i in sorted(range(len(size)), key=lambda i: (top[source[i]], top[target[i]])):
        a, b = used[0][source[i]], used[1][target[i]]
        used[0][source[i]] += size[i]
        used[1][target[i]] += size[i]
        left, right = x[source[i]] + NODE_WIDTH / 2, x[target[i]] - NODE_WIDTH / 2
        half = (left + right) / 2
        shape = [(left, a), (half, a), (half, b), (right, b), (right, b + size[i]), (half, b + size[i]),
                 (half, a + size[i]), (left, a + size[i]), (left, a)]  # fmt: skip
        plot.add_patch(PathPatch(Path(shape, codes), facecolor=colour(inks[i]), linewidth=0, zorder=1))


def draw_ring(sheet: Figure, box: Box, data: Sequence[Mapping], layout: Mapping) -> None:
    """Lines around a centre."""
    side = min(35.0, 0.25 * box.width)
    room = Box(box.left + side, box.bottom + 12, box.width - 2 * side, box.height - 18)
    plot = axes_at(sheet, room, projection="polar")
    plot.set_theta_zero_location("N")
    plot.set_theta_direction(-1)
    names = list(dict.fromkeys(name for trace in data for name in trace["theta"]))
    angle = {name: 2 * np.pi * i / len(names) for i, name in enumerate(names)}
    keys = []
    for trace in data:
        turned = dict(trace, x=[angle[name] for name in trace["theta"]], y=trace["r"])
        keys.append(draw_line(plot, turned, lambda values, which: array(values)))
    radial = layout.get("polar", {}).get("radialaxis", {})
    if radial.get("range"):
        plot.set_ylim(*radial["range"])
    plot.set_xticks(list(angle.values()), [words(name) for name in names])
    plot.set_yticks(array(radial.get("tickvals", [0.25, 0.5, 0.75, 1])))
    plot.yaxis.set_major_formatter(lambda value, place: written(radial.get("tickformat"))(value))
    plot.grid(color=PAPER["line"], linewidth=0.5)
    plot.spines["polar"].set_color(PAPER["line"])
    sheet.legend(handles=keys, loc="lower center", ncols=3, frameon=False, fontsize=6.5,
                 bbox_to_anchor=_below(sheet, box))  # fmt: skip


def _below(sheet: Figure, box: Box) -> tuple[float, float]:
    width, height = sheet.get_size_inches() * 25.4
    return (box.left + box.width / 2) / width, box.bottom / height


def draw_landscape(sheet: Figure, box: Box, data: Sequence[Mapping], layout: Mapping) -> None:
    """A surface, or lines, over a plane."""
    plot = axes_at(sheet, box, projection="3d")
    trace, scene = data[0], layout.get("scene", {})
    if trace["type"] == "surface":
        z = array(trace["z"])
        x, y = np.meshgrid(np.arange(z.shape[1]), np.arange(z.shape[0]))
        scale = colour_map(trace.get("colorscale") or "Viridis")
        plot.plot_surface(x, y, z, cmap=scale, rcount=160, ccount=160, linewidth=0)
    else:
        line = trace.get("line", {})
        x, y, z, shade = (array(part) for part in (trace["x"], trace["y"], trace["z"], line["color"]))
        scale, most = colour_map(line.get("colorscale") or "Viridis"), max(float(np.nanmax(shade)), 1e-9)
        for piece in np.split(np.arange(len(z)), np.flatnonzero(np.isnan(z))):
            peak = float(np.nanmax(shade[piece])) / most if len(piece) else 0.0
            plot.plot(x[piece], y[piece], z[piece], linewidth=0.8, color=scale(peak))
    for which in "xyz":
        axis, spec = getattr(plot, f"{which}axis"), scene.get(f"{which}axis", {})
        axis.set_label_text(title_of(spec))
        if spec.get("tickvals") is not None:
            axis.set_ticks(array(spec["tickvals"]), [words(text) for text in spec["ticktext"]])
        axis.set_tick_params(labelsize=TEXT_POINTS - 2)
    plot.set_box_aspect((1.3, 1.1, 0.7), zoom=0.9)
    plot.view_init(elev=23, azim=-45)


DRAWN_WHOLE = {
    "sankey": draw_flow,
    "scatterpolar": draw_ring,
    "surface": draw_landscape,
    "scatter3d": draw_landscape,
}
"""Kind of trace -> what draws a chart of it."""
