"""Exit codes that scripts can trust, and errors as one sentence on standard error."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from enum import IntEnum

import typer
from pydantic import ValidationError

from sinklens.errors import NotANumber, NotEnoughMemory, QueueFull, RunCancelled, SinkLensError


class ExitCode(IntEnum):
    """What the command's end means."""

    OK = 0
    FAILED = 1
    """Understood, but it could not be done: too little memory, a model that computes NaN, a defect."""
    BAD_INPUT = 2
    """A text, model, file, option or edit that does not fit."""
    NOT_SAME = 3
    """It was done, and what was checked is not so: a claim does not come out, two runs differ."""
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done; 2 the input does not fit; 3 done, and what was checked is "
    "not so (models NAME, reproduce, compare --check); 130 interrupted."
)
CANNOT = (NotEnoughMemory, NotANumber, QueueFull, RunCancelled)


def guarded(command: Callable) -> Callable:
    """The command with its errors turned into a sentence and an exit code; defects keep their traceback."""

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except CANNOT as error:
            stop(str(error), ExitCode.FAILED)
        except SinkLensError as error:
            stop(str(error), ExitCode.BAD_INPUT)
        except ValidationError as error:
            stop(sentence_of(error), ExitCode.BAD_INPUT)
        except BrokenPipeError:
            # Whoever reads has seen enough, as `head` does; Python must not complain at its own end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.OK) from None
        except OSError as error:
            stop(f"{error.strerror or error}: {error.filename or 'the file'}.", ExitCode.BAD_INPUT)
        except KeyboardInterrupt:
            stop("Interrupted.", ExitCode.INTERRUPTED)

    return run


def stop(sentence: str, code: ExitCode) -> None:
    """Say why on standard error and end."""
    typer.echo(f"sinklens: {sentence}", err=True)
    raise typer.Exit(int(code))


def sentence_of(error: ValidationError) -> str:
    """The first thing that does not fit, with its place."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}." if place else f"{first['msg']}."
