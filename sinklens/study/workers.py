"""Who does the shards of a study. Here: this process itself, and processes of this machine.

All kinds of workers run the same `ShardWorker` with the same number of threads, so their results are
the same bit for bit (on one kind of processor). `ray_workers` is for other machines.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from sinklens.errors import RunCancelled
from sinklens.interventions import StaticVectors
from sinklens.study.fitted import Fitted
from sinklens.study.plan import Study

if TYPE_CHECKING:
    from sinklens.settings import Settings
    from sinklens.study.shard_worker import ShardWorker

N_TRIES = 3
"""A shard whose worker dies this often is given up: it probably kills it."""
N_WAITING = 2
"""Shards that wait beside the one that a worker does, so that it never idles and memory stays bounded."""


@dataclass(frozen=True, eq=False)
class Task:
    """One shard to be done."""

    name: str
    model: int
    """Index in the study's models."""
    texts: tuple[dict, ...]
    """Rows of texts.parquet."""
    work: float
    """Tokens, estimated."""


Tables = dict[str, pa.Table]
OnWork = Callable[[int], None]


class Workers(Protocol):
    """What a run asks of whoever does its shards; layers, models and edits are named by index."""

    def load(self, model: int) -> dict:
        """Facts of a model, loaded; any SinkLensError says why it cannot be used."""

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        """The static vectors of one edit, from these texts."""

    def results(
        self, tasks: Iterable[Task], fitted: Fitted, on_work: OnWork, is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[Task, Tables]]:
        """Tables of shards of one model, in the order in which they are done; RunCancelled."""

    def close(self) -> None:
        """Let go of everything."""


class WorkerLost(RuntimeError):
    """A shard's worker died again and again."""


class LocalWorkers:
    """This process, one shard at a time."""

    def __init__(
        self, study: Study, settings: Settings | None = None, worker: ShardWorker | None = None
    ) -> None:
        if worker is None:
            from sinklens.study.shard_worker import ShardWorker

            worker = ShardWorker(study, settings)
        self._study, self._worker = study, worker

    def load(self, model: int) -> dict:
        return self._worker.load(self._study.models[model])

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        return self._worker.fit(self._study.models[model], self._study.edited[arm], edit, texts)

    def results(self, tasks, fitted, on_work, is_cancelled) -> Iterator[tuple[Task, Tables]]:
        for task in tasks:
            yield (
                task,
                self._worker.run(self._study.models[task.model], task.texts, fitted, on_work, is_cancelled),
            )

    def close(self) -> None:
        for name in self._worker.engine.loaded():
            self._worker.engine.release(name)


class ProcessWorkers:
    """Several processes of this machine, each with the model in its own memory."""

    def __init__(self, study: Study, n_workers: int, settings: Settings | None = None) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._n, self._given = n_workers, (study.model_dump_json(), settings, self._stop)
        self._pool = self._started()

    def load(self, model: int) -> dict:
        return self._pool.submit(_load, model).result()

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        return self._pool.submit(_fit, model, arm, edit, texts).result()

    def results(self, tasks, fitted, on_work, is_cancelled) -> Iterator[tuple[Task, Tables]]:
        waiting, tries = iter(tasks), {}
        running: dict[Future, Task] = {}
        again: list[Task] = []
        while True:
            while len(running) < self._n + N_WAITING and (task := _next(again, waiting)) is not None:
                tries[task.name] = tries.get(task.name, 0) + 1
                running[self._pool.submit(_run, task.model, task.texts, fitted)] = task
            if not running:
                return
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            if is_cancelled():
                self._stop.set()
                raise RunCancelled("The study was stopped.")
            for future in done:
                if future not in running:
                    continue  # given back with a pool that broke
                task = running[future]
                try:
                    tables, n_tokens = future.result()
                except BrokenProcessPool:
                    again += self._recovered(running, tries)
                    break
                del running[future]
                on_work(n_tokens)
                yield task, tables

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _recovered(self, running: dict[Future, Task], tries: dict[str, int]) -> list[Task]:
        """The shards of a pool that broke, to be done again by a new one."""
        tasks = list(running.values())
        running.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        lost = next((task.name for task in tasks if tries[task.name] >= N_TRIES), None)
        if lost is not None:
            raise WorkerLost(f"The process that did the shard '{lost}' died {N_TRIES} times.")
        self._pool = self._started()
        return tasks

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._n, self._context, initializer=_begin, initargs=self._given)


def _next(again: list[Task], waiting: Iterator[Task]) -> Task | None:
    return again.pop(0) if again else next(waiting, None)


# --- inside a worker process --------------------------------------------------------------------------

_OWN: dict = {}
"""The worker of this process, made by `_begin`."""


def _begin(study: str, settings: Settings | None, stop) -> None:
    from sinklens.study.shard_worker import ShardWorker

    read = Study.model_validate_json(study)
    _OWN.update(study=read, stop=stop, worker=ShardWorker(read, settings))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would wait for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _load(model: int) -> dict:
    return _OWN["worker"].load(_OWN["study"].models[model])


def _fit(model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
    study = _OWN["study"]
    return _OWN["worker"].fit(study.models[model], study.edited[arm], edit, texts)


def _run(model: int, texts: tuple[dict, ...], fitted) -> tuple[Tables, int]:
    counted: list[int] = []
    choice = _OWN["study"].models[model]
    tables = _OWN["worker"].run(choice, texts, fitted, counted.append, _OWN["stop"].is_set)
    return tables, sum(counted)
