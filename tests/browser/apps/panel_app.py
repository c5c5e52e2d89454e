"""The shell with one plain page and an engine that needs no model, so that a test can outrun it."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, render, ui

from modules.page import Page
from sinklens.errors import EmptyText, ModelNotFound, RunCancelled, TextTooLong
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.settings import Settings
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.browser.apps.framed_app import framed_app

N_TOKENS_MAX = 8
SLOW_LAYERS = 1_000
LAYER_SECONDS = 0.05


class WordEngine:
    """One token per word; a text with the word "slow" takes almost a minute."""

    def bundled(self) -> tuple[str, ...]:
        return ("demo", "other")

    def loaded(self) -> dict[str, int]:
        return dict.fromkeys(self.bundled(), 1)

    def release(self, name: str) -> None:
        """A name that was never loaded has nothing to give back."""

    def key(self, request: CaptureRequest) -> str:
        if request.model not in self.bundled():
            raise ModelNotFound(f"There is no model '{request.model}'.")
        n_tokens = len(request.text.split())
        if n_tokens == 0:
            raise EmptyText("The text is empty; type something to analyse.")
        if n_tokens > N_TOKENS_MAX and request.long_text == "refuse":
            sentence = f"The text has {n_tokens} tokens; the model takes {N_TOKENS_MAX}."
            raise TextTooLong(sentence, n_tokens=n_tokens, n_tokens_max=N_TOKENS_MAX)
        return hashlib.sha256(repr(request).encode()).hexdigest()

    def capture(self, request: CaptureRequest, on_progress, is_cancelled) -> Capture:
        n_layers = SLOW_LAYERS if "slow" in request.text.split() else 1
        for layer in range(n_layers):
            if is_cancelled():
                raise RunCancelled("The run was stopped.")
            on_progress(layer / n_layers, f"Layer {layer + 1} of {n_layers}")
            time.sleep(LAYER_SECONDS)
        return word_capture(request)


def word_capture(request: CaptureRequest) -> Capture:
    """Uniform attention over the words of the window that was asked for."""
    words = request.text.split()
    count = -(-len(words) // N_TOKENS_MAX)
    shown = words[N_TOKENS_MAX * request.window :][:N_TOKENS_MAX]
    capture = capture_from_maps(uniform_maps(1, 2, len(shown), is_causal=True), is_causal=True, labels=shown)
    prompt = replace(capture.prompt, n_tokens_total=len(words), window=(request.window, count))
    return replace(capture, request=request, prompt=prompt, model=replace(capture.model, name=request.model))


@module.ui
def words_ui() -> Tag:
    return ui.div(ui.h2("Words"), ui.output_text("words"), class_="card")


@module.server
def words_server(input: Inputs, output: Outputs, session: Session, *, service, state) -> None:
    @render.text
    def words():
        return "On screen: " + " ".join(state.capture().prompt.labels)


PAGES = (Page("Words", words_ui, words_server),)
settings = Settings(cache_dir=Path(os.environ["SINKLENS_CACHE_DIR"]), default_model="demo")
example = word_capture(CaptureRequest(model="demo", text="the stored example"))
app = framed_app(PAGES, WordEngine(), settings, example)
