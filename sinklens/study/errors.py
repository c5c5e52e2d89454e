"""What can be wrong with a study, each with a sentence for the person who asked."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.errors import SinkLensError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a study file."""

    line: int | None
    """From 1; None where the plan did not come from a file."""
    field: str
    """Where in the file, such as "texts[0].column"; empty for the file as a whole."""
    sentence: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line is not None else []
        where += [f"'{self.field}'"] if self.field else []
        return f"{', '.join(where)}: {self.sentence}" if where else self.sentence


class BadStudy(SinkLensError, ValueError):
    """A study file that cannot be followed; `problems` has every line and field."""

    def __init__(self, problems: list[Problem], file: str = "") -> None:
        self.problems = tuple(problems)
        head = f"{file or 'The study'} cannot be run as it is:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


class BadTexts(SinkLensError, ValueError):
    """A source of texts that gives none, or cannot be read."""


class FolderInUse(SinkLensError):
    """Another process is writing into the folder of a study."""


class OtherStudy(SinkLensError, ValueError):
    """The folder holds the results of another study."""


class DiskFull(SinkLensError, OSError):
    """Results could not be written; what was finished is kept."""


class EngineMissing(SinkLensError, ImportError):
    """An optional package is needed for what was asked."""
