"""Shards done by processes of this machine.

The number of processes is that of `process_count` where it is not given.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sinklens.errors import RunCancelled
from sinklens.interventions import StaticVectors
from sinklens.study.plan import Study
from sinklens.study.process_count import n_cores, n_processes
from sinklens.study.workers import N_TRIES, N_WAITING, Tables, Task, WorkerLost

if TYPE_CHECKING:
    from sinklens.settings import Settings

N_SECONDS_ALONE = 5.0
"""A study that one process ends within this time would only wait for others to start."""


class ProcessWorkers:
    """Several processes of this machine, each with the model in its own memory.

    Parameters
    ----------
    n_workers : processes; None: one at first, and as many as cores and memory allow when the study goes on
    n_spare_cores : cores left to others, where the number is not given
    """

    def __init__(
        self,
        study: Study,
        n_workers: int | None = None,
        settings: Settings | None = None,
        *,
        n_spare_cores: int = 0,
    ) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._stop, self._n_tokens = self._context.Event(), self._context.Value("q", 0)
        self._given = (study.model_dump_json(), settings, self._stop, self._n_tokens)
        self._is_counted = n_workers is None
        self._n_max = n_workers or max(1, (n_cores() - n_spare_cores) // study.run.threads)
        self._n, self._pool = self._n_max, self._started(self._n_max)

    def load(self, model: int) -> dict:
        facts, n_bytes_free = self._submit(_load, model).result()
        if not self._is_counted:
            return facts
        n = n_processes(facts, n_bytes_free, n_processes_max=self._n_max)
        if n != self._n:  # a pool cannot be told to take fewer, and the next model may let it take more
            self._pool.shutdown()
            self._n, self._pool = n, self._started(n)
            facts, _ = self._submit(_load, model).result()
        return facts

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        return self._submit(_fit, model, arm, edit, texts).result()

    def results(self, tasks, fitted, on_work, is_cancelled) -> Iterator[tuple[Task, Tables]]:
        waiting, tries = iter(tasks), {}
        running: dict[Future, Task] = {}
        again: list[Task] = []
        started, n_told = time.monotonic(), self._n_tokens.value
        while True:
            while len(running) < self._n_wanted(started) and (task := _next(again, waiting)) is not None:
                tries[task.name] = tries.get(task.name, 0) + 1
                running[self._submit(_run, task.model, task.texts, fitted)] = task
            if not running:
                return
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            if is_cancelled():
                self._stop.set()
                raise RunCancelled("The study was stopped.")
            n_done = self._n_tokens.value
            on_work(n_done - n_told)
            n_told = n_done
            for future in done:
                if future not in running:
                    continue  # given back with a pool that broke
                task = running[future]
                try:
                    tables = future.result()
                except BrokenProcessPool:
                    again += self._recovered(running, tries)
                    break
                del running[future]
                yield task, tables

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable, *given) -> Future:
        with _deaf_children():
            return self._pool.submit(work, *given)

    def _n_wanted(self, started: float) -> int:
        """Shards given away at a time: where they are more than its processes, the pool starts another."""
        is_alone = self._is_counted and time.monotonic() - started < N_SECONDS_ALONE
        return 1 if is_alone else self._n + N_WAITING

    def _recovered(self, running: dict[Future, Task], tries: dict[str, int]) -> list[Task]:
        """The shards of a pool that broke, to be done again by a new one."""
        tasks = list(running.values())
        running.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        lost = next((task.name for task in tasks if tries[task.name] >= N_TRIES), None)
        if lost is not None:
            raise WorkerLost(f"The process that did the shard '{lost}' died {N_TRIES} times.")
        self._pool = self._started(self._n)
        return tasks

    def _started(self, n: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(n, self._context, initializer=_begin, initargs=self._given)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal; those started here leave it to the parent to end them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _next(again: list[Task], waiting: Iterator[Task]) -> Task | None:
    return again.pop(0) if again else next(waiting, None)


# --- inside a worker process --------------------------------------------------------------------------

_OWN: dict = {}
"""The worker of this process, made by `_begin`."""


def _begin(study: str, settings: Settings | None, stop, n_tokens) -> None:
    from transformers.utils import logging

    from sinklens.study.shard_worker import ShardWorker

    logging.disable_progress_bar()  # what it writes would stand among the results of the parent
    read = Study.model_validate_json(study)
    _OWN.update(study=read, stop=stop, n_tokens=n_tokens, worker=ShardWorker(read, settings))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would wait for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _load(model: int) -> tuple[dict, int]:
    """Facts of a model, loaded, and the memory in bytes that is left."""
    import torch

    from sinklens.capture.memory import free_bytes

    facts = _OWN["worker"].load(_OWN["study"].models[model])
    return facts, free_bytes(torch.device("cpu"))


def _fit(model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
    study = _OWN["study"]
    return _OWN["worker"].fit(study.models[model], study.edited[arm], edit, texts)


def _run(model: int, texts: tuple[dict, ...], fitted) -> Tables:
    choice = _OWN["study"].models[model]
    return _OWN["worker"].run(choice, texts, fitted, _counted, _OWN["stop"].is_set)


def _counted(n_tokens: int) -> None:
    """Tokens of one pass; the parent looks at the sum from time to time."""
    with _OWN["n_tokens"].get_lock():
        _OWN["n_tokens"].value += n_tokens
