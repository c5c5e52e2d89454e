"""All commands in one program."""

from __future__ import annotations

from typing import Annotated

import typer

from sinklens.cli import cite_command, export_command, run_commands, server_commands, study, trial_commands
from sinklens.cli.outcome import EXIT_CODES, guarded
from sinklens.cli.source import with_source
from sinklens.version import VERSION

app = typer.Typer(
    name="sinklens",
    help="Where a transformer's attention goes, why it sinks, and what happens when it is moved.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"SinkLens {VERSION}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Where a transformer's attention goes, why it sinks, and what happens when it is moved."""


for command in (run_commands.analyze, run_commands.sinks, run_commands.heads, export_command.export):
    app.command(epilog=EXIT_CODES)(guarded(with_source(command)))
for command in (
    trial_commands.intervene,
    trial_commands.compare,
    trial_commands.reproduce,
    study.study,
    study.texts,
    server_commands.models,
    server_commands.serve,
    cite_command.cite,
):
    app.command(epilog=EXIT_CODES)(guarded(command))


def main() -> None:
    """Run the command line; ends the process with an exit code of `outcome.ExitCode`."""
    app()
