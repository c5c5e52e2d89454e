"""Routes about the server itself: is it well, which models are there."""

from __future__ import annotations

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from sinklens.api.door import Door
from sinklens.capture.model_source import bundled_models
from sinklens.schema.answers import ModelAnswer, model_answer
from sinklens.schema.from_records import Answer
from sinklens.version import VERSION

MODEL_NAME = Path(min_length=1, max_length=300, pattern=r"^[^\r\n]+$", examples=["demo-gpt2"])


class HealthAnswer(Answer):
    """Is the server up, and how busy is it?"""

    status: str
    version: str
    n_running: int
    n_queued: int


class ModelsAnswer(Answer):
    """The models that can be named."""

    bundled: list[str] = Field(description="Come with SinkLens, the default one first.")
    hub: bool = Field(description="May a Hugging Face id be named?")
    folders: bool = Field(description="May a folder of the server be named?")
    n_tokens_max: int = Field(description="Most tokens of a text at this door; a model may take fewer.")


def server_routes(door: Door) -> APIRouter:
    """GET /health, /models and /models/{name}."""
    router = APIRouter()
    settings = door.settings

    @router.get("/health", response_model=HealthAnswer, tags=["server"])
    async def health() -> HealthAnswer:
        """Whether the server is up, and how much it has to do."""
        stats = door.service.stats()
        return HealthAnswer(status="ok", version=VERSION, n_running=stats.n_running, n_queued=stats.n_queued)

    @router.get("/models", response_model=ModelsAnswer, tags=["server"])
    async def models() -> ModelsAnswer:
        """The bundled models, and what else may be named."""
        return ModelsAnswer(
            bundled=list(bundled_models(settings)),
            hub=settings.allow_hub,
            folders=settings.allow_folders,
            n_tokens_max=settings.api_max_tokens,
        )

    @router.get("/models/{name:path}", response_model=ModelAnswer, tags=["server"])
    async def model(http: Request, name: str = MODEL_NAME) -> Response:
        """What is known about a model; loads it where needed."""
        async with door.turn():
            info = await door.wait(http, door.service.info(name))
        return await door.answer(model_answer, info)

    return router
