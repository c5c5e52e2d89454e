"""Commands about what there is to run, and running it for others: models, serve."""

from __future__ import annotations

import sys
from typing import Annotated

import pandas as pd
import typer

from sinklens.cli.outcome import ExitCode, stop
from sinklens.cli.output import Format, Output, deliver
from sinklens.cli.source import bundled_names, new_engine, settings
from sinklens.settings import REPOSITORY

FACTS = (
    "family",
    "kind",
    "n_layers",
    "n_heads",
    "n_parameters",
    "n_tokens_max",
    "positions",
    "dtype",
    "revision",
)
CARD = ("n_parameters", "n_tokens", "heldout_loss", "sink_rate", "max_head_share")


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="Load this model and say what is known of it.", autocompletion=bundled_names),
    ] = None,
    form: Format = "table",
    output: Output = None,
) -> None:
    """The bundled models, or one model with its load-time checks."""
    if name is not None:
        _one_model(name, form, output)
        return
    from sinklens.capture.model_source import bundled_models, card_facts
    from sinklens.schema.model_answers import ModelList

    chosen = settings()
    names = bundled_models(chosen)
    cards = [card_facts(chosen.models_dir / name) for name in names]
    table = pd.DataFrame(
        [
            {"model": name} | {key: card.get(key) for key in CARD}
            for name, card in zip(names, cards, strict=True)
        ]
    )
    deliver(
        ModelList(models=list(names)),
        table,
        form=form,
        output=output,
        columns=("model", *CARD),
        facts=None,
        title="",
        lines=(
            "Losses in nats per token of held-out text; sink rate with more than 0.3 on the first token.",
            "",
        ),
    )


def _one_model(name: str, form: str, output) -> None:
    from sinklens.schema.answers import model_answer

    info = new_engine().info(name)
    checks = [{"what": check.name, "is": check.sentence} for check in info.checks]
    rows = [{"what": key, "is": str(getattr(info, key))} for key in FACTS] + checks
    lines = (f"{info.name} ({info.architecture}, {info.source})", "")
    deliver(
        model_answer(info),
        pd.DataFrame(rows),
        form=form,
        output=output,
        columns=("what", "is"),
        facts=None,
        title="",
        lines=lines,
    )
    if not info.passed_checks:
        raise typer.Exit(int(ExitCode.NOT_SAME))


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for everyone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8000,
    api_only: Annotated[bool, typer.Option("--api-only", help="The REST API without the page.")] = False,
) -> None:
    """Serve the page and, under /api, the REST API."""
    import uvicorn

    address = f"http://{host}:{port}"
    typer.echo(f"SinkLens at {address}{'/api/docs' if api_only else ''}; Ctrl-C ends it.", err=True)
    if api_only:
        uvicorn.run(_api_app(), host=host, port=port, log_level="warning")
        return
    if not (REPOSITORY / "app.py").is_file():
        stop(
            "The page is not installed with the library; use --api-only, or a copy of the repository.",
            ExitCode.BAD_INPUT,
        )
    sys.path.insert(0, str(REPOSITORY))
    uvicorn.run("app:app", host=host, port=port, log_level="warning", ws="auto")


def _api_app():
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from sinklens.api import api
    from sinklens.late_engine import LateEngine
    from sinklens.service import InferenceService

    chosen = settings()
    service = InferenceService(LateEngine(chosen), chosen)
    return Starlette(routes=[Mount("/api", api(service, chosen))])
