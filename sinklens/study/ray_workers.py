"""Shards on a Ray cluster: one actor for each GPU or core, each with the model in its own memory.

Ray is optional (`pip install sinklens[ray]`). An actor that dies is started again and does its shard again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sinklens.errors import RunCancelled
from sinklens.interventions import StaticVectors
from sinklens.settings import Settings
from sinklens.study.errors import EngineMissing
from sinklens.study.plan import Study
from sinklens.study.workers import N_TRIES, N_WAITING, Tables, Task, WorkerLost


class ShardActor:
    """What runs on the cluster."""

    def __init__(self, study: str, settings: Settings | None) -> None:
        from sinklens.study.shard_worker import ShardWorker

        self._study = Study.model_validate_json(study)
        self._worker = ShardWorker(self._study, settings)

    def process_id(self) -> int:
        import os

        return os.getpid()

    def load(self, model: int) -> dict:
        return self._worker.load(self._study.models[model])

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        return self._worker.fit(self._study.models[model], self._study.edited[arm], edit, texts)

    def run(self, model: int, texts: tuple[dict, ...], fitted) -> tuple[Tables, int]:
        counted: list[int] = []
        tables = self._worker.run(self._study.models[model], texts, fitted, counted.append)
        return tables, sum(counted)


class RayWorkers:
    """Actors of an existing cluster, or of one that is started on this machine.

    Parameters
    ----------
    address : "auto", "ray://host:port", or None to start one here
    n_workers : actors; None: one for each GPU of the cluster, or for each `threads` of its cores
    """

    def __init__(
        self,
        study: Study,
        *,
        address: str | None = None,
        n_workers: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._ray = ray = _ray()
        self._began = not ray.is_initialized()
        if self._began:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        resources = ray.cluster_resources()
        n_gpus = int(resources.get("GPU", 0)) if study.run.device in ("auto", "cuda") else 0
        n_cores = max(1, int(resources.get("CPU", 1)) // study.run.threads)
        self._n = n_workers or n_gpus or n_cores
        kind = ray.remote(ShardActor).options(
            num_cpus=min(study.run.threads, resources.get("CPU", 1)) if not n_gpus else 1,
            num_gpus=1 if n_gpus else 0,
            max_restarts=-1,
            max_task_retries=N_TRIES,
        )
        text = study.model_dump_json()
        self.actors = [kind.remote(text, settings) for _ in range(self._n)]

    def load(self, model: int) -> dict:
        return self._asked(lambda actor: actor.load.remote(model))

    def fit(self, model: int, arm: int, edit: int, texts: list[dict]) -> StaticVectors:
        return self._asked(lambda actor: actor.fit.remote(model, arm, edit, texts))

    def results(self, tasks, fitted, on_work, is_cancelled) -> Iterator[tuple[Task, Tables]]:
        ray, waiting = self._ray, iter(tasks)
        shared = ray.put(fitted)
        running: dict = {}  # reference -> (task, actor)
        while True:
            for actor in self._free(running):
                task = next(waiting, None)
                if task is None:
                    break
                running[actor.run.remote(task.model, task.texts, shared)] = (task, actor)
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=0.2)
            if is_cancelled():
                raise RunCancelled("The study was stopped.")
            for reference in done:
                task, _ = running.pop(reference)
                try:
                    tables, n_tokens = ray.get(reference)
                except ray.exceptions.RayActorError:
                    sentence = f"Workers that did the shard '{task.name}' died again and again."
                    raise WorkerLost(sentence) from None
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from error
                on_work(n_tokens)
                yield task, tables

    def close(self) -> None:
        for actor in self.actors:
            self._ray.kill(actor)
        if self._began:
            self._ray.shutdown()

    def _free(self, running: dict) -> list:
        """Actors that can take a shard, the least busy first; each may have a few waiting."""
        load = dict.fromkeys(self.actors, 0)
        for _, actor in running.values():
            load[actor] += 1
        places = [(n, index, actor) for index, (actor, n) in enumerate(load.items())]
        return [actor for n, _, actor in sorted(places, key=lambda place: place[:2]) if n < N_WAITING]

    def _asked(self, ask):
        """The answer of the first actor."""
        try:
            return self._ray.get(ask(self.actors[0]))
        except self._ray.exceptions.RayActorError:
            raise WorkerLost("Workers died again and again while a model was loaded.") from None
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error


def _ray():
    try:
        import ray
    except ImportError:
        raise EngineMissing(
            "The Ray engine needs the ray package (pip install 'sinklens[ray]'); the local one needs nothing."
        ) from None
    return ray
