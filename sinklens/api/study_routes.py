"""Routes about studies: many texts x many models, which outlive the request that starts them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Path
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, StreamingResponse

from sinklens.api.door import Door
from sinklens.errors import BadSelection, QueueFull, TextTooLong
from sinklens.schema.study_answers import StudiesAnswer, StudyAnswer, study_answer
from sinklens.study.plan import Study
from sinklens.study.study_file import to_yaml
from sinklens.study_runs import FILES

POLL_S = 0.5
"""Between two looks at a study whose progress is told."""
N_SILENT = 30
"""Looks without news after which a comment keeps the connection open."""
MAX_GENERATED = 10_000
KEY = Path(min_length=1, max_length=100, pattern=r"^[\w.-]+$")
EVENTS = {
    200: {
        "description": "Events 'progress' while it runs, 'end' at the last; data is a StudyAnswer.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
BYTES = {
    200: {"description": "The file.", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
}


def study_routes(door: Door) -> APIRouter:
    """POST, GET and DELETE below /studies."""
    router = APIRouter(prefix="/studies", tags=["studies"])
    service = door.service

    @router.get("", response_model=StudiesAnswer)
    async def studies() -> StudiesAnswer:
        """All studies of this server, the latest first; of a public one only for holders of its token."""
        if not (service.studies_are_shared or door.settings.api_token):
            raise BadSelection("This server is public and lists no studies; ask for one by its id.")
        return StudiesAnswer(studies=[study_answer(entry) for entry in await service.studies()])

    @router.post("", response_model=StudyAnswer, status_code=HTTPStatus.ACCEPTED)
    async def start(question: Study) -> StudyAnswer:
        """Begin a study, or go on with it where it stopped; the fields are those of a study file."""
        _check_size(question, door.settings.api_max_tokens)
        n_busy = sum(entry.is_busy for entry in await service.studies())
        if n_busy >= door.settings.api_max_runs:
            raise QueueFull(f"{n_busy} studies wait or run; come back later.")
        key = await service.start_study(to_yaml(question))
        return study_answer(await service.study(key))

    @router.get("/{key}", response_model=StudyAnswer)
    async def study(key: str = KEY) -> StudyAnswer:
        """One study, and how far it is."""
        return study_answer(await service.study(key))

    @router.get("/{key}/events", response_class=StreamingResponse, responses=EVENTS)
    async def events(key: str = KEY) -> StreamingResponse:
        """How far a study is, as server-sent events, until it is over."""
        await service.study(key)  # a study that is not there is a problem and no stream
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_told(door, key), media_type="text/event-stream", headers=headers)

    @router.get("/{key}/files/{name}", response_class=FileResponse, responses=BYTES)
    async def file(name: Literal[FILES], key: str = KEY) -> FileResponse:
        """The report, the tables in one piece, or the head cards."""
        path = await service.study_file(key, name)
        remove = BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True)
        return FileResponse(path, filename=name, background=remove, media_type="application/octet-stream")

    @router.delete("/{key}", response_model=StudyAnswer)
    async def stop(key: str = KEY) -> StudyAnswer:
        """Stop a study after the piece in work; what is finished is kept."""
        await service.study(key)
        await service.stop_study(key)
        return study_answer(await service.study(key))

    return router


async def _told(door: Door, key: str) -> AsyncIterator[str]:
    """The study each time that something has changed."""
    before, n_silent = "", 0
    while True:
        entry = await door.service.study(key)
        said = study_answer(entry).model_dump_json()
        if not entry.is_busy:
            yield f"event: end\ndata: {said}\n\n"
            return
        if said != before:
            yield f"event: progress\ndata: {said}\n\n"
            before, n_silent = said, 0
        n_silent += 1
        if n_silent >= N_SILENT:
            yield ": still here\n\n"
            n_silent = 0
        await asyncio.sleep(POLL_S)


def _check_size(study: Study, n_tokens_max: int) -> None:
    """Raise TextTooLong for generated texts that no request of a stranger should ask for."""
    for source in study.texts:
        if source.generate is not None and (source.n > MAX_GENERATED or source.n_tokens > n_tokens_max):
            raise TextTooLong(
                f"Up to {MAX_GENERATED:,} texts of up to {n_tokens_max:,} tokens are generated here; "
                f"got {source.n:,} of {source.n_tokens:,}.",
                n_tokens=source.n_tokens,
                n_tokens_max=n_tokens_max,
            )
