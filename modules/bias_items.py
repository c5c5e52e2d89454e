"""The card of single items: the maps of both versions and their difference, and heads over all items."""

from __future__ import annotations

import json
from collections.abc import Callable

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui
from shinywidgets import output_widget, render_widget

from modules.applicable import applicable, verdict_on
from modules.bias_bench import BenchmarkItems, BiasBench, grounds_of, open_pair
from modules.bias_items_drawing import (
    ROLES,
    ItemShown,
    SensitivityFound,
    basis,
    item_names,
    sensitivity_finding,
    sensitivity_list,
    sensitivity_picture,
    version_texts,
)
from modules.bias_items_runs import item_numbers, show_item
from modules.linked_heads import link_head_buttons, link_head_grid
from modules.table_files import downloads_ui
from modules.widgets.finding_line import finding_line
from modules.widgets.heatmap import Heatmap
from modules.widgets.scroll_area import scroll_area
from modules.work_line import WatchedWork, work_line_server, work_line_ui
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.head_sensitivity import head_sensitivity
from sinklens.analysis.plain_data import plain
from sinklens.contrast_records import ContrastItem
from sinklens.notebook_records import Finding
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.widgets.on_paper import About

ASK = (
    "Do heads attend otherwise to the stereotype than to its counterpart? Choose an item to see its maps, or "
    "compare the heads over all items."
)
COLD = "No sentence is shown until you ask for it: published sets hold offensive ones."
ABOUT = "A − B on the tokens that both versions share; cells of one version alone are hatched."


@module.ui
def bias_items_ui() -> Tag:
    """The card."""
    return ui.card(
        ui.card_header(
            ui.h2("Items and heads"),
            downloads_ui("the heads over all items", "the heads and what they rest on"),
        ),
        finding_line(),
        ui.p(ui.output_text("which", inline=True), class_="sl-muted"),
        ui.h3("One item"),
        ui.div(
            ui.input_select("item", "Item", {}),
            ui.input_action_button("show", "Show its sentences and maps", class_="btn-default"),
            ui.input_action_button("open", "Open it in Compare", class_="btn-default"),
            work_line_ui("item_work"),
            class_="sl-controls",
        ),
        ui.p(ui.output_text("item_problem", inline=True), class_="sl-muted", aria_live="polite"),
        applicable(
            ui.output_ui("texts"),
            ui.div(
                output_widget("map_a", height="auto", fill=False),
                output_widget("map_b", height="auto", fill=False),
                class_="sl-pair",
            ),
            ui.p(ui.output_text("difference_said", inline=True)),
            output_widget("difference", height="auto", fill=False),
            ui.p(ABOUT, class_="sl-muted"),
            verdict="has_item",
        ),
        ui.h3("All items"),
        ui.div(
            ui.input_select("metric", "Number", {key: one.name for key, one in HEAD_METRICS.items()}),
            ui.input_action_button("run", "Compare the heads", class_="btn-primary"),
            work_line_ui("work"),
            class_="sl-controls",
        ),
        applicable(
            output_widget("grid", height="auto", fill=False),
            scroll_area(ui.output_ui("rows"), label="Heads with the largest effect"),
            ui.p(ui.output_text("rests_on", inline=True), class_="sl-muted"),
            verdict="has_heads",
        ),
        full_screen=True,
    )


@module.server
def bias_items_server(input: Inputs, output: Outputs, session: Session, *, bench: BiasBench) -> None:
    """Run both versions when a person asks; another number only reads what was run."""

    @reactive.calc
    def offered() -> BenchmarkItems:
        return bench.items() or BenchmarkItems.own()

    @reactive.effect
    def _offer():
        ui.update_select("item", choices=item_names(offered().items))

    def chosen() -> ContrastItem:
        number = input.item()
        req(number and int(number) < len(offered().items))
        return offered().items[int(number)]

    @render.text
    def which():
        return f"{len(offered().items)} items: {offered().name}. {COLD}"

    problem = _one_item(input, session, bench, chosen)
    _all_items(input, session, bench, offered)

    @render.text
    def item_problem():
        return problem()


def _one_item(input: Inputs, session: Session, bench: BiasBench, chosen) -> Callable[[], str]:
    """The maps of one item in the head in view."""

    async def read(on_screen: Capture, item: ContrastItem, stream: str, head, on_status: OnStatus):
        return await show_item(bench.service, on_screen, item, stream, head, on_status)

    work = WatchedWork(session, read)
    work_line_server("item_work", work=work)
    asked: reactive.Value[tuple[Capture, ContrastItem] | None] = reactive.Value(None)

    @reactive.effect
    @reactive.event(input.show)
    def _show():
        asked.set((bench.state.capture(), chosen()))

    @reactive.effect
    def _read():
        wanted = asked()
        req(wanted is not None)
        work.ask(*wanted, bench.view.stream(), bench.view.head())

    @reactive.effect
    @reactive.event(input.open)
    def _open():
        versions = chosen().versions
        open_pair(session, bench.state, bench.state.capture(), *(versions[role] for role in ROLES))

    def is_shown() -> bool:
        found = work.outcome.value()
        return found is not None and work.outcome.problem() is None and found.item == chosen()

    @render.text
    def has_item():
        return verdict_on(not is_shown())

    @reactive.calc
    def found() -> ItemShown:
        req(is_shown())
        return work.outcome()

    @render.ui
    def texts():
        return version_texts(found().item)

    @render_widget
    def map_a():
        return Heatmap(side="A", scale="sqrt")

    @render_widget
    def map_b():
        return Heatmap(side="B", scale="sqrt")

    @render_widget
    def difference():
        return Heatmap(palette="sides")

    @reactive.effect
    def _draw():
        item, (on_screen, _) = found().item, asked()
        texts = [item.versions[role] for role in ROLES]
        for widget, shown, text in zip((map_a.widget, map_b.widget), found().pictures, texts, strict=True):
            widget.show(shown, about=grounds_of(on_screen, text))
        difference.widget.show(found().difference.picture, about=grounds_of(on_screen, *texts))

    @render.text
    def difference_said():
        layer, head = found().head
        return f"Head {layer}.{head}, A − B. {found().difference.finding}"

    def problem() -> str:
        return work.outcome.problem().sentence if work.outcome.problem() is not None else ""

    return problem


def _all_items(input: Inputs, session: Session, bench: BiasBench, offered) -> None:
    """Every head over all items."""

    async def run(on_screen: Capture, items: BenchmarkItems, stream: str, on_status: OnStatus):
        return on_screen, items, await item_numbers(bench.service, on_screen, items.items, stream, on_status)

    work = WatchedWork(session, run)
    work_line_server("work", work=work)

    @reactive.effect
    @reactive.event(input.run)
    def _run():
        work.restart(bench.state.capture(), offered(), bench.view.stream())

    @reactive.calc
    def found() -> SensitivityFound:
        _, items, (numbers, n_left_out) = work.outcome.valid()
        values = numbers[input.metric()]
        own = head_sensitivity(values[:, 0], values[:, 1])
        return SensitivityFound(own, HEAD_METRICS[input.metric()], items.name, n_left_out)

    @render.text
    def finding():
        return work.outcome.sentence(lambda _: sensitivity_finding(found()), before=ASK)

    @render.text
    def has_heads():
        return verdict_on(work.outcome.is_missing())

    @render_widget
    def grid():
        return Heatmap(palette="diverging")

    def grounds() -> tuple[About, ...]:
        return (f"{grounds_of(work.outcome()[0])[0]}, items {found().items_name}",)

    link_head_grid(grid, bench.view, lambda: sensitivity_picture(found()), grounds)

    @render.ui
    def rows():
        return sensitivity_list(found(), pick=session.ns("pick"))

    link_head_buttons(input, bench.view)

    @render.text
    def rests_on():
        return basis(found())

    def taken_down() -> Finding:
        asked = {"number": found().definition.name, "items": found().items_name}
        own = found().sensitivity
        reasons = () if (own.q <= 0.05).any() else ("No head differs between the versions of an item.",)
        return Finding("Items and heads", sensitivity_finding(found()), reasons, asked)

    bench.findings["items"] = taken_down

    @render.download_button(filename="bias-item-heads.csv", media_type="text/csv")
    def csv():
        yield found().sensitivity.table().to_csv(index=False)

    @render.download_button(filename="bias-item-heads.json", media_type="application/json")
    def report():
        own = found()
        data = {"finding": sensitivity_finding(own), "number": own.definition.name, "basis": basis(own)}
        data |= {"heads": own.sensitivity.table().to_dict(orient="records")}
        yield json.dumps(plain(data), indent=1, ensure_ascii=False, allow_nan=False)
