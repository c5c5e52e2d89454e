"""The auditor's notebook: a claim with its evidence, what speaks against it, and how to make it again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.bias_bench import BiasBench
from modules.bias_notebook_drawing import against_list, finding_choices, notebook_finding, notes_list
from modules.bias_notes import conditions, head_finding, kept_notes, merged, next_name, read_notebook
from modules.bias_ranking import known
from modules.uploads import uploaded
from modules.widgets.browser_store import BrowserStore
from modules.widgets.finding_line import finding_line
from sinklens.analysis.notebook_export import (
    check_note,
    notes_frame,
    notes_json,
    notes_markdown,
)
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding, Note

KEY = "sinklens-notebook"
FIELDS = {
    "claim": "Claim",
    "evidence": "Evidence, in your words (not required)",
    "uncertainty": "Uncertainty: what could make it wrong?",
    "next_step": "Next step: what would settle it?",
}
N_NOTES_MAX = 200


@module.ui
def bias_notebook_ui() -> Tag:
    """The card."""
    files = (("markdown", "Markdown"), ("report", "JSON"), ("csv", "CSV"))
    buttons = [
        ui.download_button(id, name, class_="btn-sm", aria_label=f"Download the notes as {name}")
        for id, name in files
    ]
    return ui.card(
        ui.card_header(ui.h2("Auditor's notebook"), ui.div(*buttons, class_="sl-line")),
        finding_line(),
        output_widget("store", height="auto", fill=False),
        ui.div(
            *(
                ui.input_text_area(id, label, rows=1 if id == "claim" else 2, width="100%")
                for id, label in FIELDS.items()
            ),
            class_="bias-form",
        ),
        ui.h3("Results on this page"),
        ui.output_ui("choices"),
        ui.h3("Evidence against, looked for by rule"),
        ui.output_ui("against"),
        ui.div(
            ui.input_action_button("save", "Take the note", class_="btn-primary"),
            ui.output_text("saved", inline=True),
            class_="sl-row sl-muted",
        ),
        applicable(
            ui.h3("Notes"),
            ui.output_ui("notes"),
            ui.div(
                ui.input_action_button("clear", "Delete all notes", class_="btn-default btn-sm"),
                applicable(
                    ui.input_action_button("really", "Really delete all", class_="btn-default btn-sm"),
                    verdict="asks",
                ),
                class_="sl-row sl-muted",
            ),
            verdict="has_notes",
        ),
        ui.tags.details(
            ui.tags.summary("Open a notebook"),
            ui.input_file("file", "A JSON file of this card; its notes are added", accept=[".json"]),
            ui.p(ui.output_text("opened", inline=True), class_="sl-muted", aria_live="polite"),
            class_="bias-card-text",
        ),
        full_screen=True,
    )


@module.server
def bias_notebook_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Notes live in the session and in the browser of the one who writes them; the server keeps none."""
    taken: reactive.Value[tuple[Note, ...]] = reactive.Value(())
    filed: reactive.Value[frozenset[str]] = reactive.Value(frozenset())
    said = reactive.Value("")
    left_out: reactive.Value[frozenset[str]] = reactive.Value(frozenset())

    @render_widget
    def store():
        return BrowserStore(key=KEY)

    def keep(wanted: tuple[Note, ...]) -> None:
        if len(wanted) > N_NOTES_MAX:
            raise BadSelection(f"A notebook holds {N_NOTES_MAX} notes; export it and delete some.")
        taken.set(wanted)
        store.widget.kept = notes_json(wanted)

    @reactive.effect
    def _restore():
        req(reactive_read(store.widget, "is_open"))
        with reactive.isolate():
            if store.widget.found and not taken():
                taken.set(kept_notes(store.widget.found))

    @reactive.calc
    def findings() -> dict[str, Finding]:
        offered = {"head": lambda: head_finding(bench), **bench.findings}
        read = {name: known(find) for name, find in offered.items()}
        return {name: one for name, one in read.items() if one is not None}

    @reactive.calc
    def chosen() -> tuple[Finding, ...]:
        names = input.chosen() if "chosen" in input else None
        return tuple(findings()[name] for name in names or () if name in findings())

    @render.ui
    def choices():
        offered = finding_choices(findings())
        with reactive.isolate():
            wanted = [name for name in offered if name not in left_out()]
        return ui.input_checkbox_group(
            "chosen", "Taken down with the note", offered, selected=wanted, width="100%"
        )

    @reactive.effect
    @reactive.event(input.chosen)
    def _leave_out():
        left_out.set(frozenset(findings()) - frozenset(input.chosen() or ()))

    @render.ui
    def against():
        return against_list(chosen())

    @reactive.effect
    @reactive.event(input.save)
    def _save():
        words = {id: input[id]().strip() for id in FIELDS}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        note = Note(next_name(taken()), now, **words, findings=chosen(), conditions=conditions(bench))
        try:
            keep((*taken(), check_note(note)))
        except BadSelection as error:
            said.set(str(error))
            return
        said.set(f"Taken as {note.identifier}.")
        for id in FIELDS:
            ui.update_text_area(id, value="")

    @render.text
    def saved():
        return said()

    @render.text
    def finding():
        is_kept = not reactive_read(store.widget, "is_refused")
        n_new = sum(note.identifier not in filed() for note in taken())
        return notebook_finding(len(taken()), n_new, is_kept)

    _list(input, session, taken, keep)
    _opening(input, taken, keep)
    _files(taken, filed)


def _list(input: Inputs, session: Session, taken, keep) -> None:
    """The notes, and how they go: all of them only after a second click."""
    is_asking = reactive.Value(False)

    @render.text
    def has_notes():
        return verdict_on(not taken())

    @render.text
    def asks():
        return verdict_on(not is_asking())

    @render.ui
    def notes():
        return notes_list(taken(), remove=session.ns("remove"))

    @reactive.effect
    @reactive.event(input.remove)
    def _remove():
        keep(tuple(note for note in taken() if note.identifier != input.remove()))

    @reactive.effect
    @reactive.event(input.clear)
    def _ask():
        is_asking.set(True)

    @reactive.effect
    @reactive.event(input.really)
    def _clear():
        is_asking.set(False)
        keep(())


def _opening(input: Inputs, taken, keep) -> None:
    """Notes of a file are added to those that are there."""
    told = reactive.Value("")

    @reactive.effect
    @reactive.event(input.file)
    def _open():
        found = input.file()
        if not found:
            return
        try:
            (_, path), *_ = uploaded(tuple((one["name"], one["datapath"]) for one in found))
            notes = read_notebook(Path(path))
            keep(merged(taken(), notes))
        except BadSelection as error:
            told.set(str(error))
            return
        told.set(f"{len(notes)} notes were read.")

    @render.text
    def opened():
        return told()


def _files(taken, filed) -> None:
    """The notes to take away; what has been in a file counts as exported."""

    def all_of(write) -> str:
        text = write(taken())
        filed.set(frozenset(note.identifier for note in taken()))
        return text

    @render.download_button(filename="notebook.md", media_type="text/markdown")
    def markdown():
        yield all_of(notes_markdown)

    @render.download_button(filename="notebook.json", media_type="application/json")
    def report():
        yield all_of(notes_json)

    @render.download_button(filename="notebook.csv", media_type="text/csv")
    def csv():
        yield all_of(lambda notes: notes_frame(notes).to_csv(index=False))
