"""Studies of a server as answers."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from sinklens.analysis.plain_data import plain
from sinklens.schema.from_records import Answer, answer_model
from sinklens.study.records import Progress
from sinklens.study_jobs import StudyEntry

ProgressAnswer = answer_model(Progress)


class StudyAnswer(Answer):
    """One study of this server, and how far it is."""

    id: str
    name: str
    state: str = Field(
        description="waiting, reading, running, done, stopped, failed, interrupted, or elsewhere."
    )
    n_texts: int
    models: list[str]
    made: str = Field(description="When it was begun, UTC; empty before it has written anything.")
    problem: str = Field(description="Why it failed, in a sentence.")
    progress: ProgressAnswer | None


class StudiesAnswer(Answer):
    """All studies of this server, the latest first."""

    studies: list[StudyAnswer]


def study_answer(entry: StudyEntry) -> StudyAnswer:
    """One study as JSON types."""
    return StudyAnswer(**plain(asdict(entry)))
