"""The card of counterfactuals: the same text with words of one group in the place of another's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, reactive_read, render_widget

from modules.applicable import applicable, verdict_on
from modules.bias_bench import BiasBench, grounds_of, open_pair, run_of
from modules.bias_swaps_drawing import (
    PairFound,
    about,
    change_picture,
    found_sentence,
    outcome_list,
    pair_finding,
    pair_found,
    swap_choices,
    text_pair,
)
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap
from modules.widgets.when_seen import when_seen
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.counter_evidence import against_exchange
from sinklens.analysis.plain_data import plain
from sinklens.bias.swap_lists import CATEGORY_NAMES, SWAP_LISTS, SwapPair, all_swaps, parse_swaps
from sinklens.bias.swaps import SwappedText, apply_swaps, find_swaps
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus

ALL = "all"
HELP = (
    "One pair a line, or several with ; between: left = right. /TAG asks for a Penn tag, ? after a word that "
    "it speaks of persons, # begins a remark. The lists that come along name groups; they have no slurs."
)


@module.ui
def bias_swaps_ui() -> Tag:
    """The card."""
    download = ui.div(
        ui.download_button("report", "JSON", class_="btn-sm", aria_label="Download the exchange as JSON"),
        class_="sl-line",
    )
    return ui.card(
        ui.card_header(ui.h2("What if it spoke of others?"), download),
        when_seen("seen"),
        finding_line(),
        ui.div(
            ui.input_select("category", "Words to exchange", {ALL: "All lists", **CATEGORY_NAMES}),
            ui.panel_conditional(
                f"input.category !== '{ALL}'",
                ui.input_text_area(
                    "list", "The list, yours to edit", rows=4, width="100%", spellcheck="false"
                ),
                ui.p(HELP, class_="sl-muted"),
                class_="sl-full",
            ),
            class_="sl-controls",
        ),
        work_line_ui("finding_work"),
        applicable(
            ui.output_ui("choices"),
            ui.output_ui("texts"),
            ui.div(
                ui.input_action_button("run", "Run A and B", class_="btn-primary"),
                ui.input_action_button("open", "Open both in Compare", class_="btn-default"),
                work_line_ui("work"),
                class_="sl-row sl-muted",
            ),
            verdict="has_words",
        ),
        applicable(
            ui.output_ui("outcome"),
            ui.h3("Attention on the exchanged words, B − A"),
            output_widget("grid", height="auto", fill=False),
            ui.p(about(), class_="sl-muted"),
            verdict="has_pair",
        ),
        full_screen=True,
    )


@module.server
def bias_swaps_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Look for words when the card is seen; run the pair when a person asks."""

    async def find(on_screen: Capture, text: str, pairs: tuple[SwapPair, ...] | str, on_status: OnStatus):
        if isinstance(pairs, str):
            raise BadSelection(pairs)
        run = await run_of(bench.service, on_screen, text, on_status)
        language = (await bench.service.token_language(run, text_stream(run)))[0]
        return run, await asyncio.to_thread(find_swaps, text, pairs, language.annotation)

    async def compare(run: Capture, swapped: SwappedText, on_status: OnStatus) -> PairFound:
        other = await run_of(bench.service, run, swapped.after, on_status)
        # An edit names positions, which are others in the other text.
        own = await run_of(bench.service, run, swapped.before, on_status)
        if own.request.interventions:
            own = await bench.service.capture(replace(own.request, interventions=()), on_status)
        stream = text_stream(own)
        comparison = await bench.service.compare(own, other, stream, unit="pieces", on_status=on_status)
        return await asyncio.to_thread(pair_found, swapped, own, other, comparison, stream)

    words, work = WatchedWork(session, find), WatchedWork(session, compare)
    work_line_server("finding_work", work=words)
    work_line_server("work", work=work)

    @reactive.effect
    @reactive.event(input.category)
    def _show_list():
        if input.category() != ALL:
            ui.update_text_area("list", value=SWAP_LISTS[input.category()])

    @reactive.calc
    def pairs() -> tuple[SwapPair, ...] | str:
        if input.category() == ALL:
            return all_swaps()
        try:
            return parse_swaps(input.list() or SWAP_LISTS[input.category()], input.category())
        except BadSelection as error:
            return str(error)

    @reactive.effect
    def _find():
        req(bench.is_open() and input.seen())
        words.ask(bench.state.capture(), bench.text(), pairs())

    @reactive.calc
    def matches():
        run, found = words.outcome.valid()
        req(run.request.text == bench.text())
        return found

    @reactive.calc
    def swapped() -> SwappedText | None:
        chosen = [matches()[int(i)] for i in input.chosen() or () if int(i) < len(matches())]
        return apply_swaps(bench.text(), chosen) if chosen else None

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        if swapped() is not None:
            work.restart(words.outcome()[0], swapped())

    @reactive.effect
    @reactive.event(input.open)
    def _open():
        if swapped() is not None:
            open_pair(session, bench.state, words.outcome()[0], swapped().before, swapped().after)

    def known() -> PairFound | None:
        """The pair that was run, if it is still the one that is chosen."""
        found = work.outcome.value()
        is_other = found is None or work.outcome.problem() is not None
        return None if is_other or found.swapped != swapped() else found

    @render.text
    def finding():
        for task in (words, work):
            if task.outcome.problem() is not None:
                return task.outcome.problem().sentence
        if not matches():
            return found_sentence(matches())
        return found_sentence(matches()) if known() is None else pair_finding(known())

    @render.text
    def has_words():
        return verdict_on(
            words.outcome.value() is None or words.outcome.problem() is not None or not matches()
        )

    @render.text
    def has_pair():
        return verdict_on(words.outcome.value() is None or known() is None)

    @render.ui
    def choices():
        offered = swap_choices(matches())
        req(offered)
        return ui.input_checkbox_group("chosen", "Exchange", offered, selected=list(offered), inline=True)

    @render.ui
    def texts():
        if swapped() is None:
            return ui.p("Choose at least one word to exchange.", class_="sl-muted")
        return text_pair(swapped())

    @render.ui
    def outcome():
        return outcome_list(req(known()))

    @render_widget
    def grid():
        return Heatmap(palette="diverging")

    @reactive.effect
    def _draw():
        found = req(known())
        on_screen = words.outcome()[0]
        grounds = grounds_of(on_screen, found.swapped.before, found.swapped.after)
        grid.widget.show(change_picture(found), about=grounds)

    @reactive.effect
    def _choose():
        cell = reactive_read(grid.widget, "cell")
        if cell:
            bench.view.choose(*cell)

    def taken_down() -> Finding:
        found = req(known())
        asked = {"text B": found.swapped.after, "stream": found.stream}
        reasons = against_exchange(found.effect.swapped_change)
        return Finding("What if it spoke of others?", pair_finding(found), reasons, asked)

    bench.findings["swaps"] = taken_down

    @render.download_button(filename="bias-exchange.json", media_type="application/json")
    def report():
        found = req(known())
        effect = found.effect
        data = {
            "a": found.swapped.before, "b": found.swapped.after, "stream": found.stream,
            "finding": pair_finding(found), "swaps": [vars(swap) for swap in found.swapped.swaps],
            "swapped_change": effect.swapped_change.tolist(), "consistency": effect.consistency.tolist(),
            "aligned_change": effect.aligned_change.tolist(), "concentration": effect.concentration.tolist(),
        }  # fmt: skip
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)


def text_stream(run: Capture) -> str:
    """The stream whose keys are the text itself."""
    return "encoder" if "encoder" in run.profiles else run.main_stream
