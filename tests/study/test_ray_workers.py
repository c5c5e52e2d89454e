"""On a cluster of two workers, one of which is killed, the results are those of one process, bit for bit."""

from __future__ import annotations

import builtins
import os
import signal

import pytest

from sinklens.study.errors import EngineMissing
from sinklens.study.folder import StudyFolder
from sinklens.study.ray_workers import RayWorkers
from sinklens.study.running import run_study
from tests.study.study_cases import run_here, shard_bytes, tiny_study


def test_a_killed_worker_changes_nothing(tmp_path):
    ray = pytest.importorskip("ray")
    mask = {"name": "mask", "edits": [{"edit": "mask_keys", "keys": [0]}]}
    study = tiny_study(tmp_path, n_texts=40, interventions=[mask])
    folder, killed = StudyFolder(tmp_path / "cluster"), []
    workers = RayWorkers(study, n_workers=2)

    def kill_one(progress) -> None:
        if len(folder.finished()) >= 2 and not killed:
            killed.append(ray.get(workers.actors[1].process_id.remote()))
            os.kill(killed[0], signal.SIGKILL)

    run_study(study, folder.path, lambda: workers, on_progress=kill_one)
    assert killed
    assert shard_bytes(folder) == shard_bytes(run_here(study, tmp_path / "here"))


def test_without_ray_the_sentence_says_what_to_install(tmp_path, monkeypatch):
    real = builtins.__import__

    def without_ray(name, *others):
        if name == "ray":
            raise ImportError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(EngineMissing, match=r"sinklens\[ray\]"):
        RayWorkers(tiny_study(tmp_path))
