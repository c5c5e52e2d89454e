"""The selects for layer and head: they follow the head in view, and it follows them."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import TagList
from shiny import Inputs, ui

from modules.linked_select import link_select
from sinklens.results import Profile


def head_selects() -> TagList:
    """Two inputs, `layer` and `head`, to stand among the controls of a card."""
    return TagList(ui.input_select("layer", "Layer", ["0"]), ui.input_select("head", "Head", ["0"]))


def link_head_selects(
    input: Inputs,
    *,
    profile: Callable[[], Profile],
    head: Callable[[], tuple[int, int]],
    choose: Callable[[int, int], None],
) -> None:
    """Each follows by itself: while one is set, the other may still show what was in view before.

    Parameters
    ----------
    profile : of what is on screen; says how many layers and heads there are
    head : (layer, head) in view, inside that profile
    choose : puts another head in view, on every page
    """
    link_select(
        input,
        "layer",
        offered=lambda: _numbers(profile().n_layers),
        chosen=lambda: str(head()[0]),
        choose=lambda layer: choose(int(layer), head()[1]),
    )
    link_select(
        input,
        "head",
        offered=lambda: _numbers(profile().n_heads),
        chosen=lambda: str(head()[1]),
        choose=lambda index: choose(head()[0], int(index)),
    )


def _numbers(n: int) -> list[str]:
    return [str(i) for i in range(n)]
