"""GET /metrics: who may read it, and that it counts what has happened."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sinklens.records import CaptureRequest
from sinklens.run_end import RunEnd
from sinklens.web.run_tally import BOUNDS_S, RunTally

SECRET = "nobody else should read this sentence"


def samples(text):
    """(name, labels) -> value, as Prometheus itself would parse it."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def ask(service, *requests):
    """Answers or errors of requests, one after the other."""
    return [await asyncio.gather(service.capture(request), return_exceptions=True) for request in requests]


def test_runs_hits_errors_and_sessions_are_counted(open_server):
    with open_server() as client:
        good, bad = CaptureRequest("demo", SECRET), CaptureRequest("demo", f"bad {SECRET}")
        client.portal.call(ask, client.service, good, good, bad, CaptureRequest("me/mine", SECRET))
        text = client.get("/metrics").text
    found = samples(text)
    assert found["sinklens_runs_total", "capture", "demo", "done"] == 1
    assert found["sinklens_runs_total", "capture", "demo", "failed"] == 1
    assert found["sinklens_runs_total", "capture", "done", "other"] == 1
    assert found["sinklens_errors_total", "ValueError"] == 1
    assert found["sinklens_cache_hits_total",] == 1
    assert found["sinklens_run_seconds_count", "capture"] == 3
    assert found["sinklens_run_seconds_bucket", "+Inf", "capture"] == 3
    assert found["sinklens_sessions_open",] == 0
    assert found["process_resident_memory_bytes",] > 10_000_000
    assert SECRET not in text
    assert "me/mine" not in text


@pytest.mark.parametrize(
    ("settings", "address", "headers", "status"),
    [
        ({}, "127.0.0.1", {}, 200),
        ({}, "::1", {}, 200),
        ({}, "192.0.2.1", {}, 403),
        ({}, "127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 403),
        ({"metrics_token": "t"}, "192.0.2.1", {"Authorization": "Bearer t"}, 200),
        ({"metrics_token": "t"}, "127.0.0.1", {}, 401),
        ({"metrics_token": "t"}, "127.0.0.1", {"Authorization": "Bearer u"}, 401),
        ({"metrics_token": "t"}, "127.0.0.1", {"Authorization": "Basic t"}, 401),
        ({"metrics": False}, "127.0.0.1", {}, 404),
    ],
)
def test_metrics_are_for_this_machine_or_for_holders_of_the_token(
    open_server, settings, address, headers, status
):
    with open_server(address, **settings) as client:
        answer = client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("sinklens_info" in answer.text) is (status == 200)


def test_a_duration_falls_into_the_first_class_that_holds_it():
    tally = RunTally(())
    for duration_s in (0.0, BOUNDS_S[0], BOUNDS_S[0] * 1.01, BOUNDS_S[-1] + 1):
        tally.add(RunEnd("capture", "", "done", duration_s))
    counts = tally.durations["capture"]
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (2, 1, 1, 4)


def test_a_stopped_run_is_no_error():
    tally = RunTally(("demo",))
    tally.add(RunEnd("trial", "demo", "stopped", 1.0))
    assert dict(tally.n_runs) == {("trial", "demo", "stopped"): 1}
    assert not tally.n_errors
