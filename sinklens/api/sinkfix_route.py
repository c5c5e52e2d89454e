"""Answers in the shape of SinkFix's API, so that its clients can ask here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from sinklens.analysis.plain_data import plain
from sinklens.analysis.sinkfix import redistributed, sinkfix_verdict
from sinklens.api.door import Door, check_cells
from sinklens.export.npy import npy_header
from sinklens.results import Capture
from sinklens.schema.answers import SinkFixAnswer
from sinklens.schema.requests import SinkFixRequest


async def sinkfix(door: Door, http: Request, question: SinkFixRequest) -> Response:
    """SinkFix's labels and scores, or its corrected attention as (L, 1, H, T, T) float32 in a .npy stream.

    Masked cells are 0, as in SinkFix. Value norms are divided by their mean, which is what its rule reads.
    """
    capture = await door.capture(http, question.reading())
    if question.corrected_att_scores:
        return await _corrected(door, capture)
    n_cells = len(capture.key_prompt()) ** 2
    check_cells(n_cells, "shorten the text")
    mean = await _mean_map(door, capture)
    return await door.answer(_answer, capture, mean)


def _answer(capture: Capture, mean: np.ndarray) -> SinkFixAnswer:
    verdict = sinkfix_verdict(capture.profile())
    return SinkFixAnswer(
        token_list=[token.piece for token in capture.key_prompt().tokens],
        classifications=list(verdict.labels),
        att_received_scores=plain(verdict.shares),
        value_norms=plain(verdict.value_norms),
        att_matrix=plain(np.nan_to_num(mean)),
    )


async def _mean_map(door: Door, capture: Capture) -> np.ndarray:
    profile = capture.profile()
    if profile.mean_map is not None:
        return profile.mean_map
    heads = tuple((layer, head) for layer in range(profile.n_layers) for head in range(profile.n_heads))
    return await door.service.mean_map(capture, profile.stream, heads)


async def _corrected(door: Door, capture: Capture) -> Response:
    profile = capture.profile()
    shape = (profile.n_layers, 1, profile.n_heads, profile.n_queries, profile.n_keys)
    labels = sinkfix_verdict(profile).labels
    # The first layer before the status line, so that an error is still an error.
    first = await _layer(door, capture, 0, labels)

    async def pieces() -> AsyncIterator[bytes]:
        yield npy_header(shape)
        yield first
        for layer in range(1, profile.n_layers):
            yield await _layer(door, capture, layer, labels)

    n_bytes = len(npy_header(shape)) + 4 * int(np.prod(shape))
    headers = {"Content-Length": str(n_bytes)}
    return StreamingResponse(pieces(), media_type="application/octet-stream", headers=headers)


async def _layer(door: Door, capture: Capture, layer: int, labels: tuple[str, ...]) -> bytes:
    """One layer's heads after SinkFix's redistribution."""
    profile = capture.profile()
    pieces = []
    for head in range(profile.n_heads):
        found = await door.service.head_map(capture, profile.stream, layer, head)
        corrected = redistributed(np.nan_to_num(found.weights), labels)
        pieces.append(np.ascontiguousarray(corrected, "<f4").tobytes())
    return b"".join(pieces)
