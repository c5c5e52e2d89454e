"""The selected token is the same on every page: a heat map shows it, and a click on a label chooses it."""

from __future__ import annotations

from shiny import reactive
from shinywidgets import reactive_read, render_widget

from modules.run_state import RunState


def link_token(state: RunState, picture: render_widget) -> None:
    """Mark the session's token in a heat map; a click on a label selects its token or lets it go."""

    @reactive.effect
    def _mark():
        picture.widget.token = state.token()

    @reactive.effect
    def _select():
        clicked = reactive_read(picture.widget, "clicked")
        if clicked is not None:
            with reactive.isolate():
                # A column beside the tokens, such as a learned sink's, is no token.
                if clicked < len(state.capture().key_prompt(state.stream())):
                    state.token.set(None if clicked == state.token() else clicked)
