"""The Edit card: something is changed inside the forward pass, and the cards below say what that did."""

from __future__ import annotations

from dataclasses import replace

from htmltools import TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.bench import Bench, trial_texts
from modules.edit_choice import KINDS, EditWish
from modules.edit_inputs import edit_inputs, layers_follow, read_wish, show_edit
from modules.intervene_maps import intervene_maps_server, intervene_maps_ui
from modules.intervene_migration import intervene_migration_server, intervene_migration_ui
from modules.intervene_result import intervene_result_server, intervene_result_ui
from modules.intervene_tokens import intervene_tokens_server, intervene_tokens_ui
from modules.problem_alert import problem_alert
from modules.run_card import run_line
from modules.trial_choice import TrialChoice
from modules.trial_words import edit_sentence
from modules.tried import Tried, try_edit
from modules.widgets.finding_line import finding_line
from modules.work_line import WatchedWork, work_line_server
from sinklens.errors import BadIntervention
from sinklens.results import Capture
from sinklens.run_status import OnStatus

CHANGED = "The inputs have changed since; Run answers them."


@module.ui
def intervene_edit_ui() -> TagList:
    """The card with the choice, and the cards with what came of it."""
    return TagList(
        ui.card(
            ui.card_header(ui.h2("Edit")),
            finding_line("what"),
            edit_inputs(),
            run_line("Run the edit"),
            ui.output_ui("problem"),
            ui.output_ui("done"),
        ),
        applicable(
            ui.div(
                intervene_result_ui("result"),
                intervene_tokens_ui("tokens"),
                intervene_maps_ui("maps"),
                intervene_migration_ui("migration"),
                class_="sl-stack",
            ),
            verdict="has_result",
        ),
    )


@module.server
def intervene_edit_server(input: Inputs, output: Outputs, session: Session, *, bench: Bench) -> None:
    """Run the edit once when the page is opened, then whenever a person asks for it."""

    async def work(capture: Capture, texts: tuple[str, ...], wish, on_status: OnStatus) -> Tried:
        if isinstance(wish, str):
            raise BadIntervention(wish)
        return await try_edit(bench, capture, texts, wish, on_status)

    trial = WatchedWork(session, work)
    work_line_server("work", work=trial)
    asked: reactive.Value[tuple | None] = reactive.Value(None)

    @reactive.calc
    def wish():
        try:
            return read_wish(input, bench)
        except BadIntervention as error:
            return str(error)

    def ask(wanted: tuple) -> None:
        was_stopped, former = trial.task.status() == "cancelled", asked()
        asked.set(wanted)
        trial.ask(*wanted)
        if was_stopped and former == wanted:
            trial.again()

    def run(*, is_own: bool) -> None:
        capture, wanted = bench.state.capture(), wish()
        ask((capture, bench.texts(), wanted))
        if isinstance(wanted, str):
            return
        if wanted.stream == capture.main_stream:
            wanted = replace(wanted, stream=EditWish().stream)
        bench.state.trial.note(TrialChoice(wanted, bench.texts_wish()), is_own=is_own)

    def run_linked(choice: TrialChoice) -> None:
        """Run what a link wants and show it in the inputs, without waiting for these."""
        capture, texts = bench.state.capture(), choice.texts
        stream = choice.edit.stream if choice.edit.stream in capture.profiles else capture.main_stream
        edit = replace(choice.edit, stream=stream)
        bench.show_texts(texts)
        show_edit(edit)
        ask((capture, trial_texts(capture.request.text, texts.n_examples, texts.own), edit))
        bench.state.trial.note(choice)

    @reactive.effect
    def _begin():
        req(bench.is_open())
        capture, wanted = bench.state.capture(), bench.state.trial.wanted()
        with reactive.isolate():
            if wanted is not None:
                run_linked(wanted.choice)
            # Coming back to the page answers nothing that nobody asked for.
            elif asked() is None or asked()[0] is not capture:
                run(is_own=False)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        run(is_own=True)

    @render.text
    def what():
        return KINDS[input.kind()].sentence

    @render.text
    def hint():
        wanted = asked()
        is_other = wanted is not None and wanted[1:] != (bench.texts(), wish())
        return CHANGED if is_other else ""

    @render.ui
    def problem():
        return problem_alert(trial.outcome.problem())

    @render.ui
    def done():
        if trial.outcome.problem() is not None:
            return None
        return edit_sentence(trial.outcome().report, trial.outcome().plan.notes)

    @render.text
    def has_result():
        return verdict_on(trial.outcome.is_missing())

    @reactive.calc
    def tried() -> Tried:
        return trial.outcome.valid()

    layers_follow(bench)
    intervene_result_server("result", tried=tried)
    intervene_tokens_server("tokens", bench=bench, tried=tried)
    intervene_maps_server("maps", bench=bench, tried=tried)
    intervene_migration_server("migration", bench=bench, tried=tried)
