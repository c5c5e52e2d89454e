"""Which tokens suffer from an edit, and what is expected at one of them before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, req, ui

from modules.bench import Bench
from modules.latest import Latest
from modules.loss_strip import loss_strip, suffer_sentence, token_changes
from modules.predictions import is_masked
from modules.quantity import percent
from modules.tried import Tried
from modules.widgets.finding_line import finding_line
from modules.widgets.prediction_table import prediction_table
from sinklens.analysis.token_match import came_from
from sinklens.prediction_records import Predictions
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected in the place of one token, before and after."""

    tried: Tried
    token: int
    """Position in the text before any change."""
    before: Predictions
    after: Predictions


@module.ui
def intervene_tokens_ui() -> Tag:
    """Two cards side by side."""
    strip = ui.card(
        ui.card_header(ui.h2("Which tokens suffer")),
        finding_line(),
        ui.output_ui("strip"),
    )
    expected = ui.card(
        ui.card_header(ui.h2("What is expected there, before and after")),
        finding_line("expected_finding"),
        ui.output_ui("expected"),
    )
    return ui.div(strip, expected, class_="sl-pair")


@module.server
def intervene_tokens_server(
    input: Inputs, output: Outputs, session: Session, *, bench: Bench, tried: Callable[[], Tried]
) -> None:
    """Read the losses of the run's own text; masked models are asked for the one token in view."""
    picked: reactive.Value[tuple[Tried, int] | None] = reactive.Value(None)

    @reactive.calc
    def own():
        found = tried()
        req(found.own_effect is not None)
        return found

    @reactive.effect
    @reactive.event(input.pick)
    def _pick():
        picked.set((own(), int(input.pick())))

    @reactive.calc
    def token() -> int:
        """The clicked token, else the one that suffers most."""
        changes = token_changes(own().own_effect)
        chosen = picked()
        if chosen is not None and chosen[0] is own() and chosen[1] in changes:
            return chosen[1]
        return max(changes, key=changes.get)

    async def expect(found: Tried, position: int) -> Expected:
        return await expected_at(bench, found, position)

    work = Latest(session, expect)

    @reactive.effect
    def _ask():
        found = own()
        req(found.after is not None)
        work.ask(found, token())

    @render.text
    def finding():
        found = tried()
        if found.own_effect is None:
            return found.missing
        return suffer_sentence(found.own_prompt, found.own_effect)

    @render.ui
    def strip():
        return loss_strip(own().own_prompt, own().own_effect, pick=session.ns("pick"))

    @render.text
    def expected_finding():
        if tried().after is None:
            return tried().missing
        return work.outcome.sentence(expected_sentence)

    @render.ui
    def expected():
        req(tried().after is not None)
        return expected_tables(work.outcome())


async def expected_at(bench: Bench, tried: Tried, token: int) -> Expected:
    """Predictions in the place of a token from the two captures, or from passes with it masked."""
    stack = "encoder" if tried.before.target is None else "decoder"
    origins = came_from(tried.after.request.interventions, len(_read(tried.before)), stack)
    stands_at = origins.index(token)
    pair = []
    for capture, position in ((tried.before, token), (tried.after, stands_at)):
        if is_masked(capture):
            pair.append(await bench.service.masked_predictions(capture, (position,)))
        else:
            pair.append(capture.predictions.at([position - 1]))
    return Expected(tried, token, *pair)


def expected_sentence(expected: Expected) -> str:
    """The likeliest token before and after, and the chances of the one that the text has."""
    label = _read(expected.tried.before).tokens[expected.token].label
    old, new = expected.before, expected.after
    same = old.labels[0][0] == new.labels[0][0]
    first = (
        f"stays “{old.labels[0][0]}”" if same else f"goes from “{old.labels[0][0]}” to “{new.labels[0][0]}”"
    )
    chances = [percent(float(found.actual_probability[0])) for found in (old, new)]
    return (
        f"At token {expected.token} the likeliest {first}; the text has “{label}”: {chances[0]} before, "
        f"{chances[1]} after. Click a token of the strip for another one."
    )


def expected_tables(expected: Expected) -> TagList:
    """Both lists of candidates."""
    label = _read(expected.tried.before).tokens[expected.token].label
    return ui.div(
        prediction_table(expected.before, 0, caption="Before", actual=label),
        prediction_table(expected.after, 0, caption="After", actual=label),
        class_="sl-stack intervene-two",
    )


def _read(capture: Capture):
    """The tokens that are predicted."""
    return capture.target or capture.prompt
