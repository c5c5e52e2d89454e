"""The words of the lessons: one file for each, in every language, with numbers filled in from the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import yaml
from markdown_it import MarkdownIt
from shiny import ui

from modules.lesson_results import KEYS, Number
from sinklens.analysis.quantity import SPACE, percent

HERE = Path(__file__).resolve().parent
DECIMAL_COMMA = ("de",)
"""Languages that write 0,5 for 0.5."""
markdown = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True)
class Opening:
    """Where an exercise takes place."""

    page: str
    """Id of a page."""
    example: str
    """Id of an example text."""
    at: tuple[str, str]
    """Names of the numbers that hold the layer and the head."""


@dataclass(frozen=True)
class Exercise:
    """Something to do on another page."""

    task: str
    open: Opening


@dataclass(frozen=True)
class Misreading:
    """A sentence that is often said of such a picture, and what is true instead."""

    wrong: str
    right: str


@dataclass(frozen=True)
class Lesson:
    """One lesson in one language; texts are Markdown with `{name:kind}` for the numbers."""

    key: str
    title: str
    minutes: int
    terms: tuple[str, ...]
    """Keys of the glossary."""
    idea: str
    question: str
    options: dict[str, str]
    result: str
    look: str
    exercises: tuple[Exercise, ...]
    misreadings: tuple[Misreading, ...]
    teacher: str
    with_twin: str = ""
    """Goes on the result where the twin model was measured."""
    without_twin: str = ""


@cache
def lessons_in(language: str) -> tuple[Lesson, ...]:
    """All lessons, in their order."""
    paths = sorted((HERE / "lessons" / language).glob("*.yaml"))
    return tuple(
        _lesson(key, yaml.safe_load(path.read_text("utf-8"))) for key, path in zip(KEYS, paths, strict=True)
    )


def _lesson(key: str, document: dict) -> Lesson:
    exercises = tuple(
        Exercise(entry["task"], Opening(**entry["open"] | {"at": tuple(entry["open"]["at"])}))
        for entry in document.pop("exercises")
    )
    misreadings = tuple(Misreading(**entry) for entry in document.pop("misreadings"))
    terms = tuple(document.pop("terms"))
    return Lesson(key, terms=terms, exercises=exercises, misreadings=misreadings, **document)


class Filler(Formatter):
    """Fills `{name:kind}`: kinds are percent, nats, length, times, number and token; none: as it is."""

    def __init__(self, language: str) -> None:
        self._has_comma = language in DECIMAL_COMMA

    def format_field(self, value: Number, kind: str) -> str:
        if kind == "token":
            # In Markdown the label stands as code, whatever it holds.
            return f"`` {value} ``"
        text = KINDS[kind](value) if kind else str(value)
        return text.replace(".", ",") if self._has_comma and kind else text


KINDS = {
    "percent": percent,
    "nats": lambda value: f"{value:.2f}{SPACE}nats",
    "length": lambda value: f"{value:.2f}",
    "times": lambda value: f"{value:.1f}{SPACE}×",
    "number": lambda value: f"{value:.2f}",
}


def filled(text: str, numbers: Mapping[str, Number], language: str) -> str:
    """The text with its numbers; KeyError for a name or a kind that there is not."""
    return Filler(language).vformat(text, (), numbers)


def rendered(text: str, numbers: Mapping[str, Number], language: str) -> ui.HTML:
    """The text as paragraphs of HTML; markup inside it stays text."""
    return ui.HTML(markdown.render(filled(text, numbers, language)))


def rendered_line(text: str, numbers: Mapping[str, Number], language: str) -> ui.HTML:
    """The same for a single line, without a paragraph around it."""
    return ui.HTML(markdown.renderInline(filled(text, numbers, language).strip()))
