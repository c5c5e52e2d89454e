"""How results leave: tables for people, JSON and CSV for programs, a page of its own for browsers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer
from pydantic import BaseModel
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sinklens.cli.outcome import ExitCode, stop
from sinklens.export.provenance import Provenance
from sinklens.export.tables import as_csv, as_html

Format = Annotated[
    Literal["table", "json", "csv", "html"],
    typer.Option("--format", help="For people (table) or programs; all columns are in json, csv and html."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file instead of the screen.")
]

console = Console(stderr=False, highlight=False, soft_wrap=True)
GAP = "  "


def deliver(
    answer: BaseModel,
    table: pd.DataFrame,
    *,
    form: str,
    output: Path | None,
    columns: Iterable[str],
    facts: Provenance | None,
    title: str,
    lines: Iterable[str] = (),
) -> None:
    """Write a result in the form that was asked for.

    Parameters
    ----------
    answer : what is written as JSON
    table : what is written as CSV and HTML; `columns` of it as a table for people
    lines : sentences above the table for people
    """
    if form == "json":
        write(answer.model_dump_json(indent=1) + "\n", output)
    elif form == "csv":
        write(as_csv(table), output)
    elif form == "html":
        if facts is None:
            stop("There is no HTML of this; ask for json or csv.", ExitCode.BAD_INPUT)
        write(as_html(table, facts, title), output)
    elif output is not None:
        write("\n".join([*lines, *plain_lines(table[list(columns)])]) + "\n", output)
    else:
        show(table[list(columns)], lines)


def show(table: pd.DataFrame, lines: Iterable[str] = ()) -> None:
    """Sentences and a table: with rules and weight on a terminal, plain where it is piped."""
    if not console.is_terminal:
        for line in (*lines, *plain_lines(table)):
            typer.echo(line)
        return
    for line in lines:
        console.print(Text(line))
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in table.columns:
        is_number = pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool
        drawn.add_column(Text(str(name)), justify="right" if is_number else "left", no_wrap=is_number)
    for row in table.itertuples(index=False):
        drawn.add_row(*(Text(written(value)) for value in row))
    console.print(drawn, soft_wrap=False)


def plain_lines(table: pd.DataFrame) -> list[str]:
    """A table as lines of aligned columns, nothing cut."""
    cells = [[str(name) for name in table.columns]]
    cells += [[written(value) for value in row] for row in table.itertuples(index=False)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [
        GAP.join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def written(value) -> str:
    """A cell for people: three digits after the point, "-" where nothing applies."""
    if value is None or value is pd.NA:
        return "-"
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3f}"
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value)


def write(content: str | bytes, output: Path | None) -> None:
    """To standard output, or to a file that appears whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    if output is None:
        sys.stdout.buffer.write(data)
        return
    handle, part = tempfile.mkstemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(part, output)
    finally:
        Path(part).unlink(missing_ok=True)
