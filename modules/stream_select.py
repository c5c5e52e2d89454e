"""The select for the attention stream in view, where a run has more than one."""

from __future__ import annotations

from collections.abc import Callable

from htmltools import Tag
from shiny import Inputs, reactive, render, ui

from modules.linked_select import link_select
from modules.streams import STREAM_NAMES
from sinklens.results import Capture


def stream_select() -> Tag:
    """Stands among the controls of a card, empty for a run with one stream."""
    return ui.output_ui("stream_choice")


def link_stream_select(
    input: Inputs,
    *,
    capture: Callable[[], Capture],
    stream: Callable[[], str],
    choose: Callable[[str], None],
) -> None:
    """It follows the stream in view, and the stream in view follows it.

    Parameters
    ----------
    capture : the run on screen
    stream : the one in view, among those of the run
    choose : puts another one in view, on every page
    """

    def offered() -> dict[str, str]:
        return {name: STREAM_NAMES[name] for name in capture().profiles}

    @render.ui
    def stream_choice():
        names = offered()
        # Made anew by each choice, the select would lose the keyboard's focus.
        with reactive.isolate():
            chosen = stream()
        return ui.input_select("stream", "Attention", names, selected=chosen) if len(names) > 1 else None

    link_select(input, "stream", offered=offered, chosen=stream, choose=choose)
