"""What was measured for the lessons of the Learn page, stored so that they work at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sinklens import capture_file, record_file
from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.errors import DamagedFile
from sinklens.results import Capture

FORMAT = "sinklens-lessons-1"
MODEL = "demo-gpt2"
TWIN = "demo-gpt2-off-by-one"
"""The same recipe trained with the softmax that may leave a row empty."""
KEYS = ("attention", "heads", "sinks", "parking", "removal", "twin", "explanation")
"""The lessons in their order."""
Number = float | int | str


@dataclass(frozen=True, eq=False)
class LessonResult:
    """What one lesson shows once its question is answered."""

    key: str
    """One of KEYS."""
    answer: str
    """Key of the option that the measurement makes the right one."""
    numbers: dict[str, Number]
    """By the names that stand in the lesson's text; shares 0..1, losses in nats per token."""
    arrays: dict[str, np.ndarray]
    labels: dict[str, tuple[str, ...]]

    @property
    def head(self) -> tuple[int, int]:
        """(layer, head) that the lesson looks at first."""
        return int(self.numbers["layer"]), int(self.numbers["head"])


@dataclass(frozen=True, eq=False)
class LessonResults:
    """The results of all lessons, measured together on one model."""

    model: str
    revision: str
    text: str
    """Of the run that the pictures are drawn from."""
    sinklens: str
    """Version that measured."""
    has_twin: bool
    """The twin model was there when the results were measured."""
    lessons: tuple[LessonResult, ...]

    def of(self, key: str) -> LessonResult:
        """The result of one lesson."""
        return next(lesson for lesson in self.lessons if lesson.key == key)


RECORDS = {kind.__name__: kind for kind in (LessonResult, LessonResults)}


@dataclass(frozen=True, eq=False)
class StoredLessons:
    """The results and the run that they belong to."""

    results: LessonResults
    capture: Capture
    summary: RunSummary


def lessons_path(models_dir: Path) -> Path:
    return models_dir / "examples" / "lessons.safetensors"


def save_lessons(results: LessonResults, path: Path) -> None:
    """Write the results; the file appears whole or not at all."""
    record_file.write(results, path, name=FORMAT, records=RECORDS)


@lru_cache(maxsize=2)
def stored_lessons(models_dir: Path) -> StoredLessons:
    """The stored results and the stored run beside them.

    Raises
    ------
    DamagedFile
        A file is damaged, or the two are of different runs; the message says how to make them anew.
    FileNotFoundError
    """
    stored = record_file.read(lessons_path(models_dir))
    if stored.name != FORMAT:
        raise DamagedFile(f"'{stored.file}' has the format '{stored.name}'; {FORMAT} was expected.")
    results = stored.value(RECORDS)
    capture = capture_file.load(models_dir / "examples" / f"{results.model}.safetensors")
    if (capture.model.revision, capture.prompt.text) != (results.revision, results.text):
        raise DamagedFile(
            "The stored lessons and the stored run are not of the same model and text: "
            "run `python -m models.recipes.lessons` again."
        )
    return StoredLessons(results, capture, run_summary(capture))
