"""Every refusal as problem details (RFC 9457): a status, a sentence, never a traceback."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from sinklens import errors
from sinklens.errors import SinkLensError
from sinklens.schema.edits import KINDS

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
N_ERRORS_MAX = 20
CHOICES = {"sinklens", "sinkfix", *KINDS}

STATUS: dict[type[SinkLensError], HTTPStatus] = {
    errors.ModelNotFound: HTTPStatus.NOT_FOUND,
    errors.BadSelection: HTTPStatus.NOT_FOUND,
    errors.TextTooLong: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotEnoughMemory: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.QueueFull: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyRuns: HTTPStatus.TOO_MANY_REQUESTS,
    errors.RunCancelled: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every other SinkLensError is 422: understood, and not possible with this content."""


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    pointer: str = Field(description="Where, as a JSON pointer.")
    detail: str


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field(
        description="Name of the kind of problem.", examples=["urn:sinklens:problem:model-not-found"]
    )
    title: str
    status: int
    detail: str = Field(description="A sentence for the person who asked.")
    errors: list[FieldError] | None = Field(None, description="Of a request that does not fit the schema.")


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "",
    field_errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The response that says what is wrong; `kind` names it where the status alone does not."""
    title = HTTPStatus(status).phrase
    body = Problem(
        type=f"urn:sinklens:problem:{kind}" if kind else "about:blank",
        title=title,
        status=status,
        detail=detail,
        errors=field_errors,
    )
    headers = dict(headers or {})
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return JSONResponse(body.model_dump(exclude_none=True), status, headers, MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an app with problem details."""
    app.add_exception_handler(SinkLensError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


def status_of(error: type[SinkLensError]) -> HTTPStatus:
    """The status that a kind of error is answered with."""
    known = (STATUS[kind] for kind in error.__mro__ if kind in STATUS)
    return next(known, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _refused(request: Request, error: SinkLensError) -> JSONResponse:
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
    return problem(status_of(type(error)), str(error), kind=kind)


async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    found = [
        FieldError(pointer="".join(map(_escaped, item["loc"][1:])) or "/", detail=item["msg"])
        for item in error.errors()[:N_ERRORS_MAX]
    ]
    where = f" at {found[0].pointer}: {found[0].detail}" if found else ""
    detail = f"The request does not fit the schema{where}."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, kind="schema", field_errors=found)


def _escaped(part: str | int) -> str:
    """One step of a JSON pointer; the name of a choice between models is no step."""
    if part in CHOICES:
        return ""
    # Keys come from the request and may hold half a surrogate pair, which no response can.
    text = str(part)[:100].encode("utf-8", "replace").decode("utf-8")
    return "/" + text.replace("~", "~0").replace("/", "~1")


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    sentence = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method.",
        HTTPStatus.BAD_REQUEST: "The request body cannot be read.",
    }.get(error.status_code, str(error.detail))
    return problem(error.status_code, sentence, headers=error.headers)


async def _defect(request: Request, error: Exception) -> JSONResponse:
    log.error("A request to %s failed.", request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "SinkLens has a defect here; the reason is in its log.")
