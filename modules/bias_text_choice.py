"""Which text the Bias page is about, and which detector reads it; typed ones once a person asks."""

from __future__ import annotations

from collections.abc import Callable

from shiny import Inputs, reactive, render

from modules.bias_bench import MILD, RUN, Detector, read_label_map
from modules.run_state import RunState
from sinklens.errors import BadSelection

OTHER = "other"


def text_and_detector(
    input: Inputs, state: RunState
) -> tuple[Callable[[], str], Callable[[], Detector | str]]:
    """The text to read, and the detector or what is wrong with it; typed ones once a person asks."""
    typed_text: reactive.Value[str] = reactive.Value("")
    typed: reactive.Value[Detector | str] = reactive.Value("Name a checkpoint, then Read it.")
    n_used = reactive.Value(0)

    @reactive.effect
    @reactive.event(input.use)
    def _use():
        typed_text.set(input.own())
        n_used.set(n_used() + 1)
        typed.set(typed_detector(input.name().strip(), input.map()))

    @reactive.calc
    def text() -> str:
        if input.text() in MILD:
            return MILD[input.text()]
        is_run = input.text() == RUN or not typed_text().strip()
        return state.capture().request.text if is_run else typed_text()

    @render.text
    def which():
        return which_text(typed_text(), input.own(), has_asked=n_used() > 0)

    @reactive.calc
    def detector() -> Detector | str:
        return typed() if input.detector() == OTHER else Detector(input.detector())

    return text, detector


def which_text(read: str, typed: str, *, has_asked: bool) -> str:
    """Which text the page is about while another one can be typed.

    Parameters
    ----------
    read : what was typed when a person last asked to read it
    typed : what stands there now
    """
    if not read.strip():
        why = "The text is empty: " if has_asked else "Nothing was typed yet: "
        return f"{why}this page is still about the run on screen. Type a text, then Read it."
    if typed != read:
        return "The text has changed since; Read it reads it."
    return "This page is about the text above; the run on screen stays as it is."


def typed_detector(name: str, lines: str) -> Detector | str:
    """The detector that a person typed, or what is wrong with it."""
    if not name:
        return "Name a checkpoint: a hub id, or a folder with a token classifier."
    try:
        return Detector(name, read_label_map(lines))
    except BadSelection as error:
        return str(error)
