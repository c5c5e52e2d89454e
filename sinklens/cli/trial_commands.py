"""Commands that set runs beside each other: intervene, compare, reproduce."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from sinklens.cli.outcome import ExitCode
from sinklens.cli.output import Format, Output, deliver
from sinklens.cli.source import (
    Bos,
    File,
    Model,
    Special,
    Text,
    bundled_names,
    new_engine,
    read_text,
    settings,
)

if TYPE_CHECKING:
    from sinklens.run import Run
    from sinklens.trial_records import TrialReport

ARM_COLUMNS = (
    "arm",
    "kind",
    "n_texts",
    "loss_before",
    "loss_after",
    "change",
    "change_low",
    "change_high",
    "beyond",
    "kl",
)


def intervene(
    text: Text = None,
    edit: Annotated[
        list[str], typer.Option("--edit", "-e", help='Such as "mask_keys keys=0"; each is tried on its own.')
    ] = ...,
    together: Annotated[bool, typer.Option("--together", help="Try all edits at once instead.")] = False,
    file: File = None,
    lines: Annotated[bool, typer.Option("--lines", help="Every line is a text of its own.")] = False,
    model: Model = None,
    controls: Annotated[bool, typer.Option("--controls/--no-controls", help="Run the controls too.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of what controls draw at random.")] = 0,
    bos: Bos = None,
    special_tokens: Special = True,
    form: Format = "table",
    output: Output = None,
) -> None:
    """Run texts with edits of the forward pass and say what the loss does, beside controls."""
    from sinklens.analysis.trial_export import trial_frame
    from sinklens.schema.edits import parse_edit
    from sinklens.schema.head_answers import trial_answer
    from sinklens.schema.requests import TrialQuestion

    whole = read_text(text, file)
    edits = [parse_edit(words) for words in edit]
    arms = (
        [{"name": "; ".join(edit), "edits": edits}]
        if together
        else [{"name": name, "edits": [one]} for name, one in zip(edit, edits, strict=True)]
    )
    question = TrialQuestion(
        model=model or settings().default_model,
        texts=[line for line in whole.splitlines() if line.strip()] if lines else [whole],
        arms=arms,
        with_controls=controls,
        seed=seed,
        add_bos=bos,
        special_tokens=special_tokens,
    )
    report = _tried(question.record())
    deliver(
        trial_answer(report),
        trial_frame(report),
        form=form,
        output=output,
        columns=ARM_COLUMNS,
        facts=None,
        title="",
        lines=(
            f"Loss in nats per {report.loss_kind}; change with its 95 % interval; beyond: less the controls.",
            *(
                f"Left out: {skipped.arm}, text {skipped.text_index}: {skipped.reason}"
                for skipped in report.skipped
            ),
            "",
        ),
    )


def _tried(request) -> TrialReport:
    from sinklens.trial_records import joined

    engine = new_engine()
    return joined([engine.trial(request, index) for index in range(len(request.texts))])


def compare(
    a: Annotated[str, typer.Argument(help="A saved analysis or attention file; with --text, a model.")],
    b: Annotated[str, typer.Argument(help="What is compared with it.", autocompletion=bundled_names)],
    text: Annotated[str | None, typer.Option(help="Run this text through both models.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="End with exit code 3 where the runs differ.")
    ] = False,
    form: Format = "table",
    output: Output = None,
) -> None:
    """Two runs in numbers: what they rest on, and what came out differently."""
    from sinklens.export.difference import difference
    from sinklens.schema.difference_answers import difference_answer

    one, other = (_run_of(name, text) for name in (a, b))
    found = difference(one.capture, other.capture)
    facts = [f"{row.fact}: {row.a}  |  {row.b}" for row in found.facts.itertuples()]
    verdict = "All numbers are equal." if found.is_same else "The numbers differ."
    deliver(
        difference_answer(found),
        found.tokens if found.tokens is not None and form == "csv" else found.numbers,
        form=form,
        output=output,
        columns=("name", "a", "b", "difference"),
        facts=None,
        title="",
        lines=filter(None, (verdict, found.note, *facts)),
    )
    if check and not found.is_same:
        raise typer.Exit(int(ExitCode.NOT_SAME))


def _run_of(name: str, text: str | None) -> Run:
    from sinklens.opening import open as open_run
    from sinklens.run import Run
    from sinklens.schema.requests import TextRequest

    engine = new_engine()
    if text is None:
        return open_run(Path(name), engine=engine, settings=settings())
    return Run(engine.capture(TextRequest(model=name, text=text).record()), engine)


def reproduce(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="GPT-2 small under the name that it has here.")
    ] = None,
    form: Format = "table",
    output: Output = None,
) -> None:
    """Check identities that need no weights, and published numbers where a model is named."""
    from sinklens.reproduce.claims import FAIL
    from sinklens.reproduce.identities import weight_free_claims
    from sinklens.reproduce.published import published_claims
    from sinklens.schema.claim_answers import claims_answer

    claims = (*weight_free_claims(), *(published_claims(model) if model else ()))
    outcomes = asyncio.run(_checked(claims))
    answer = claims_answer(claims, outcomes)
    table = pd.DataFrame([row.model_dump() for row in answer.claims])
    counts = ", ".join(f"{n} {state}" for state, n in table["state"].value_counts().items())
    deliver(
        answer,
        table,
        form=form,
        output=output,
        columns=("title", "expected", "measured", "tolerance", "state"),
        facts=None,
        title="",
        lines=(counts, ""),
    )
    if (table["state"] == FAIL).any():
        raise typer.Exit(int(ExitCode.NOT_SAME))


async def _checked(claims) -> list:
    from sinklens.service import InferenceService

    service = InferenceService(new_engine(), settings())
    try:
        return [await service.check_claim(claim) for claim in claims]
    finally:
        service.close()
