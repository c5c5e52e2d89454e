"""The way of one position's content through the layers, as a Sankey diagram."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go

from modules.figures.meta import ARE_WORDS
from sinklens.analysis.layer_flow import OTHERS, LayerFlow

N_LABEL_CHARS_MAX = 12
MIN_LINK = 0.004
"""Thinner links are left out of the picture; they would be hairlines."""


def layer_sankey(flow: LayerFlow, labels: list[str], sinks: tuple[int, ...], *, colour: str) -> go.Figure:
    """Input tokens on the left, the position after the last layer on the right.

    Parameters
    ----------
    labels : one per token
    sinks : positions drawn as sinks
    colour : of the position that is traced
    """
    nodes = [(level, position) for level, parts in enumerate(flow.levels) for position in parts]
    index = {node: at for at, node in enumerate(nodes)}
    links = [
        (index[layer, lower], index[layer + 1, upper], part)
        for layer, upper, lower, part in flow.links
        if part >= MIN_LINK and (layer, lower) in index and (layer + 1, upper) in index
    ]
    heights = _heights(flow)
    sankey = go.Sankey(
        arrangement="fixed",
        meta=ARE_WORDS,
        textfont={"color": "var(--sl-text)", "size": 11},
        node={
            "label": [_label(node, flow, labels) for node in nodes],
            "x": [0.001 + 0.998 * level / (len(flow.levels) - 1) for level, _ in nodes],
            "y": [heights[node] for node in nodes],
            "color": [_node_colour(node, flow, sinks, colour) for node in nodes],
            "pad": 8,
            "thickness": 10,
            "line": {"width": 0},
            "customdata": [_name(node, labels) for node in nodes],
            "hovertemplate": "%{customdata}: %{value:.1%}<extra></extra>",
        },
        link={
            "source": [source for source, _, _ in links],
            "target": [target for _, target, _ in links],
            "value": [part for *_, part in links],
            "color": "var(--sl-link)",
            "hovertemplate": "%{source.customdata} → %{target.customdata}: %{value:.1%}<extra></extra>",
        },
    )
    return go.Figure(sankey, go.Layout(margin={"l": 8, "r": 8, "t": 28, "b": 16}, annotations=_titles(flow)))


def _heights(flow: LayerFlow) -> dict[tuple[int, int], float]:
    """Middle of every node, 0 at the top: text order, the others last."""
    heights = {}
    for level, parts in enumerate(flow.levels):
        total, before = sum(parts.values()), 0.0
        for position in sorted(parts, key=lambda at: (at == OTHERS, at)):
            share = parts[position] / total
            heights[level, position] = min(0.999, max(0.001, before + share / 2))
            before += share
    return heights


def _name(node: tuple[int, int], labels: list[str]) -> str:
    level, position = node
    place = "input" if level == 0 else f"after layer {level - 1}"
    return (
        f"{place}, all others" if position == OTHERS else f"{place}, {escape(labels[position])} ({position})"
    )


def _label(node: tuple[int, int], flow: LayerFlow, labels: list[str]) -> str:
    """The token beside its node: at both ends always, between them where it has a good part."""
    level, position = node
    is_end = level in (0, len(flow.levels) - 1)
    if not is_end and flow.levels[level][position] < 0.15:
        return ""
    # With a space, which no token's label has: it is a word.
    return "+ rest" if position == OTHERS else escape(labels[position][:N_LABEL_CHARS_MAX])


def _node_colour(node: tuple[int, int], flow: LayerFlow, sinks: tuple[int, ...], colour: str) -> str:
    _, position = node
    if position == flow.position:
        return colour
    return "var(--sl-sink)" if position in sinks else "var(--sl-floor)"


def _titles(flow: LayerFlow) -> list[dict]:
    """Names of the levels above them, none beside the last; every second one where there are many."""
    n_layers = len(flow.levels) - 1
    step = 1 + n_layers // 9
    named = {0: "input", n_layers: f"layer {n_layers - 1}"}
    named |= {level: str(level - 1) for level in range(step, n_layers - step, step)}
    return [
        {
            "x": level / n_layers, "y": 1.0, "xref": "paper", "yref": "paper", "yanchor": "bottom",
            "yshift": 6, "text": text, "showarrow": False,
            "xanchor": "left" if level == 0 else "right" if level == n_layers else "center",
            "font": {"size": 11, "color": "var(--sl-muted)"},
        }
        for level, text in named.items()
    ]  # fmt: skip
