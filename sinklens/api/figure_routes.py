"""Figures for papers, reports for colleagues, and how to cite them."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from sinklens.analysis.head_finding import most_sinking_head
from sinklens.api.door import Door
from sinklens.errors import BadSelection
from sinklens.export.references import bibtex
from sinklens.figures.background import in_background
from sinklens.figures.paper import MEDIA_TYPES, FigureFile, Paper
from sinklens.file_name import file_name
from sinklens.results import Capture, HeadMap
from sinklens.schema.requests import FigureRequest, ReportRequest

REPORT_TYPES = {"html": "text/html", "pdf": "application/pdf"}


def figure_routes(door: Door) -> APIRouter:
    """POST /figure and /report, GET /references."""
    router = APIRouter(tags=["files"])

    @router.post("/figure", response_class=Response, responses=_files(MEDIA_TYPES))
    async def figure(question: FigureRequest, http: Request) -> Response:
        """One head's map, or all heads, as SVG, PDF or PNG with a caption."""
        paper = Paper(question.format, question.width_mm, question.height_mm, question.dpi)
        async with door.turn():
            capture = await door.capture(http, question)
            head_map = None
            if question.what == "map":
                stream = capture.profile(question.stream).stream
                place = (capture, stream, question.layer, question.head)
                head_map = await door.wait(http, door.service.head_map(*place))
            drawn = await door.wait(http, in_background(lambda: _drawn(capture, head_map, paper, question)))
        return _download(drawn.content, capture, question.what, question.format, drawn.media_type)

    @router.post("/report", response_class=Response, responses=_files(REPORT_TYPES))
    async def report(question: ReportRequest, http: Request) -> Response:
        """The finding, the pictures, the sink table and the method as one file."""
        if (question.layer is None) != (question.head is None):
            raise BadSelection("Name a layer and a head, or neither.")
        async with door.turn():
            capture = await door.capture(http, question)
            profile = capture.profile(question.stream)
            place = (
                await asyncio.to_thread(most_sinking_head, profile)
                if question.layer is None
                else (question.layer, question.head)
            )
            head_map = await door.wait(http, door.service.head_map(capture, profile.stream, *place))
            content = await door.wait(http, in_background(lambda: _report(capture, head_map, question)))
        return _download(content, capture, "report", question.format, REPORT_TYPES[question.format])

    @router.get("/references", response_class=PlainTextResponse)
    async def references() -> str:
        """SinkLens and the papers its methods come from, as BibTeX."""
        return bibtex()

    return router


def _drawn(capture: Capture, head_map: HeadMap | None, paper: Paper, question: FigureRequest) -> FigureFile:
    from sinklens.figures.run_figures import head_figure, mosaic_figure

    look = {"scale": question.scale, "palette": question.palette}
    if head_map is None:
        return mosaic_figure(capture, paper, stream=question.stream, **look)
    return head_figure(capture, head_map, paper, **look)


def _report(capture: Capture, head_map: HeadMap, question: ReportRequest) -> bytes:
    from sinklens.export.report import as_file, report_of

    report = report_of(capture, head_map, definition=question.definition, thresholds=question.limits())
    return as_file(report, question.format)


def _files(types: dict[str, str]) -> dict:
    content = {media_type: {"schema": {"type": "string"}} for media_type in types.values()}
    return {200: {"description": "The file.", "content": content}}


def _download(content: bytes, capture: Capture, what: str, form: str, media_type: str) -> Response:
    name = file_name("sinklens", capture.model.name, what, ending=form)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)
