"""From a map and a root to an influence tree as it is first shown; pure, and work for a thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.quantity import percent
from sinklens.analysis.head_map import mass_on
from sinklens.analysis.influence_tree import InfluenceTree, influence_tree
from sinklens.analysis.key_sets import sink_keys
from sinklens.analysis.sinks import sink_table
from sinklens.results import Capture

N_OPEN_LEVELS = 2
"""Levels that stand open at first; deeper ones are computed when somebody opens them."""


@dataclass(frozen=True, eq=False)
class Planted:
    """A tree as it is first shown."""

    tree: InfluenceTree
    labels: tuple[str, ...]
    finding: str
    note: str
    """What is left out."""


def plant_tree(
    capture: Capture,
    stream: str,
    weights: np.ndarray,
    *,
    root: int,
    depth: int,
    branching: int,
    hides_sinks: bool,
) -> Planted:
    """The first levels of a tree with its sentences; work for a thread.

    Parameters
    ----------
    weights : (T, T), NaN or 0 where a query cannot see
    """
    labels = tuple(capture.key_prompt(stream).labels)
    is_sink = sink_keys(sink_table(capture, stream=stream)) if hides_sinks else np.zeros(len(labels), bool)
    sinks = frozenset(np.flatnonzero(is_sink).tolist())
    tree = influence_tree(weights, root, depth=depth, branching=branching, left_out=sinks)
    tree = tree.grow_levels(min(N_OPEN_LEVELS, depth))
    return Planted(tree, labels, tree_sentence(tree, labels), _note(weights, sinks, labels, hides_sinks))


def tree_sentence(tree: InfluenceTree, labels: tuple[str, ...]) -> str:
    """Where the root looks most, and where that token looks."""
    root = tree.nodes[0]
    name = f"{labels[root.token]} ({root.token})"
    but = "itself and sinks" if tree.left_out else "itself"
    children = tree.children(root.path)
    if not children:
        return f"{name} sees no token but {but}."
    first = children[0]
    strongest = f"{labels[first.token]} ({first.token}), {percent(first.weight)}"
    sentence = f"Apart from {but}, {name} looks most at {strongest}"
    further = tree.children(first.path)
    if not further:
        return f"{sentence}."
    then = further[0]
    return f"{sentence}, and that one at {labels[then.token]} ({then.token}), {percent(then.weight)}."


def size_sentence(tree: InfluenceTree) -> str:
    """How many tokens the tree has, and whether it was cut."""
    n_nodes = len(tree.nodes)
    if tree.n_cut:
        return (
            f"Cut at {n_nodes} tokens: {tree.n_cut} more found no room. "
            "Fewer branches, less depth or another root let others in."
        )
    return f"{n_nodes} token{'s' * (n_nodes > 1)} shown. Open a token to see where it looks in turn."


def _note(weights: np.ndarray, sinks: frozenset[int], labels: tuple[str, ...], hides_sinks: bool) -> str:
    if not hides_sinks:
        return ""
    if not sinks:
        return "Nothing is left out: no sink was found in this run."
    named = ", ".join(f"{labels[i]} ({i})" for i in sorted(sinks)[:4])
    more = f" and {len(sinks) - 4} more" if len(sinks) > 4 else ""
    share = percent(mass_on(weights, sinks))
    return (
        f"Left out: {named}{more}, where heads rest and branches would end, with {share} of the map's "
        "weight. The other weights stay as they are."
    )
