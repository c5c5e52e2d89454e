"""A select whose choices, or whose choice, may also come from elsewhere.

The browser is told only what it does not show already. A person's own choice sent back would undo the next
one, made while the answer was on its way; and the two would undo each other for ever.
"""

from __future__ import annotations

from collections.abc import Callable

from shiny import Inputs, reactive, ui

Offer = dict[str, str] | list[str]


def link_select(
    input: Inputs,
    name: str,
    *,
    offered: Callable[[], Offer],
    chosen: Callable[[], str],
    choose: Callable[[str], None] = lambda choice: None,
) -> None:
    """The select shows what is chosen on any page, and what it is set to is chosen.

    To be called inside a module's server function.

    Parameters
    ----------
    name : of the input in the module
    offered : the choices; those of the run on screen
    chosen : the one among them that is in view
    choose : puts another of them in view
    """
    former: list[Offer] = []
    shown: list[str] = []
    """What the browser shows once it has heard all that it was told."""

    @reactive.effect
    def _follow():
        choices, wanted = offered(), chosen()
        if former != [choices]:
            ui.update_select(name, choices=choices, selected=wanted)
        elif shown != [wanted]:
            ui.update_select(name, selected=wanted)
        former[:], shown[:] = [choices], [wanted]

    @reactive.effect
    @reactive.event(input[name], ignore_init=True)
    def _choose():
        choice = input[name]()
        # Of a run that has left the screen: the select has been told of the new one.
        if choice not in offered():
            return
        shown[:] = [choice]
        if choice != chosen():
            choose(choice)


def offer_choices(input: Inputs, name: str, *, offered: Callable[[], Offer], default: str) -> None:
    """The select offers what there is; a person's choice stays as long as it is offered.

    Parameters
    ----------
    default : is chosen in place of a choice that is offered no longer
    """

    def kept() -> str:
        with reactive.isolate():
            choice = input[name]()
        return choice if choice in offered() else default

    link_select(input, name, offered=offered, chosen=kept)
