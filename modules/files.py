"""The panel's files: the run on screen as a saved analysis, and files opened in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules import uploads
from modules.language import ENGLISH, Words, later
from modules.latest import Latest
from modules.problem_alert import problem_alert
from modules.session_run import SessionRun
from sinklens.attention_file import tokens_from_text
from sinklens.export import saved
from sinklens.export.saved import SUFFIX, SavedAnalysis
from sinklens.file_name import file_name
from sinklens.opened_file import OpenedFile, as_asked
from sinklens.service import InferenceService

ENDINGS = [SUFFIX, ".npz", ".npy", ".safetensors"]
DIRECTIONS = {
    "read": later("read off the arrays"),
    "causal": later("causal"),
    "both": later("bidirectional"),
}
IS_CAUSAL = {"read": None, "causal": True, "both": False}
N_NAME_MAX = 80
HINT = later(
    "A saved analysis, or attention from another program: .npz, .npy or .safetensors with layers x heads x "
    "queries x keys. Pickles and archives of anything else are refused. At most {limit}."
)
REST = later("Rows may sum to less than 1: the rest goes to no token")
TOO_LARGE = later("This file is larger than {limit}, the most that this server takes.")


@module.ui
def files_ui(*, max_upload_bytes: int, say: Words = ENGLISH) -> Tag:
    """Save, open, and what a file of attention does not say by itself."""
    limit = f"{max_upload_bytes / 1e6:,.0f} MB"
    directions = {name: say(words) for name, words in DIRECTIONS.items()}
    return ui.div(
        ui.div(
            ui.download_button("save", say("Save analysis"), class_="btn-sm"),
            ui.input_checkbox("with_maps", say("with all maps"), True),
            class_="sl-line",
        ),
        ui.input_file(
            "file",
            say("Open a file"),
            accept=ENDINGS,
            button_label=say("Choose …"),
            placeholder=say("none"),
        ),
        ui.p(say(TOO_LARGE, limit=limit), class_="sl-alert", role="alert", data_sl_too_large="", hidden=""),
        ui.output_ui("problem"),
        ui.tags.details(
            ui.tags.summary(say("What can be opened")),
            ui.p(say(HINT, limit=limit), class_="sl-muted"),
            ui.p(say("Of attention whose file does not say it:"), class_="sl-muted"),
            ui.input_select("direction", say("Queries see"), directions),
            ui.input_switch("rest_is_sink", say(REST), False),
            ui.input_text_area("tokens", say("Tokens, one a line or a JSON list"), rows=3, width="100%"),
        ),
        class_="sl-files",
        data_sl_max_bytes=str(max_upload_bytes),
    )


@module.server
def files_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    service: InferenceService,
    run: SessionRun,
    view: Callable[[], Mapping[str, str]],
    show: Callable[[OpenedFile], None],
) -> None:
    """Save what is on screen, and put what was opened there.

    Parameters
    ----------
    view : what is looked at, as it goes into the file
    show : puts an opened file on screen, looked at as it says
    """

    async def read(files: uploads.Files, tokens: str, direction: str, rest_is_sink: bool) -> OpenedFile:
        path = own_file(files)
        return await service.open_file(
            path,
            tokens=tokens_from_text(tokens, path.name) if tokens.strip() else None,
            is_causal=IS_CAUSAL[direction],
            rest_is_sink=rest_is_sink,
        )

    work: Latest[OpenedFile] = Latest(session, read)

    @reactive.effect
    def _read():
        work.ask(files_of(req(input.file())), input.tokens(), input.direction(), input.rest_is_sink())

    @reactive.effect
    def _show():
        opened = work.outcome()
        with reactive.isolate():
            show(opened)

    @reactive.effect
    @reactive.event(run.n_own)
    def _forget():
        work.outcome.problem.set(None)

    @render.ui
    def problem():
        return problem_alert(work.outcome.problem())

    @render.download_button(filename=lambda: analysis_name(run))
    async def save():
        yield await service.saved_bytes(analysis_on_screen(run, view(), with_maps=input.with_maps()))


def analysis_on_screen(run: SessionRun, view: Mapping[str, str], *, with_maps: bool) -> SavedAnalysis:
    """What is saved: numbers that came from a file keep saying what they rest on."""
    opened = run.opened()
    if opened is None or opened.analysis is None:
        shown = run.shown()
        capture = replace(shown, request=as_asked(shown.request))
        return saved.analysis_of(capture, view=dict(view), with_maps=with_maps)
    kept = opened.analysis
    if not with_maps:
        kept = replace(kept, capture=replace(kept.capture, states={}, maps={}))
    return replace(kept, view=dict(view), made_at=datetime.now(UTC).isoformat(timespec="seconds"))


def analysis_name(run: SessionRun) -> str:
    """Name of the file that a run is saved under: its model and its first words."""
    capture = run.shown()
    words = " ".join(capture.prompt.text.split()[:4])[:40]
    return file_name(capture.model.name, words, ending=SUFFIX.removeprefix("."))


def opened_note(opened: OpenedFile) -> Tag:
    """What is on screen in place of a run of this server."""
    capture, name = opened.capture, opened.name
    model = capture.model
    if opened.analysis is None:
        size = f"{model.n_layers} layers × {model.n_heads} heads over {len(capture.prompt):,} tokens"
        sentence = f"{size}, computed elsewhere. What needs the model or its vectors is not applicable to it."
        return _note(f"Attention from {name}. ", sentence)
    facts = opened.analysis.provenance
    sentence = (
        f"Saved {opened.analysis.made_at[:10]} by SinkLens {facts.sinklens}: {model.name} at revision "
        f"{model.revision[:12]}. Its numbers are those of the file; Run computes anew."
    )
    words = opened.analysis.note
    return _note(f"Saved analysis {name}. ", f"{sentence} Its note: {words[:500]}" if words else sentence)


def _note(title: str, sentence: str) -> Tag:
    return ui.p(TagList(ui.strong(title), sentence), class_="sl-note")


def own_file(files: uploads.Files) -> Path:
    """The first file of an input under the name that it came with, in the folder where only it lies.

    BadSelection where it was not uploaded.
    """
    ((name, path),) = uploads.uploaded(files[:1])
    plain = re.sub(r"[^\w.() -]", "_", Path(name.replace("\\", "/")).name)[-N_NAME_MAX:].lstrip(". ")
    own = Path(path).with_name(plain or "file")
    # It may be read again with other words about it.
    return own if own.exists() else Path(path).rename(own)


def files_of(infos: list[dict]) -> uploads.Files:
    """What a file input says of its files."""
    return tuple((info["name"], info["datapath"]) for info in infos)
