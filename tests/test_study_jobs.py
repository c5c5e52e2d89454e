"""Studies of the page: started, stopped, resumed, listed; nobody reads what was not given.

python -m pytest tests/test_study_jobs.py
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time

import pytest

from sinklens.errors import BadSelection, RunCancelled
from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.study.errors import BadStudy, BadTexts
from sinklens.study.records import Progress
from sinklens.study.study_file import read_study
from sinklens.study_jobs import StudyJobs, study_id
from tests.stand_in_engine import StandInEngine
from tests.study.report_rows import write_study

FILE = "name: My Study!\nmodels: [m]\ntexts: [one text]\n"
PATIENCE_S = 20


def until(is_so) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "It never came to that."
        time.sleep(0.01)


class Work:
    """Stands for the runner: writes a whole study, after a gate that the test opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.n_runs = 0
        self.error: Exception | None = None

    def __call__(self, text, study, base, folder, on_progress, is_cancelled) -> None:
        self.n_runs += 1
        on_progress(Progress("running", 1, 6, 10.0, 60.0, 5.0, 10.0, 0))
        until(lambda: self.gate.is_set() or is_cancelled())
        if self.error is not None:
            raise self.error
        if is_cancelled():
            write_study(folder.path, state="stopped", name=study.name)
            raise RunCancelled("The study was stopped.")
        shutil.rmtree(folder.path, ignore_errors=True)
        write_study(folder.path, name=study.name)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def jobs(tmp_path, work):
    jobs = StudyJobs(Settings(studies_dir=tmp_path / "studies"), work)
    yield jobs
    jobs.close()


def state(jobs: StudyJobs, key: str) -> str:
    return jobs.entry(key).state


def test_a_study_is_listed_at_once_and_done_when_its_work_is(jobs, work):
    key = jobs.start(FILE)
    until(lambda: state(jobs, key) == "running")
    (entry,) = jobs.entries()
    assert (entry.name, entry.models, entry.progress.fraction) == ("My Study!", ("m",), pytest.approx(1 / 6))
    work.gate.set()
    until(lambda: state(jobs, key) == "done")
    assert jobs.entry(key).n_texts == 6


def test_the_same_file_is_the_same_study_and_is_not_run_twice_at_a_time(jobs, work):
    assert jobs.start(FILE) == jobs.start(FILE)
    work.gate.set()
    until(lambda: state(jobs, study_id(read_study(FILE))) == "done")
    assert work.n_runs == 1


def test_the_id_is_a_plain_folder_name_and_changes_with_what_is_measured():
    first = study_id(read_study(FILE))
    assert first.startswith("my-study-")
    assert study_id(read_study(FILE.replace("one text", "another"))) != first
    assert study_id(read_study(FILE.replace("My Study!", "../äöü"))).startswith("aou-")


def test_a_study_that_is_stopped_can_go_on(jobs, work):
    key = jobs.start(FILE)
    until(lambda: state(jobs, key) == "running")
    jobs.stop(key)
    until(lambda: state(jobs, key) == "stopped")
    work.gate.set()
    # The file in the folder is what it goes on from; the stand-in wrote one of its own.
    (jobs.folder / key / "study.yaml").write_text(FILE, "utf-8")
    assert jobs.resume(key) == key
    until(lambda: state(jobs, key) == "done")
    assert work.n_runs == 2


def test_a_second_study_waits_for_the_first_and_can_be_stopped_while_it_waits(jobs, work):
    first = jobs.start(FILE)
    second = jobs.start(FILE.replace("My Study!", "Second"))
    until(lambda: state(jobs, first) == "running")
    assert state(jobs, second) == "waiting"
    jobs.stop(second)
    work.gate.set()
    until(lambda: state(jobs, second) == "stopped")
    assert work.n_runs == 1


def test_a_failure_is_kept_with_its_sentence(jobs, work):
    work.error = BadTexts("There is no file 'x.txt'.")
    work.gate.set()
    key = jobs.start(FILE)
    until(lambda: state(jobs, key) == "failed")
    assert jobs.entry(key).problem == "There is no file 'x.txt'."


def test_a_defect_does_not_show_its_insides(jobs, work):
    work.error = ZeroDivisionError("secret")
    work.gate.set()
    key = jobs.start(FILE)
    until(lambda: state(jobs, key) == "failed")
    assert "secret" not in jobs.entry(key).problem


@pytest.mark.parametrize(
    ("written", "shown"),
    [("done", "done"), ("stopped", "stopped"), ("failed", "failed"), ("running", "interrupted")],
)
def test_a_study_of_an_earlier_process_is_listed_with_its_state(jobs, written, shown):
    write_study(jobs.folder / "earlier", state=written)
    assert [(entry.id, entry.state) for entry in jobs.entries()] == [("earlier", shown)]


def test_a_study_that_another_process_holds_is_told_apart_from_one_that_was_killed(jobs):
    folder = write_study(jobs.folder / "held", state="running")
    with folder.locked():
        assert state(jobs, "held") == "elsewhere"
    assert state(jobs, "held") == "interrupted"


@pytest.mark.parametrize("key", ["..", "../secret", ".hidden", "none", "", "a/b"])
def test_an_id_names_a_study_of_this_place_and_nothing_else(jobs, key):
    write_study(jobs.folder.parent / "secret")
    with pytest.raises(BadSelection):
        jobs.open(key)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside.txt", "uploads/../other.txt", "other/uploads/x.txt"]
)
def test_a_public_server_reads_uploaded_texts_only(tmp_path, work, path):
    jobs = StudyJobs(Settings(studies_dir=tmp_path, allow_folders=False), work)
    with pytest.raises(BadStudy, match="only reads texts that were uploaded"):
        jobs.start(f"name: x\nmodels: [m]\ntexts: [{{path: {path}}}]\n")
    work.gate.set()
    jobs.start("name: x\nmodels: [m]\ntexts: [{path: uploads/mine.txt}]\n")
    jobs.close()


def test_a_server_without_the_hub_fetches_no_data_set(tmp_path, work):
    jobs = StudyJobs(Settings(studies_dir=tmp_path, allow_hub=False), work)
    with pytest.raises(BadStudy, match="Hugging Face"):
        jobs.start("name: x\nmodels: [m]\ntexts: [{dataset: openwebtext}]\n")
    jobs.close()


def test_a_file_that_cannot_be_followed_makes_no_folder(jobs):
    with pytest.raises(BadStudy, match="'modells'"):
        jobs.start(FILE.replace("models", "modells"))
    assert jobs.entries() == ()


# --- through the service ------------------------------------------------------------------------------


@pytest.fixture
def service(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache", studies_dir=tmp_path / "studies")
    service = InferenceService(StandInEngine(), settings)
    yield service
    service.close()


def test_the_view_has_the_report_of_what_is_there(service, tmp_path):
    write_study(tmp_path / "studies" / "mine")
    view = asyncio.run(service.study_view("mine"))
    assert "Summary over texts" in view.fragment
    assert view.has_heads


def test_a_file_is_written_for_who_asks_and_is_theirs_to_remove(service, tmp_path):
    write_study(tmp_path / "studies" / "mine")

    async def twice():
        return await asyncio.gather(*(service.study_file("mine", "report.html") for _ in range(2)))

    first, second = asyncio.run(twice())
    assert first != second
    assert first.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "has no text"),
        ("marks.txt", "ok\nécole\n".encode("latin-1"), "Line 2 of 'marks.txt' is not UTF-8"),
        ("wide.txt", "text".encode("utf-16"), "is UTF-16"),
        ("table.csv", b"a,b\n1,2\n", "'table.csv' has no column 'text'; it has 'a', 'b'"),
        ("numbers.jsonl", b'{"text": 1}\n', "'text' is a number"),
        ("photo.png", b"\x89PNG", "none of .txt, .csv, .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(service, tmp_path, name, content, said):
    (tmp_path / "brought").write_bytes(content)
    (upload,) = asyncio.run(service.keep_uploads(((name, str(tmp_path / "brought")),), "text", ""))
    assert said in upload.problem


def test_an_uploaded_file_is_kept_under_its_content_and_counted(service, tmp_path):
    (tmp_path / "brought").write_text('{"body": "one"}\n{"body": 2}\n"three"\n', "utf-8")
    files = (("../My texts.jsonl", str(tmp_path / "brought")),)
    (upload,) = asyncio.run(service.keep_uploads(files, "body", ""))
    (again,) = asyncio.run(service.keep_uploads(files, "body", ""))
    assert (upload.n_texts, upload.n_unread) == (2, 1)
    assert upload == again
    assert os.listdir(tmp_path / "studies" / "uploads") == [upload.path.removeprefix("uploads/")]


@pytest.mark.parametrize("allow_folders", [True, False])
def test_only_a_server_of_ones_own_shows_all_studies_to_everybody(tmp_path, allow_folders):
    jobs = StudyJobs(Settings(studies_dir=tmp_path, allow_folders=allow_folders))
    assert jobs.are_shared is allow_folders
    jobs.close()
