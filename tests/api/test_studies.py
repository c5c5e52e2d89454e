"""Studies through the REST door: begun, told of, stopped, read."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from sinklens.errors import RunCancelled
from sinklens.study.records import Progress
from sinklens.study_jobs import StudyJobs

PLAN = {"name": "two texts", "models": ["gpt2"], "texts": [{"inline": ["w1 w2 w3", "w4 w5 w6"]}]}
PATIENCE_S = 20


class Work:
    """Stands for the work of a study: says how far it is, and waits until it may end."""

    def __init__(self):
        self.told, self.may_end = threading.Event(), threading.Event()
        self.yaml = ""

    def __call__(self, text, study, base, folder, on_progress, is_cancelled):
        self.yaml = text
        on_progress(Progress("running", 1, 2, 10.0, 40.0, 5.0, 6.0, 0, "gpt2"))
        self.told.set()
        while not self.may_end.wait(0.01):
            if is_cancelled():
                raise RunCancelled("The run was stopped.")


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def studies(open_client, api_settings, tmp_path, work):
    """The door of a public server."""
    jobs = StudyJobs(replace(api_settings, studies_dir=tmp_path), work)
    with open_client(studies=jobs, api_max_runs=1) as client:
        yield client
        work.may_end.set()


@pytest.fixture
def own_studies(open_client, api_settings, tmp_path, work):
    """The door of a server of one's own, where everything is listed."""
    jobs = StudyJobs(replace(api_settings, studies_dir=tmp_path, allow_folders=True), work)
    with open_client(studies=jobs) as client:
        yield client
        work.may_end.set()


def begun(client, work):
    response = client.post("/api/v1/studies", json=PLAN)
    assert response.status_code == 202, response.text
    assert work.told.wait(PATIENCE_S)
    return response.json()["id"]


def test_a_study_is_begun_with_the_fields_of_its_file_and_listed(own_studies, work):
    key = begun(own_studies, work)
    assert "w4 w5 w6" in work.yaml
    found = own_studies.get(f"/api/v1/studies/{key}").json()
    assert (found["name"], found["state"], found["models"]) == ("two texts", "running", ["gpt2"])
    assert (found["progress"]["n_texts_done"], found["progress"]["eta_s"]) == (1, 6.0)
    assert [study["id"] for study in own_studies.get("/api/v1/studies").json()["studies"]] == [key]


def test_progress_is_told_as_events_until_the_end(studies, work):
    key = begun(studies, work)
    threading.Timer(0.2, work.may_end.set).start()
    answer = studies.get(f"/api/v1/studies/{key}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    assert [event[0] for event in events] == ["event: progress", "event: end"]
    last = json.loads(events[-1][1].removeprefix("data: "))
    assert (last["id"], last["state"]) == (key, "done")


def test_a_study_is_stopped_and_another_may_begin_only_then(studies, work):
    key = begun(studies, work)
    refused = studies.post("/api/v1/studies", json=PLAN | {"name": "another"})
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:sinklens:problem:queue-full")
    assert studies.delete(f"/api/v1/studies/{key}").status_code == 200
    assert "event: end" in studies.get(f"/api/v1/studies/{key}/events").text
    assert studies.get(f"/api/v1/studies/{key}").json()["state"] == "stopped"


@pytest.mark.parametrize(
    "path", ["nothing", "nothing/events", "nothing/files/report.html", "..%2Fother", ".hidden"]
)
def test_a_study_that_is_not_there_is_not_found(studies, path):
    answer = studies.get(f"/api/v1/studies/{path}")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"models": []}, 422),
        ({"texts": [{"path": "/etc/passwd"}]}, 422),
        ({"texts": [{"dataset": "owner/name"}]}, 422),
        ({"texts": [{"generate": "random tokens", "n": 10**9}]}, 413),
        ({"unknown": 1}, 422),
    ],
    ids=["no model", "a file of the server", "a data set", "too many texts", "unknown field"],
)
def test_what_this_server_does_not_give_is_refused(studies, work, change, status):
    answer = studies.post("/api/v1/studies", json=PLAN | change)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert not work.told.is_set()


def test_files_of_a_study_that_ran_come_down(open_client):
    with open_client() as client:
        plan = PLAN | {"measurements": ["first_token", "loss"]}
        key = client.post("/api/v1/studies", json=plan).json()["id"]
        events = client.get(f"/api/v1/studies/{key}/events").text
        assert '"state":"done"' in events, events[-500:]
        report = client.get(f"/api/v1/studies/{key}/files/report.html")
        assert report.status_code == 200
        assert "two texts" in report.text
        assert client.get(f"/api/v1/studies/{key}/files/passwd").status_code == 422


@pytest.mark.parametrize(("token", "status"), [("", 404), ("a token of the lab", 200)])
def test_a_public_server_lists_studies_only_for_holders_of_its_token(
    open_client, api_settings, tmp_path, work, token, status
):
    jobs = StudyJobs(replace(api_settings, studies_dir=tmp_path, allow_folders=False), work)
    with open_client(studies=jobs, api_token=token, allow_folders=False) as client:
        response = client.get("/api/v1/studies", headers={"Authorization": f"Bearer {token or 'none'}"})
    assert response.status_code == status
    assert token or "lists no studies" in response.json()["detail"]
