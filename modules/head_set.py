"""A set of heads that a person puts together: the head in view is added to it or taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.head_view import HeadView
from modules.widgets.telling import tells

Heads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class HeadSet:
    """Reactives of one set."""

    heads: Callable[[], Heads]
    """(layer, head) in the order of the model; only those that the run on screen has."""
    begin: Callable[[], None]
    """Put the head in view into an empty set."""


@module.ui
def head_set_ui() -> Tag:
    """A row of buttons: one that adds the head in view, one for every head that takes it out."""
    return ui.output_ui("row")


@module.server
def head_set_server(input: Inputs, output: Outputs, session: Session, *, view: HeadView) -> HeadSet:
    """Keep the set; it outlives the run, so that the same heads can be seen on another text."""
    chosen: reactive.Value[frozenset[tuple[int, int]]] = reactive.Value(frozenset())

    @reactive.calc
    def heads() -> Heads:
        profile = view.profile()
        return tuple(
            (layer, head)
            for layer, head in sorted(chosen())
            if layer < profile.n_layers and head < profile.n_heads
        )

    def begin() -> None:
        with reactive.isolate():
            if not heads():
                chosen.set(chosen() | {view.head()})

    @reactive.effect
    @reactive.event(input.add)
    def _add():
        chosen.set(chosen() | {view.head()})

    @reactive.effect
    @reactive.event(input.drop)
    def _drop():
        layer, head = input.drop()
        chosen.set(chosen() - {(layer, head)})

    @reactive.effect
    @reactive.event(input.clear)
    def _clear():
        chosen.set(frozenset())

    @render.ui
    def row():
        layer, head = view.head()
        is_new = (layer, head) not in heads()
        add = ui.input_action_button(
            "add", f"Add head {layer}.{head}", class_="btn-default btn-sm", disabled=not is_new
        )
        clear = ui.input_action_button("clear", "Clear", class_="btn-default btn-sm") if heads() else None
        dropping = (drop_button(place, session.ns("drop")) for place in heads())
        return ui.div(add, *dropping, clear, class_="flow-heads", role="group", aria_label="Chosen heads")

    return HeadSet(heads, begin)


def drop_button(place: tuple[int, int], tell: str) -> Tag:
    """A head of the set; a click takes it out."""
    layer, head = place
    return ui.tags.button(
        f"{layer}.{head} ",
        ui.span("×", aria_hidden="true"),
        tells(tell, place),
        type="button",
        class_="btn btn-sm btn-default flow-head",
        aria_label=f"Take head {layer}.{head} out",
    )


def named_heads(heads: Iterable[tuple[int, int]], n_named_max: int = 4) -> str:
    """The heads of a mean, as the beginning of a sentence."""
    names = [f"{layer}.{head}" for layer, head in heads]
    if len(names) == 1:
        return f"Head {names[0]}"
    if len(names) > n_named_max:
        return f"Mean of {len(names)} chosen heads"
    return f"Mean of heads {', '.join(names[:-1])} and {names[-1]}"
