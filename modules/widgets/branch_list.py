"""An influence tree as nested lists that open by mouse or keyboard, and ask for what is not there yet."""

from __future__ import annotations

from collections.abc import Sequence

from htmltools import Tag
from shiny import ui

from modules.quantity import percent
from modules.widgets.telling import tells
from sinklens.analysis.influence_tree import Branch, InfluenceTree, Node


def branch_list(tree: InfluenceTree, labels: Sequence[str], *, ask: str) -> Tag:
    """The whole tree as far as it has grown.

    Parameters
    ----------
    labels : of all tokens
    ask : full id of the input that is told the path of a node whose children are wanted
    """
    return ui.tags.ul(branch_item(tree, tree.nodes[0], labels, ask=ask), class_="flow-tree")


def branch_items(tree: InfluenceTree, path: Branch, labels: Sequence[str], *, ask: str) -> list[Tag]:
    """The children of a node, and a last line where some found no room."""
    items = [branch_item(tree, node, labels, ask=ask) for node in tree.children(path)]
    n_missing = tree.n_missing(path)
    if n_missing:
        text = f"{n_missing} more: the tree is full at {tree.n_nodes_max} tokens"
        items.append(ui.tags.li(text, class_="sl-muted"))
    return items


def branch_item(tree: InfluenceTree, node: Node, labels: Sequence[str], *, ask: str) -> Tag:
    """One node with what hangs on it."""
    line = _line(node, labels[node.token])
    if not tree.may_grow(node.path):
        return ui.tags.li(ui.div(*line, class_="flow-branch"))
    is_grown = node.path in tree.grown
    children = branch_items(tree, node.path, labels, ask=ask) if is_grown else ()
    return ui.tags.li(
        ui.tags.details(
            ui.tags.summary(*line, class_="flow-branch"),
            ui.tags.ul(*children, id=branch_id(ask, node.path)),
            {} if is_grown else tells(ask, node.path),
            open="" if is_grown else None,
        )
    )


def branch_id(ask: str, path: Branch) -> str:
    """Id of the list that holds a node's children."""
    return "-".join([ask, *map(str, path)])


def _line(node: Node, label: str) -> tuple[Tag | str, ...]:
    name = ui.tags.code(f"{label} ({node.token})", class_="flow-branch-token")
    if node.depth == 0:
        return name, ui.span("root", class_="sl-muted")
    return (
        name,
        ui.span(class_="flow-branch-bar", style=f"--share: {node.weight:.4f}", aria_hidden="true"),
        ui.span(percent(node.weight)),
        ui.span(f"path {percent(node.product)}", class_="sl-muted") if node.depth > 1 else "",
    )
