"""Files to keep: tables, and whole analyses that SinkLens opens again."""

from __future__ import annotations

import asyncio

import pandas as pd
from fastapi import APIRouter, Request
from starlette.responses import Response

from sinklens.analysis.sinks import sink_table
from sinklens.api.binary import BINARY
from sinklens.api.door import Door
from sinklens.export import saved
from sinklens.export.provenance import provenance_of
from sinklens.export.tables import as_csv, as_html, as_json, layers_table, sinkfix_table, tokens_table
from sinklens.results import Capture
from sinklens.schema.requests import ExportRequest

MEDIA_TYPES = {"csv": "text/csv", "json": "application/json", "html": "text/html"}
FILES = {
    200: {
        "description": "The file.",
        "content": {name: {"schema": {"type": "string"}} for name in MEDIA_TYPES.values()}
        | BINARY[200]["content"],
    }
}
FILES[200]["content"]["application/json"] = {"schema": {}}


def export_routes(door: Door) -> APIRouter:
    """POST /export."""
    router = APIRouter(tags=["files"])

    @router.post("/export", response_class=Response, responses=FILES)
    async def export(question: ExportRequest, http: Request) -> Response:
        """A table as CSV, JSON or a page of its own; or the analysis as one file."""
        async with door.turn():
            capture = await door.capture(http, question)
            if question.what == "analysis":
                return await _analysis(capture, question)
            if question.what == "heads":
                stream = capture.profile(question.stream).stream
                table = (await door.wait(http, door.service.head_profiles(capture, stream))).table
            else:
                table = await asyncio.to_thread(_table, capture, question)
            return await asyncio.to_thread(_file, table, capture, question)

    return router


def _table(capture: Capture, question: ExportRequest) -> pd.DataFrame:
    if question.what == "tokens":
        return tokens_table(capture)
    if question.what == "layers":
        return layers_table(capture, question.stream)
    if question.what == "sinkfix":
        return sinkfix_table(capture, question.stream)
    return sink_table(
        capture, definition=question.definition, stream=question.stream, thresholds=question.limits()
    )


def _file(table: pd.DataFrame, capture: Capture, question: ExportRequest) -> Response:
    facts = provenance_of(capture)
    writers = {
        "csv": lambda: as_csv(table),
        "json": lambda: as_json(table, facts),
        "html": lambda: as_html(table, facts, f"{question.what.capitalize()} of {facts.model}"),
    }
    content = writers[question.format]().encode()
    return _download(content, f"sinklens-{question.what}.{question.format}", MEDIA_TYPES[question.format])


async def _analysis(capture: Capture, question: ExportRequest) -> Response:
    view = {"stream": question.stream, "definition": question.definition}
    analysis = saved.analysis_of(capture, view=view, with_maps=question.with_maps)
    content = await asyncio.to_thread(saved.as_bytes, analysis)
    return _download(content, f"analysis{saved.SUFFIX}", "application/octet-stream")


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)
