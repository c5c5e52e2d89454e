"""A study takes as many processes as there are cores for and memory to hold the model in."""

from __future__ import annotations

import pytest

from sinklens.study.process_count import N_PROCESS_BYTES, n_cores, n_processes

SMALL = {"device": "cpu", "dtype": "float32", "n_parameters": 1_000_000}


def test_a_small_model_takes_every_core():
    assert n_processes(SMALL, 100 * N_PROCESS_BYTES, n_processes_max=8) == 8


def test_a_process_that_has_no_room_is_not_started():
    large = SMALL | {"n_parameters": 2_000_000_000}
    n_each = 4 * 2_000_000_000 + N_PROCESS_BYTES
    assert n_processes(large, n_each - 1, n_processes_max=8) == 1
    assert n_processes(large, n_each, n_processes_max=8) == 2
    assert n_processes(large | {"dtype": "bfloat16"}, n_each, n_processes_max=8) == 2
    assert n_processes(large | {"dtype": "bfloat16"}, 2 * n_each, n_processes_max=8) == 4


def test_a_gpu_has_one_process():
    assert n_processes(SMALL | {"device": "cuda"}, 100 * N_PROCESS_BYTES, n_processes_max=8) == 1


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 3), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 3)],
)
def test_the_share_of_a_container_counts(limit, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    file = tmp_path / "cpu.max"
    file.write_text(f"{limit}\n", "ascii")
    assert n_cores(file) == expected


def test_without_a_container_all_cores_count(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert n_cores(tmp_path / "nothing") == 3
