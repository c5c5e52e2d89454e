"""Commands about one run: analyze, sinks, heads."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sinklens.cli.output import Format, Output, deliver
from sinklens.cli.source import Source

Stream = Annotated[
    Literal["self", "encoder", "decoder", "cross"] | None,
    typer.Option(help="Attention stream; the main one by default."),
]
TOKEN_COLUMNS = ("index", "token", "special", "loss")
SINK_COLUMNS = ("index", "token", "received", "floor", "excess", "write_ratio", "label")
HEAD_COLUMNS = ("layer", "head", "type", "confidence", "score", "sink_share", "reason")


def analyze(source: Source, form: Format = "table", output: Output = None, stream: Stream = None) -> None:
    """Read a text and say what its attention does."""
    from sinklens.export.provenance import provenance_of
    from sinklens.export.tables import tokens_table
    from sinklens.schema.answers import analysis_answer

    capture = source.run().capture
    answer = analysis_answer(capture, stream)
    facts = provenance_of(capture)
    deliver(
        answer,
        tokens_table(capture),
        form=form,
        output=output,
        columns=TOKEN_COLUMNS,
        facts=facts,
        title=f"Tokens of {facts.model}",
        lines=_summary(answer, facts.caption()),
    )


def sinks(
    source: Source,
    form: Format = "table",
    output: Output = None,
    stream: Stream = None,
    definition: Annotated[str, typer.Option(help="How attention received is defined.")] = "eligible",
    excess: Annotated[
        float, typer.Option(help="Excess over the floor from which a token is attended.")
    ] = 0.1,
    epsilon: Annotated[float, typer.Option(help="Threshold of heads_above.")] = 0.3,
) -> None:
    """One row per token: attention received beside its floor, norms, label and reason."""
    from sinklens.analysis.sinks import sink_table
    from sinklens.export.provenance import provenance_of
    from sinklens.schema.answers import sinks_answer
    from sinklens.schema.requests import SinksRequest

    asked = SinksRequest(
        model="given",
        text="given",
        stream=stream,
        definition=definition,
        thresholds={"excess": excess, "epsilon": epsilon},
    )
    capture = source.run().capture
    answer, facts = sinks_answer(capture, asked), provenance_of(capture)
    deliver(
        answer,
        sink_table(capture, definition=definition, stream=stream, thresholds=asked.limits()),
        form=form,
        output=output,
        columns=SINK_COLUMNS,
        facts=facts,
        title=f"Sinks of {facts.model}",
        lines=(answer.finding, f"{facts.caption()}; definition: {definition}", ""),
    )


def heads(source: Source, form: Format = "table", output: Output = None, stream: Stream = None) -> None:
    """One row per head: what it does when it does not rest."""
    from sinklens.capture.head_profile import profile_heads
    from sinklens.cli.source import settings
    from sinklens.export.provenance import provenance_of
    from sinklens.language.pipeline import EnglishReader
    from sinklens.schema.head_answers import heads_answer

    capture = source.run().capture
    profiles = profile_heads(capture, stream, EnglishReader(settings()))
    facts = provenance_of(capture)
    deliver(
        heads_answer(capture, profiles),
        profiles.table,
        form=form,
        output=output,
        columns=HEAD_COLUMNS,
        facts=facts,
        title=f"Heads of {facts.model}",
        lines=(facts.caption(), profiles.language_note, ""),
    )


def _summary(answer, caption: str) -> list[str]:
    """What a person reads first."""

    def number(value: float | None) -> str:
        return "not applicable" if value is None else f"{value:.3f}"

    return [
        answer.finding,
        caption,
        "",
        f"first token  {number(answer.first_share)} of the attention, query 0 left out; "
        f"uniform {number(answer.first_floor)}, excess {number(answer.first_excess)}",
        f"sink rate    {number(answer.sink_rate.value)} of the heads above {answer.sink_rate.epsilon:g}",
        f"entropy      {number(answer.entropy)} of the largest possible",
        f"loss         {number(answer.loss)} nats per token",
        *answer.warnings,
        "",
    ]
