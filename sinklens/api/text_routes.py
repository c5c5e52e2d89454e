"""Routes about one text: summary, sinks, heads, profile, one head's map."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from safetensors.numpy import save
from starlette.responses import Response

from sinklens.api.binary import BINARY
from sinklens.api.door import Door, check_cells
from sinklens.api.sinkfix_route import sinkfix
from sinklens.export.npy import npy
from sinklens.schema.answers import (
    AnalysisAnswer,
    MapAnswer,
    ProfileAnswer,
    SinkFixAnswer,
    SinksAnswer,
    analysis_answer,
    map_answer,
    profile_answer,
    sinks_answer,
)
from sinklens.schema.head_answers import HeadsAnswer, heads_answer
from sinklens.schema.requests import (
    AnyAnalysisRequest,
    MapRequest,
    ProfileRequest,
    SinkFixRequest,
    SinksRequest,
    StreamRequest,
)


def text_routes(door: Door) -> APIRouter:
    """POST /analyze, /sinks, /heads, /profile and /map."""
    router = APIRouter(tags=["one text"])

    @router.post("/analyze", response_model=AnalysisAnswer | SinkFixAnswer, responses=BINARY)
    async def analyze(question: AnyAnalysisRequest, http: Request) -> Response:
        """The summary of a run; in SinkFix's words where it is asked with `model_name`."""
        async with door.turn():
            if isinstance(question, SinkFixRequest):
                return await sinkfix(door, http, question)
            capture = await door.capture(http, question)
            return await door.answer(analysis_answer, capture, question.stream)

    @router.post("/sinks", response_model=SinksAnswer)
    async def sinks(question: SinksRequest, http: Request) -> Response:
        """One row per token: attention received, floor, norms, label and its reason."""
        async with door.turn():
            capture = await door.capture(http, question)
            return await door.answer(sinks_answer, capture, question)

    @router.post("/heads", response_model=HeadsAnswer)
    async def heads(question: StreamRequest, http: Request) -> Response:
        """One row per head: what it does when it does not rest."""
        async with door.turn():
            capture = await door.capture(http, question)
            stream = capture.profile(question.stream).stream
            profiles = await door.wait(http, door.service.head_profiles(capture, stream))
            return await door.answer(heads_answer, capture, profiles)

    @router.post("/profile", response_model=ProfileAnswer, responses=BINARY)
    async def profile(question: ProfileRequest, http: Request) -> Response:
        """Arrays of every head: JSON, or a safetensors file."""
        async with door.turn():
            capture = await door.capture(http, question)
            arrays = {name: getattr(capture.profile(question.stream), name) for name in question.fields}
            if question.format == "safetensors":
                dense = {name: array.copy(order="C") for name, array in arrays.items()}
                return Response(await asyncio.to_thread(save, dense), media_type="application/octet-stream")
            check_cells(sum(array.size for array in arrays.values()), "ask for format 'safetensors'")
            return await door.answer(profile_answer, capture, question)

    @router.post("/map", response_model=MapAnswer, responses=BINARY)
    async def head_map(question: MapRequest, http: Request) -> Response:
        """One head's attention: JSON, or a .npy file of float32 with NaN where a query cannot see."""
        async with door.turn():
            capture = await door.capture(http, question)
            stream = capture.profile(question.stream).stream
            place = (capture, stream, question.layer, question.head)
            found = await door.wait(http, door.service.head_map(*place))
            if question.format == "npy":
                return Response(npy(found.weights), media_type="application/octet-stream")
            check_cells(found.weights.size, "ask for format 'npy'")
            return await door.answer(map_answer, capture, found)

    return router
