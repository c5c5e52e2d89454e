"""Small studies of tiny models for the tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from sinklens.study.folder import StudyFolder
from sinklens.study.plan import Study
from sinklens.study.running import run_study
from sinklens.study.study_file import read_study
from sinklens.study.workers import LocalWorkers
from tests.capture.tiny_models import save_tiny

EVERYTHING = [
    "first_token", "aggregates", "position_profile", "sinks", "entropy", "global_metrics", "heads",
    "head_types", "excerpts", "loss", "massive", "writes", "geometry",
]  # fmt: skip


def some_texts(n: int) -> list[str]:
    """Texts of 4 to 23 words of the tiny tokenizer, no two alike."""
    return [" ".join(f"w{1 + (i * 7 + j * (1 + i % 5)) % 58}" for j in range(4 + i % 20)) for i in range(n)]


def plan_text(model: Path | str, n_texts: int = 12, **fields) -> str:
    """The YAML of a study; `fields` replace its own."""
    plan = {
        "name": "tiny",
        "models": [str(model)],
        "texts": [{"inline": some_texts(n_texts), "category": "all"}],
        "run": {"texts_per_shard": 4, "token_budget": 64},
    }
    return yaml.safe_dump(plan | fields, sort_keys=False)


def tiny_study(tmp_path: Path, family: str = "gpt2", **fields) -> Study:
    """A study of a tiny model that is saved beside it."""
    folder = tmp_path / family
    if not folder.exists():
        save_tiny(family, folder)
    return read_study(plan_text(folder, **fields))


def run_here(study: Study, out: Path, **choices) -> StudyFolder:
    """Run a study in this process."""
    run_study(study, out, lambda: LocalWorkers(study), **choices)
    return StudyFolder(out)


def shard_bytes(folder: StudyFolder) -> dict[str, str]:
    """Hash of every file of every shard."""
    files = sorted((folder.path / "shards").rglob("*.parquet"))
    return {
        str(file.relative_to(folder.path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }
