"""Who does the shards of a study. Here: this process itself.

All kinds of workers run the same `ShardWorker` with the same number of threads, so their results are
the same bit for bit (on one kind of processor). `process_workers` is for all cores of this machine,
`ray_workers` for other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

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
