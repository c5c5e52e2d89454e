"""The card of contrast benchmarks: the same statement in versions, and which one a model finds likelier."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
from pathlib import Path

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.applicable import applicable, verdict_on
from modules.bias_bench import BenchmarkItems, BiasBench
from modules.bias_benchmark_drawing import (
    GROUPINGS,
    BenchmarkFound,
    about,
    benchmark_finding,
    groups_table,
    items_table,
    left_out_list,
    scores_frame,
)
from modules.table_files import downloads_ui
from modules.uploads import uploaded
from modules.widgets.finding_line import finding_line
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.benchmark_score import benchmark_score, group_table
from sinklens.analysis.counter_evidence import against_preference
from sinklens.analysis.plain_data import plain
from sinklens.bias.benchmark_files import load_benchmark
from sinklens.bias.contrast_set import contrast_set
from sinklens.contrast_records import ContrastItem, LeftOut
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding
from sinklens.run_status import OnStatus

OWN = "own"
SOURCES = {
    OWN: "Hand-written set (24 mild items)",
    "StereoSet": "StereoSet, from a file",
    "CrowS-Pairs": "CrowS-Pairs, from a file",
    "WinoBias": "WinoBias, from its lists",
    "Winogender": "Winogender, from its files",
}
MAIN_FILES = {"Winogender": "all_sentences.tsv"}
"""Which of several uploaded files is the benchmark itself."""
N_ITEMS = 200
ASK = "Which version of a sentence does the model find likelier? Score the items to find out."
Upload = tuple[tuple[str, str], ...]
"""(name, path on the server) of uploaded files."""


@module.ui
def bias_benchmark_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(
            ui.h2("Contrast benchmark"),
            downloads_ui("all items with their text", "the scores"),
        ),
        finding_line(),
        ui.div(
            ui.input_select("source", "Items", SOURCES),
            ui.input_numeric("n_items", "Items at most", N_ITEMS, min=1, max=20_000),
            ui.panel_conditional(
                f"input.source !== '{OWN}'",
                ui.input_file("files", "The published file, or files", multiple=True),
                ui.p(
                    "StereoSet: dev.json or one item a line. CrowS-Pairs: crows_pairs_anonymized.csv. "
                    "WinoBias: the pro and anti lists. Winogender: all_sentences.tsv with "
                    "occupations-stats.tsv. These hold offensive sentences: none is shown unasked.",
                    class_="sl-muted",
                ),
                class_="sl-full",
            ),
            class_="sl-controls",
        ),
        ui.div(
            ui.input_action_button("run", "Score the items", class_="btn-primary"),
            work_line_ui("work"),
            class_="sl-row sl-muted",
        ),
        applicable(
            ui.div(ui.input_select("by", "Grouped by", GROUPINGS), class_="sl-controls"),
            scroll_area(ui.output_ui("groups"), label="Scores by group"),
            ui.p(ui.output_text("method", inline=True), class_="sl-muted"),
            ui.input_switch("show", "Show the sentences (published sets hold offensive ones)", False),
            ui.div(scroll_area(ui.output_ui("items"), label="Single items"), class_="sl-long"),
            verdict="has_scores",
        ),
        ui.output_ui("left_out"),
        full_screen=True,
    )


@module.server
def bias_benchmark_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Score when a person asks; a stopped run goes on where it was."""

    async def score(model: str, source: str, files: Upload, n_items: int, on_status: OnStatus):
        items, unread = await asyncio.to_thread(items_of, source, uploaded(files))
        chosen = sample(items, n_items)
        scores, left_out = await bench.service.item_scores(model, chosen, on_status=on_status)
        name = SOURCES[OWN] if source == OWN else source
        return BenchmarkFound(name, model, scores, (*unread, *left_out), len(items))

    work = WatchedWork(session, score)
    work_line_server("work", work=work)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        files = tuple((one["name"], one["datapath"]) for one in input.files() or ())
        model = bench.state.capture().request.model
        work.restart(model, input.source(), files, int(input.n_items() or N_ITEMS))

    @reactive.effect
    def _share():
        if work.outcome.problem() is None:
            scored = work.outcome()
            bench.items.set(BenchmarkItems(scored.name, tuple(one.item for one in scored.scores)))

    @reactive.calc
    def found() -> BenchmarkFound:
        return work.outcome.valid()

    def is_missing() -> bool:
        return work.outcome.is_missing() or not found().scores

    @render.text
    def finding():
        return work.outcome.sentence(benchmark_finding, before=ASK)

    @render.text
    def has_scores():
        return verdict_on(is_missing())

    @render.ui
    def groups():
        req(not is_missing())
        return groups_table(found(), input.by())

    @render.text
    def method():
        req(not is_missing())
        return about(found())

    @render.ui
    def items():
        req(not is_missing())
        return items_table(found()) if input.show() else None

    @render.ui
    def left_out():
        return left_out_list(found())

    def taken_down() -> Finding:
        req(not is_missing())
        reasons = against_preference(benchmark_score(found().scores).stereotype)
        asked = {"items": found().name, "scored": str(len(found().scores)), "model": found().model}
        return Finding("Contrast benchmark", benchmark_finding(found()), reasons, asked)

    bench.findings["benchmark"] = taken_down

    @render.download_button(filename="bias-benchmark.csv", media_type="text/csv")
    def csv():
        yield scores_frame(found().scores).to_csv(index=False)

    @render.download_button(filename="bias-benchmark.json", media_type="application/json")
    def report():
        whole = benchmark_score(found().scores)
        data = {
            "benchmark": found().name, "model": found().model, "finding": benchmark_finding(found()),
            "score": {**vars(whole), "stereotype": vars(whole.stereotype)},
            "groups": group_table(found().scores).to_dict(orient="records"),
            "left_out": [vars(one) for one in found().left_out],
        }  # fmt: skip
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)


def items_of(source: str, files: Upload) -> tuple[tuple[ContrastItem, ...], tuple[LeftOut, ...]]:
    """The items of a source and the rows that could not be read.

    Uploaded files are put together under their own names, which some benchmarks are read by.

    Raises
    ------
    BadSelection
        No file, and as `load_benchmark`.
    """
    if source == OWN:
        return contrast_set(), ()
    if not files:
        raise BadSelection(f"Choose the published file of {source} first.")
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files:
            shutil.copyfile(path, Path(folder) / Path(name).name)
        if source == "WinoBias":
            return load_benchmark(folder, source)
        main = MAIN_FILES.get(source, Path(files[0][0]).name)
        names = [Path(name).name for name, _ in files]
        return load_benchmark(Path(folder) / (main if main in names else names[0]), source)


def sample(items: tuple[ContrastItem, ...], n_items: int) -> tuple[ContrastItem, ...]:
    """At most n_items of the items, drawn with seed 0, in their order."""
    if len(items) <= n_items:
        return items
    kept = sorted(random.Random(0).sample(range(len(items)), n_items))
    return tuple(items[index] for index in kept)
