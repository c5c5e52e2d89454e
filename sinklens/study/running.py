"""Runs a study into a folder, or goes on with one: whatever is there complete is not done again.

Texts and results are on disk: in memory are the shards in hand. What grows with the number of texts is what
is known of every shard (its work, whether it is done) and of every row group of texts.parquet: less than
10 bytes for each text with shards of 32, 10 MB for a million.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from sinklens.errors import RunCancelled, SinkLensError
from sinklens.study.clock import Clock, work_of
from sinklens.study.errors import OtherStudy
from sinklens.study.fitted import Fitted, FittedVectors
from sinklens.study.folder import StudyFolder, shard_sizes
from sinklens.study.plan import Study
from sinklens.study.records import SCHEMA, Progress
from sinklens.study.study_file import to_yaml
from sinklens.study.text_set import TextCounts, gather
from sinklens.study.workers import Task, Workers
from sinklens.version import VERSION

PACKAGES = ("torch", "transformers", "numpy", "scipy", "pyarrow", "tokenizers")
N_SECONDS_BETWEEN = 2.0
"""Between two writes of progress.json."""


def study_hash(study: Study, texts: TextCounts) -> str:
    """Everything that decides the results: the plan without its labels, the texts, our version."""
    parts = f"{SCHEMA}\n{VERSION}\n{study.canonical()}\n{texts.sha256}"
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def run_study(
    study: Study,
    out: str | Path,
    make_workers: Callable[[], Workers],
    *,
    base: str | Path = ".",
    yaml: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Progress:
    """Run a study, or the rest of one; the last progress.

    Parameters
    ----------
    out : folder of the results (`sinklens.study.records` says what is in it)
    make_workers : called once the folder and the texts are in order
    base : folder that paths in the study are counted from
    yaml : the study file as it was given

    Raises
    ------
    FolderInUse, OtherStudy, BadTexts, DiskFull, EngineMissing
    RunCancelled
        After what was finished has been written.
    """
    folder = StudyFolder(out)
    with folder.locked():
        run = _Run(study, folder, Clock(), on_progress, is_cancelled)
        try:
            run.prepare(Path(base), yaml)
            workers = make_workers()
            try:
                run.work(workers)
            finally:
                workers.close()
        except RunCancelled:
            run.say("stopped", force=True)
            raise
        except BaseException as error:
            if folder.exists and not isinstance(error, OtherStudy):
                run.clock.message = str(error) if isinstance(error, SinkLensError) else type(error).__name__
                run.say_failed()
            raise
        run.say("done", force=True)
        return run.clock.progress()


@dataclass(eq=False)
class _Run:
    """One run of a study."""

    study: Study
    folder: StudyFolder
    clock: Clock
    on_progress: Callable[[Progress], None]
    is_cancelled: Callable[[], bool]
    _told: float = 0.0

    def prepare(self, base: Path, yaml: str | None) -> None:
        """Texts and study.json: made, or found to be those of this study."""
        self.on_progress(self.clock.progress())
        known = self.folder.about() if self.folder.exists else None
        if known is not None and known["plan_hash"] != _plan_hash(self.study):
            raise _other(self.folder, known)
        keeps = known is not None and any(source.dataset is not None for source in self.study.texts)
        if not keeps:
            self._gather(base, yaml, known)
        self.folder.sweep()

    def _gather(self, base: Path, yaml: str | None, known: dict | None) -> None:
        with gather(self.study, base) as texts:
            counts = texts.counts()
            digest = study_hash(self.study, counts)
            if known is not None:
                if known["study_hash"] != digest:
                    raise _other(self.folder, known)
                return
            self.folder.write_parquet("texts.parquet", texts.write)
            self.folder.write_unread([_unread_row(item) for item in texts.unread])
        self.folder.write_text("study.yaml", yaml if yaml is not None else to_yaml(self.study))
        self.folder.write_json("study.json", self._about(counts, digest))

    def _about(self, counts: TextCounts, digest: str) -> dict:
        study = self.study
        n_each = study.run.texts_per_shard
        return {
            "schema": SCHEMA,
            "name": study.name,
            "study_hash": digest,
            "plan_hash": _plan_hash(study),
            "plan": study.model_dump(mode="json"),
            "texts": vars(counts),
            "shards": {"n_per_model": len(shard_sizes(counts.n, n_each)), "n_texts": n_each},
            "models": slugs(study),
            "seeds": list(study.seeds),
            "steps": study.steps.model_dump(),
            "measurements": sorted(study.measured),
            "layers": None if study.layers is None else list(study.layers),
            "show": study.show.model_dump(mode="json"),
            "versions": {"sinklens": VERSION} | {name: _version(name) for name in PACKAGES},
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def work(self, workers: Workers) -> None:
        """All models, one after the other; one that does not load is listed."""
        self.clock.state = "running"
        by_shard, sizes = self._shards()
        finished = self.folder.finished()
        for name in slugs(self.study):
            self.clock.plan(name, sum(by_shard), sum(sizes))
        for index, (name, slug) in enumerate(slugs(self.study).items()):
            todo = []
            for number in range(len(sizes)):
                if shard_name(slug, number) in finished:
                    self.clock.skip(name, by_shard[number], sizes[number])
                else:
                    todo.append(number)
            if todo:
                self._model(workers, index, name, slug, todo, by_shard)

    def _shards(self) -> tuple[list[float], list[int]]:
        """Work and number of texts of every shard of one model."""
        n_each, longest = self.study.run.texts_per_shard, self._longest()
        works: list[float] = []
        n = 0
        for n, text in enumerate(self.folder.each_text(["n_chars", "n_tokens_asked"]), start=1):
            if n > len(works) * n_each:
                works.append(0.0)
            works[-1] += work_of(text, longest)
        return works, shard_sizes(n, n_each)

    def _model(self, workers: Workers, index: int, name: str, slug: str, todo: list[int], works) -> None:
        """The shards of one model that are not there."""
        self.clock.model, self.clock.message = name, f"loading {name}"
        self.say("running", force=True)
        known = self.folder.models().get(name, {})
        try:
            facts = workers.load(index)
            _check_same(name, known, facts)
            fitted = self._fitted(workers, index, slug)
        except (OtherStudy, RunCancelled):
            raise
        except SinkLensError as error:
            self.folder.write_json(f"models/{slug}.json", {"name": name, "error": str(error)})
            self.clock.skip(name, sum(works[number] for number in todo), 0)
            self.clock.n_failures += 1
            return
        self.folder.write_json(f"models/{slug}.json", facts | {"name": name})
        random.Random(self.study.sampling.seed).shuffle(todo)
        self.clock.message = ""
        self.clock.begin(name)
        tasks = self._tasks(index, slug, todo, works)
        for task, tables in workers.results(tasks, fitted, self._counted, self.is_cancelled):
            self.folder.write_shard(task.name, tables)
            self.clock.shard(task.work, len(task.texts), tables["failures"].num_rows)
            self.say("running", force=False)

    def _tasks(self, index: int, slug: str, todo: list[int], works) -> Iterator[Task]:
        for number in todo:
            texts = tuple(self.folder.text_rows(number, self.study.run.texts_per_shard))
            yield Task(shard_name(slug, number), index, texts, works[number])

    def _fitted(self, workers: Workers, index: int, slug: str) -> Fitted:
        """Static vectors of the edits that need them, made once and kept."""
        fitted: Fitted = {}
        for number, arm in enumerate(self.study.edited):
            for place, edit in enumerate(arm.edits):
                if edit.vector_source is None:
                    continue
                file = f"vectors/{slug}-{number}-{place}.json"
                path = self.folder.path / file
                if not path.is_file():
                    n_each = self.study.run.texts_per_shard
                    texts = fitting_texts(self.folder, edit.vector_source.fit_texts, n_each)
                    self.folder.write_json(file, _fit(workers, (index, number, place), arm.name, texts))
                fitted[(arm.name, place)] = FittedVectors.of(json.loads(path.read_text("utf-8")))
        return fitted

    def _longest(self) -> int | None:
        sampling = self.study.sampling
        return sampling.max_tokens if sampling.longer == "cut" else None

    def _counted(self, n_tokens: int) -> None:
        self.clock.n_tokens += n_tokens
        self.say("running", force=False)

    def say(self, state: str, *, force: bool) -> None:
        """Tell whoever listens, and from time to time the folder."""
        self.clock.state = state
        progress = self.clock.progress()
        self.on_progress(progress)
        if force or (self.folder.exists and time.monotonic() - self._told > N_SECONDS_BETWEEN):
            self._told = time.monotonic()
            self.folder.write_progress(progress)

    def say_failed(self) -> None:
        """The same of a run that breaks off; a disk that is full cannot keep it."""
        self.clock.state = "failed"
        progress = self.clock.progress()
        self.on_progress(progress)
        try:
            self.folder.write_progress(progress)
        except OSError:
            return


def _fit(workers: Workers, place: tuple[int, int, int], name: str, texts: list[dict]) -> dict:
    """The vectors of one edit as a record, or why there are none."""
    record = {"intervention": name, "texts": [text["text_id"] for text in texts]}
    try:
        made = workers.fit(*place, texts)
    except RunCancelled:
        raise
    except SinkLensError as error:
        return record | {"error": str(error)}
    return record | {"shape": list(made.shape), "base64": made.base64}


def slugs(study: Study) -> dict[str, str]:
    """Name of every model -> a name for files, no two alike."""
    found: dict[str, str] = {}
    for index, model in enumerate(study.models):
        slug = re.sub(r"[^A-Za-z0-9._]+", "-", model.name).strip("-._")[-60:] or "model"
        found[model.name] = slug if slug not in found.values() else f"{slug}-{index}"
    return found


def shard_name(slug: str, number: int) -> str:
    return f"{slug}-{number:05d}"


def fitting_texts(folder: StudyFolder, n: int, n_each: int) -> list[dict]:
    """Texts spread evenly over all lengths, for vectors; `n` of the given ones, or all.

    Parameters
    ----------
    n_each : texts of a shard
    """
    kinds = folder.texts(["kind"])["kind"]
    given = np.flatnonzero(pc.equal(kinds, "text").to_numpy())  # text_id is the number of the row
    chosen = {int(given[int(at)]) for at in np.linspace(0, len(given) - 1, min(n, len(given)))}
    shards = sorted({text_id // n_each for text_id in chosen})
    return [row for shard in shards for row in folder.text_rows(shard, n_each) if row["text_id"] in chosen]


def _plan_hash(study: Study) -> str:
    return hashlib.sha256(study.canonical().encode()).hexdigest()[:32]


def _other(folder: StudyFolder, known: dict) -> OtherStudy:
    return OtherStudy(
        f"{folder.path} holds the results of another study ('{known['name']}', {known['study_hash'][:8]}): "
        "models, texts, measurements, edits, seeds or the version of SinkLens differ. Choose another folder."
    )


def _check_same(name: str, known: dict, facts: dict) -> None:
    """A model that changed since the first shards would make two halves that do not belong together."""
    for field in ("revision", "dtype"):
        if known.get(field) not in (None, facts.get(field)):
            raise OtherStudy(
                f"'{name}' is not what it was when this study was begun ({field} {known[field]}, now "
                f"{facts.get(field)}). Choose another folder."
            )


def _unread_row(item) -> dict:
    return {"stage": "text", "reason": f"{item.source}: {item.reason}"}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
