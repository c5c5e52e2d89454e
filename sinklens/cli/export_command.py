"""The command that writes files: tables, maps, arrays and whole analyses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from sinklens.cli.outcome import ExitCode, stop
from sinklens.cli.output import write
from sinklens.cli.run_commands import Stream
from sinklens.cli.source import Source

What = Literal[
    "tokens", "sinks", "sinkfix", "heads", "layers", "map", "mosaic", "profile", "report", "analysis"
]
FIGURE_SUFFIXES = (".svg", ".pdf", ".png")
SUFFIXES = {
    "map": (".csv", ".json", ".html", ".npy", *FIGURE_SUFFIXES),
    "mosaic": FIGURE_SUFFIXES,
    "report": (".html", ".pdf"),
    "profile": (".safetensors",),
    "analysis": (".sinklens",),
}
TABLE_SUFFIXES = (".csv", ".json", ".html")


def export(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; its ending says the format.")],
    what: Annotated[
        What,
        typer.Option(help="A table, one head's map, a figure of all heads, arrays, a report, or everything."),
    ] = "analysis",
    stream: Stream = None,
    layer: Annotated[int, typer.Option(min=0, help="Of a map.")] = 0,
    head: Annotated[int, typer.Option(min=0, help="Of a map.")] = 0,
    definition: Annotated[
        str, typer.Option(help="Of sinks: how attention received is defined.")
    ] = "eligible",
    maps: Annotated[
        bool, typer.Option("--maps/--no-maps", help="Of an analysis: keep every head's map.")
    ] = True,
    note: Annotated[str, typer.Option(help="Of an analysis: words of your own.")] = "",
    width: Annotated[float, typer.Option(help="Of a figure, mm.")] = 160.0,
    height: Annotated[float | None, typer.Option(help="Of a figure, mm; as high as it needs.")] = None,
    dpi: Annotated[int, typer.Option(help="Of a PNG, dots per inch.")] = 300,
    scale: Annotated[Literal["linear", "sqrt", "log"], typer.Option(help="Of a figure's colours.")] = "sqrt",
    palette: Annotated[Literal["viridis", "cividis"], typer.Option(help="Of a figure.")] = "viridis",
) -> None:
    """Write a table, a map, a figure, arrays, a report or the whole analysis to a file."""
    allowed = SUFFIXES.get(what, TABLE_SUFFIXES)
    if output.suffix not in allowed:
        stop(f"A file of {what} ends in {', '.join(allowed)}; got '{output.name}'.", ExitCode.BAD_INPUT)
    run = source.run()
    if what == "analysis":
        run.save(output, with_maps=maps, note=note, view={"stream": stream, "definition": definition})
    elif what == "profile":
        write(_profile_bytes(run, stream), output)
    elif what == "report":
        from sinklens.export.report import report_file

        write(report_file(run, output.suffix.removeprefix("."), stream=stream, definition=definition), output)
    elif output.suffix in FIGURE_SUFFIXES:
        place = (None, None) if what == "mosaic" else (layer, head)
        size = {"width_mm": width, "height_mm": height, "dpi": dpi}
        form = output.suffix.removeprefix(".")
        write(run.figure(*place, format=form, stream=stream, scale=scale, palette=palette, **size), output)
    elif output.suffix == ".npy":
        write(_map_bytes(run.map(layer, head, stream)), output)
    else:
        _write_table(run, what, output, stream=stream, place=(layer, head), definition=definition)


def _write_table(run, what: str, output: Path, *, stream, place, definition: str) -> None:
    from sinklens.export.provenance import provenance_of
    from sinklens.export.tables import (
        as_csv,
        as_html,
        as_json,
        layers_table,
        sinkfix_table,
        tokens_table,
    )

    tables = {
        "tokens": lambda: tokens_table(run.capture),
        "layers": lambda: layers_table(run.capture, stream),
        "sinks": lambda: run.sinks(definition=definition, stream=stream),
        "sinkfix": lambda: sinkfix_table(run.capture, stream),
        "heads": lambda: run.heads(stream),
        "map": lambda: _map_table(run, stream, place),
    }
    table, facts = tables[what](), provenance_of(run.capture)
    writers = {
        ".csv": lambda: as_csv(table),
        ".json": lambda: as_json(table, facts),
        ".html": lambda: as_html(table, facts, f"{what.capitalize()} of {facts.model}"),
    }
    write(writers[output.suffix](), output)


def _map_table(run, stream, place):
    from sinklens.export.tables import map_table
    from sinklens.results import HeadMap

    stream = stream or run.capture.main_stream
    return map_table(HeadMap.of(run.capture, stream, *place, run.map(*place, stream)))


def _map_bytes(weights) -> bytes:
    from sinklens.export.npy import npy

    return npy(weights)


def _profile_bytes(run, stream) -> bytes:
    from safetensors.numpy import save

    from sinklens.export.provenance import provenance_of
    from sinklens.schema.requests import PROFILE_FIELDS

    profile, facts = run.capture.profile(stream), provenance_of(run.capture)
    arrays = {name: getattr(profile, name).copy(order="C") for name in PROFILE_FIELDS}
    tokens = json.dumps(run.capture.key_prompt(stream).labels)
    return save(arrays, {"caption": facts.caption(), "tokens": tokens, "stream": profile.stream})
