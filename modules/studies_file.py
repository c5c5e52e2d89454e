"""From the form of the page Studies to the study file that it stands for; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from sinklens.study.errors import BadStudy, Problem
from sinklens.study.plan import DEFAULT_MEASUREMENTS, MEASUREMENTS, Study
from sinklens.study.study_file import read_study

GENERATED = {
    "random tokens": "random tokens",
    "repeated token": "one token repeated",
}
READY_EDITS: Mapping[str, list[dict]] = {
    "mask the sinks": [{"edit": "mask_keys", "keys": "sinks"}],
    "halve attention to the sinks": [{"edit": "scale_columns", "keys": "sinks", "factor": 0.5}],
    "zero the sinks' values": [{"edit": "zero_values", "keys": "sinks"}],
    "a constant in place of the sinks": [{"edit": "patch_contribution", "keys": "sinks"}],
    "softmax with one more in the sum": [{"edit": "off_by_one_softmax"}],
}
"""Name of an intervention -> its edits; the file can say many more."""


@dataclass(frozen=True)
class StudyForm:
    """What the form says."""

    name: str
    models: tuple[str, ...]
    texts: str = ""
    """One text a line; empty lines are left out."""
    uploads: tuple[tuple[str, str], ...] = ()
    """(path from the folder of studies, name that it was brought under) of uploaded files."""
    column: str = ""
    category_column: str = ""
    generated: tuple[str, ...] = ()
    n_generated: int | None = None
    n_tokens: int | None = None
    n: int | None = None
    max_tokens: int | None = None
    cut: bool = True
    """Cut longer texts; otherwise they are listed as failures."""
    seed: int | None = None
    measurements: tuple[str, ...] = DEFAULT_MEASUREMENTS
    interventions: tuple[str, ...] = ()
    controls: bool = True


def study_yaml(form: StudyForm) -> str:
    """The study file that a form stands for; it may have problems, which `problems_of` finds."""
    study = {
        "name": form.name.strip(),
        "models": list(form.models),
        "texts": _texts(form),
        "sampling": _sampling(form),
        "measurements": [name for name in MEASUREMENTS if name in form.measurements],
        "interventions": [
            {"name": name, "edits": READY_EDITS[name], **({} if form.controls else {"controls": False})}
            for name in form.interventions
        ],
    }
    kept = {key: value for key, value in study.items() if value or key in ("name", "models", "texts")}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=100)


def problems_of(text: str) -> tuple[Study | None, tuple[Problem, ...]]:
    """The study that a file describes, or every line and field that is wrong in it."""
    try:
        return read_study(text), ()
    except BadStudy as error:
        return None, error.problems


def title_of(name: str, text: str) -> str:
    """What a bundled study is called in a list: its own name."""
    study, _ = problems_of(text)
    return name if study is None else study.name


def plan_sentence(study: Study) -> str:
    """How large a study is, as far as the file alone can tell."""
    parts = [_count(len(study.models), "model")]
    parts.append(f"{_count(len(study.texts), 'source')} of texts")
    if study.sampling.n is not None:
        parts.append(f"at most {_count(study.sampling.n, 'text')} drawn with seed {study.sampling.seed}")
    parts.append(_count(len(study.measured), "measurement"))
    if study.edited:
        parts.append(_count(len(study.edited), "intervention"))
    return f"Ready to start: {', '.join(parts)}."


def _texts(form: StudyForm) -> list[dict]:
    lines = [line.strip() for line in form.texts.splitlines() if line.strip()]
    sources: list[dict] = [{"inline": lines}] if lines else []
    for path, name in form.uploads:
        column, category = ("", "") if path.endswith(".txt") else (form.column, form.category_column)
        source = {"path": path, "category": name}
        source |= {"column": column.strip()} if column.strip() not in ("", "text") else {}
        source |= {"category_column": category.strip()} if category.strip() else {}
        sources.append(source)
    size = {key: value for key, value in (("n", form.n_generated), ("n_tokens", form.n_tokens)) if value}
    sources += [{"generate": kind, **size} for kind in form.generated]
    return sources


def _sampling(form: StudyForm) -> dict:
    sampling: dict = {}
    if form.n:
        sampling |= {"n": form.n}
    if form.n and form.seed is not None:
        sampling |= {"seed": form.seed}
    if form.max_tokens:
        sampling |= {"max_tokens": form.max_tokens}
    if form.cut:
        sampling |= {"longer": "cut"}
    return sampling


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
