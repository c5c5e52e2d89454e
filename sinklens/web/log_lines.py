"""The log: as it always was, or one JSON object a line; in neither is there a text of a user.

An address may hold a text (links do), so what follows the "?" is cut. The message of an exception may quote
one, so a JSON line names its class and the places in the code, and nothing else.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from sinklens.settings import REPOSITORY

ACCESS, SERVER = "uvicorn.access", "uvicorn.error"
SESSION_ID = re.compile(r"(?<=/session/)[^/]+")
TRACEBACK = "Traceback (most recent call last):"
ERROR_LINE = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)")
FRAME = re.compile(r'^\s+File "([^"]+)", line (\d+), in (\S+)')


def set_up_log(*, is_json: bool, stream: TextIO | None = None) -> None:
    """Give all loggers of this process one form.

    Parameters
    ----------
    stream : where JSON lines go; standard error when None
    """
    for name in (ACCESS, SERVER):
        logging.getLogger(name).addFilter(without_queries)
    if not is_json:
        return
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("sinklens").setLevel(logging.INFO)
    for name in ("uvicorn", ACCESS, SERVER):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
    sys.stderr = StderrLines()


def without_queries(record: logging.LogRecord) -> bool:
    """A filter of uvicorn's loggers that lets every record through, its address without query and session."""
    if isinstance(record.args, tuple):
        record.args = tuple(_address(part) if _is_address(part) else part for part in record.args)
    return True


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message; of an exception its class and where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name == ACCESS and isinstance(record.args, tuple) and len(record.args) == 5:
            _, method, path, _, status = record.args
            line |= {"message": "request", "method": method, "path": path, "status": status}
        elif record.name == SERVER and "WebSocket" in str(record.msg) and isinstance(record.args, tuple):
            # Without the client's address, which comes first.
            line |= {"message": str(record.msg).partition("- ")[2] % record.args[1:]}
        else:
            # Further lines of a message are reprs of tasks and errors.
            line["message"] = record.getMessage().split("\n", 1)[0]
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _error(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class StderrLines(io.TextIOBase):
    """Takes the place of standard error: Shiny and others print tracebacks there, past every logger.

    Each traceback becomes one record without its message; anything else is only counted, as it may be a text.
    """

    def __init__(self) -> None:
        self._log = logging.getLogger("sinklens.stderr")
        self._rest = ""
        self._frames: list[str] | None = None

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._take(line)
        return len(text)

    def _take(self, line: str) -> None:
        if line.strip() == TRACEBACK:
            self._frames = []
        elif self._frames is None:
            return
        elif found := FRAME.match(line):
            self._frames.append(_place(found[1], int(found[2]), found[3]))
        elif found := ERROR_LINE.match(line):
            fields = {"error": found[1].rpartition(".")[2], "where": self._frames}
            self._log.error("An exception was printed.", extra={"fields": fields})
            self._frames = None


def _error(error: BaseException) -> dict:
    frames = traceback.extract_tb(error.__traceback__)
    where = [_place(frame.filename, frame.lineno or 0, frame.name) for frame in frames]
    cause = error.__cause__ or error.__context__
    return {"error": type(error).__name__, "where": where} | (
        {} if cause is None else {"cause": type(cause).__name__}
    )


def _place(file: str, line: int, function: str) -> str:
    path = Path(file)
    known = path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else Path(*path.parts[-3:])
    return f"{known}:{line} {function}"


def _is_address(part: object) -> bool:
    return isinstance(part, str) and part.startswith("/")


def _address(path: str) -> str:
    return SESSION_ID.sub("…", path.partition("?")[0])
