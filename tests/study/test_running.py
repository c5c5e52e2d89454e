"""A study can be killed at any time and goes on where it was; nothing is done twice, lost or half-written."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sinklens.cli.outcome import ExitCode
from sinklens.errors import RunCancelled
from sinklens.study import folder as folder_module
from sinklens.study import process_workers
from sinklens.study.errors import BadTexts, DiskFull, FolderInUse, OtherStudy
from sinklens.study.folder import StudyFolder
from sinklens.study.process_workers import ProcessWorkers
from sinklens.study.records import UNEDITED, Progress
from sinklens.study.running import run_study, slugs
from sinklens.study.study_file import read_study
from sinklens.study.workers import LocalWorkers
from tests.capture.tiny_models import save_tiny
from tests.study.study_cases import plan_text, run_here, shard_bytes, some_texts, tiny_study

REPOSITORY = Path(__file__).resolve().parents[2]
MASK = {"name": "mask", "edits": [{"edit": "mask_keys", "keys": [0]}]}
PROGRAM = """
import sys
from pathlib import Path
from sinklens.study.running import run_study
from sinklens.study.study_file import load_study
from sinklens.study.workers import LocalWorkers

study = load_study(sys.argv[1])
run_study(study, sys.argv[2], lambda: LocalWorkers(study))
"""


class CountingWorkers(LocalWorkers):
    """Local workers that keep the names of the shards that they did."""

    def __init__(self, study, done: list[str]) -> None:
        super().__init__(study)
        self._done = done

    def results(self, tasks, *others):
        for task, tables in super().results(tasks, *others):
            self._done.append(task.name)
            yield task, tables


def test_a_study_leaves_a_row_for_every_text_condition_and_head(tmp_path):
    study = tiny_study(tmp_path, n_texts=10, interventions=[MASK])
    folder = run_here(study, tmp_path / "out")
    about, runs = folder.about(), folder.runs().to_pandas()
    assert about["texts"]["n"] == 10
    assert about["shards"] == {"n_per_model": 3, "n_texts": 4}
    assert len(runs) == 10 * (1 + 1 + 3)
    assert runs.set_index(["text_id", "condition", "seed"]).index.is_unique
    heads = folder.heads(["text_id", "layer", "head"], condition=UNEDITED).to_pandas()
    assert len(heads) == 10 * 3 * 4
    assert not heads.duplicated().any()
    assert folder.failures().num_rows == 0
    assert folder.progress().state == "done"
    assert folder.progress().fraction == pytest.approx(1)
    facts = folder.models()[study.models[0].name]
    assert (facts["n_layers"], facts["family"]) == (3, "gpt2")
    assert read_study(folder.yaml()) == study


def test_what_is_complete_is_not_done_again(tmp_path):
    study, done = tiny_study(tmp_path), []

    def run() -> None:
        run_study(study, tmp_path / "out", lambda: CountingWorkers(study, done))

    run()
    assert len(done) == 3
    before = shard_bytes(StudyFolder(tmp_path / "out"))
    run()
    assert len(done) == 3
    lost = next((tmp_path / "out" / "shards").glob("*-00001"))
    for file in lost.iterdir():
        file.unlink()
    lost.rmdir()
    run()
    assert done[3:] == [lost.name]
    assert shard_bytes(StudyFolder(tmp_path / "out")) == before


def test_a_run_that_is_cancelled_keeps_what_is_finished_and_goes_on_later(tmp_path):
    study = tiny_study(tmp_path, n_texts=24)
    out, whole = StudyFolder(tmp_path / "out"), run_here(study, tmp_path / "whole")
    with pytest.raises(RunCancelled):
        run_here(study, out.path, is_cancelled=lambda: len(out.finished()) >= 2)
    assert len(out.finished()) == 2
    assert out.progress().state == "stopped"
    assert 0 < out.progress().fraction < 1
    assert out.runs().num_rows == 8
    run_here(study, out.path)
    assert shard_bytes(out) == shard_bytes(whole)


def test_a_study_killed_in_the_middle_ends_as_if_it_had_never_been(tmp_path):
    model = save_tiny("gpt2", tmp_path / "model")
    file, out = tmp_path / "study.yaml", StudyFolder(tmp_path / "out")
    file.write_text(plan_text(model, n_texts=40, interventions=[MASK]), "utf-8")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for n_wanted in (1, 4):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(file), str(out.path)],
            cwd=REPOSITORY,
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        while len(out.finished()) < n_wanted and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert n_wanted <= len(out.finished()) < 10
        assert out.runs().num_rows == sum(1 for _ in out.batches("runs")) * 4 * 5
    study = read_study(file.read_text("utf-8"))
    run_here(study, out.path)
    whole = run_here(study, tmp_path / "whole")
    assert shard_bytes(out) == shard_bytes(whole)
    assert not [path for path in out.path.rglob("*") if path.name.startswith(folder_module.NEW)]


def test_the_results_of_another_study_are_left_alone(tmp_path):
    study = tiny_study(tmp_path)
    folder = run_here(study, tmp_path / "out")
    before = shard_bytes(folder)
    others = (
        tiny_study(tmp_path, seeds=[1]),
        tiny_study(tmp_path, texts=[{"inline": some_texts(9)}]),
        tiny_study(tmp_path, "llama"),
    )
    for other in others:
        with pytest.raises(OtherStudy, match="another study"):
            run_here(other, folder.path)
    assert shard_bytes(folder) == before
    assert folder.progress().state == "done"


def test_texts_that_changed_on_disk_make_another_study(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("w1 w2 w3\nw4 w5 w6\n", "utf-8")
    study = tiny_study(tmp_path, texts=[{"path": "texts.txt"}])
    run_here(study, tmp_path / "out", base=tmp_path)
    file.write_text("w1 w2 w3\nw4 w5 w7\n", "utf-8")
    with pytest.raises(OtherStudy):
        run_here(study, tmp_path / "out", base=tmp_path)


def test_a_model_that_changed_since_is_not_mixed_with_what_it_was(tmp_path):
    study = tiny_study(tmp_path)
    folder = run_here(study, tmp_path / "out")
    lost = sorted(folder.path.glob("shards/*"))[0]
    for file in lost.iterdir():
        file.unlink()
    lost.rmdir()
    save_tiny("gpt2", tmp_path / "gpt2", seed=5)
    with pytest.raises(OtherStudy, match="revision"):
        run_here(study, folder.path)


def test_two_processes_cannot_write_into_one_folder(tmp_path):
    study = tiny_study(tmp_path)
    folder = StudyFolder(tmp_path / "out")
    with folder.locked(), pytest.raises(FolderInUse, match=str(os.getpid())):
        run_here(study, folder.path)
    run_here(study, folder.path)


def test_a_model_that_does_not_load_is_listed_and_the_others_go_on(tmp_path):
    model = save_tiny("gpt2", tmp_path / "gpt2")
    (tmp_path / "broken").mkdir()
    study = read_study(plan_text(model, models=[str(tmp_path / "broken"), str(model)]))
    folder = run_here(study, tmp_path / "out")
    assert folder.runs().num_rows == 12
    (failure,) = folder.failures().to_pylist()
    assert (failure["model"], failure["stage"]) == (study.models[0].name, "model")
    assert "config.json" in failure["reason"]
    save_tiny("gpt2", tmp_path / "broken")
    assert run_here(study, folder.path).runs().num_rows == 24


def test_a_full_disk_is_said_and_the_study_goes_on_later(tmp_path, monkeypatch):
    study = tiny_study(tmp_path, n_texts=16)
    folder = StudyFolder(tmp_path / "out")
    write = folder_module.pq.write_table

    def full(table, path, **choices):
        if len(folder.finished()) == 2 and path.name == "heads.parquet":
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(table, path, **choices)

    monkeypatch.setattr(folder_module.pq, "write_table", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        run_here(study, folder.path)
    assert len(folder.finished()) == 2
    assert not list(folder.path.glob(f"shards/{folder_module.NEW}*"))
    assert folder.progress().state == "failed"
    monkeypatch.undo()
    run_here(study, folder.path)
    assert shard_bytes(folder) == shard_bytes(run_here(study, tmp_path / "whole"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskFull, match="cannot be written"):
        run_here(tiny_study(tmp_path), tmp_path / "file" / "out")


def test_texts_that_cannot_be_read_leave_no_study_behind(tmp_path):
    study = tiny_study(tmp_path, texts=[{"path": "nowhere.txt"}])
    with pytest.raises(BadTexts):
        run_here(study, tmp_path / "out", base=tmp_path)
    assert not StudyFolder(tmp_path / "out").exists


def test_progress_counts_tokens_and_says_what_is_left(tmp_path):
    study, told = tiny_study(tmp_path, n_texts=24), []
    run_here(study, tmp_path / "out", on_progress=told.append)
    running = [progress for progress in told if progress.state == "running"]
    works = [progress.work_done for progress in running]
    assert works == sorted(works)
    assert running[-1].n_texts_done == 24
    assert all(progress.work_done <= progress.work for progress in running)
    assert any(progress.eta_s is not None and progress.eta_s > 0 for progress in running)
    assert told[-1].state == "done"
    assert told[-1].eta_s == 0


def test_a_static_vector_is_made_once_from_texts_that_are_then_left_out(tmp_path):
    edit = {"edit": "patch_contribution", "keys": [0], "vectors": {"fit_texts": 3}}
    arms = [{"name": "static", "edits": [edit], "controls": False}]
    folder = run_here(tiny_study(tmp_path, interventions=arms), tmp_path / "out")
    rows = folder.runs(["text_id"], condition="static").to_pandas()
    (file,) = folder.path.glob("vectors/*.json")
    left_out = folder.failures().to_pandas()
    assert len(rows) == 9
    assert len(left_out) == 3
    assert not set(rows["text_id"]) & set(left_out["text_id"])
    before = file.stat().st_mtime_ns
    run_here(tiny_study(tmp_path, interventions=arms), tmp_path / "out")
    assert file.stat().st_mtime_ns == before


def test_processes_give_the_same_bits_as_this_one(tmp_path, monkeypatch):
    """Two for the first model; the second has room in one."""
    monkeypatch.setattr(process_workers, "n_cores", lambda: 2)
    monkeypatch.setattr(process_workers, "N_SECONDS_ALONE", 0.0)
    counts = iter([2, 1])
    monkeypatch.setattr(process_workers, "n_processes", lambda facts, n_free, **most: next(counts))
    models = [str(save_tiny(family, tmp_path / family)) for family in ("gpt2", "llama")]
    study = tiny_study(tmp_path, n_texts=20, interventions=[MASK], models=models)
    here = run_here(study, tmp_path / "here")
    told: list[Progress] = []
    run_study(study, tmp_path / "there", lambda: ProcessWorkers(study), on_progress=told.append)
    assert next(counts, None) is None
    assert shard_bytes(StudyFolder(tmp_path / "there")) == shard_bytes(here)
    assert told[-1].tokens_per_s > 0


def test_ctrl_c_ends_all_processes_in_order(tmp_path):
    model = save_tiny("gpt2", tmp_path / "model")
    file, out = tmp_path / "study.yaml", StudyFolder(tmp_path / "out")
    file.write_text(plan_text(model, n_texts=400, interventions=[MASK]), "utf-8")
    command = [sys.executable, "-m", "sinklens", "study", str(file), "--out", str(out.path), "--workers", "2"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not (out.exists and out.finished()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Stopped. What is finished is in" in said
    assert "Traceback" not in said
    assert 0 < len(out.finished()) < 100
    assert out.progress().state == "stopped"


def test_models_with_like_names_have_files_of_their_own():
    study = read_study("name: x\nmodels: ['a/b', 'a-b', '../..']\ntexts: [y]\n")
    found = slugs(study)
    assert len(set(found.values())) == 3
    assert all("/" not in slug and not slug.startswith(".") for slug in found.values())
