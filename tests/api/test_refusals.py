"""Who is turned away, and in which words."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sinklens import errors
from sinklens.allowance import Allowance
from sinklens.api.problems import status_of
from sinklens.results import Capture
from tests.capture.tiny_models import TEXT

ASK = {"model": "gpt2", "text": TEXT}


def refused(response, status, kind):
    """The problem details of a refusal."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["type"].removeprefix("urn:sinklens:problem:") == kind
    assert problem["detail"].endswith(".")
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("change", "status", "kind", "words"),
    [
        ({"model": "nothing"}, 404, "model-not-found", "available: gpt2"),
        ({"model": "../../etc"}, 404, "model-not-found", "Folders"),
        ({"model": "/etc"}, 404, "model-not-found", "Folders"),
        ({"text": "  "}, 422, "empty-text", "at least one word"),
        ({"layer": 99}, 404, "bad-selection", "layer 99"),
        ({"stream": "cross"}, 404, "bad-selection", "'cross'"),
        ({"edits": [{"kind": "mask_keys", "keys": [99]}]}, 422, "bad-intervention", "token 99"),
        ({"text": "w1 " * 200}, 413, "text-too-long", "tokens"),
        ({"text": "a" * 100_001}, 413, "text-too-long", "100,000 characters"),
    ],
)
def test_what_the_engine_refuses_is_a_problem_with_its_sentence(client, change, status, kind, words):
    asked = ASK | {"layer": 0, "head": 0} | change
    assert words in refused(client.post("/api/v1/map", json=asked), status, kind)["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/model"),
        (ASK | {"add_bos": "yes"}, "/add_bos"),
        (ASK | {"window": -1}, "/window"),
        (ASK | {"modle": 1}, "/modle"),
        (ASK | {"edits": [{"kind": "mask_keys", "keys": ["a"]}]}, "/edits/0/keys/0"),
        (ASK | {"edits": [{"kind": "scale_columns", "keys": [0], "factor": None}]}, "/edits/0/factor"),
        ({"model_name": "gpt2"}, "/text"),
        ([], "/"),
    ],
)
def test_what_does_not_fit_the_schema_is_named_by_its_place(client, body, pointer):
    problem = refused(client.post("/api/v1/analyze", json=body), 422, "schema")
    assert pointer in [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'"' + b"[" * 5, b'{"model":"gpt2","text":"\\ud800"}', b"[" * 90_000]
)
def test_a_body_that_is_no_text_is_refused(client, body):
    response = client.post("/api/v1/analyze", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_numbers_that_are_not_finite_are_refused(client):
    body = '{"model":"gpt2","text":"w1","edits":[{"kind":"temperature","temperature":NaN}]}'
    response = client.post("/api/v1/analyze", content=body, headers={"content-type": "application/json"})
    refused(response, 422, "schema")


def test_unknown_addresses_and_methods_are_problems_too(client):
    refused(client.get("/api/v1/nowhere"), 404, "about:blank")
    refused(client.delete("/api/v1/analyze"), 405, "about:blank")


def test_every_error_of_sinklens_is_a_refusal_unless_the_server_shuts_down():
    values = [value for value in vars(errors).values() if isinstance(value, type)]
    named = [kind for kind in values if kind.__module__ == errors.__name__]
    assert len(named) > 10
    assert [kind.__name__ for kind in named if not 400 <= status_of(kind) < 500] == ["RunCancelled"]


def test_a_defect_is_a_sentence_without_its_cause(open_client, monkeypatch):
    def broken(*_):
        raise RuntimeError("the secret cause")

    with open_client() as client:
        monkeypatch.setattr("sinklens.api.text_routes.analysis_answer", broken)
        response = client.post("/api/v1/analyze", json=ASK)
    problem = refused(response, 500, "about:blank")
    assert "secret" not in response.text
    assert "log" in problem["detail"]


# --- who may come in ------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer", "Basic open sesame", "Bearer open sesamé"])
def test_without_the_token_only_health_and_documentation_answer(open_client, given):
    headers = {} if given is None else {"Authorization": given.encode()}
    with open_client(api_token="open sesame") as client:
        problem = client.post("/api/v1/analyze", json=ASK, headers=headers)
        refused(problem, 401, "token")
        assert problem.headers["www-authenticate"] == "Bearer"
        assert [client.get(f"/api{path}").status_code for path in ("/health", "/docs", "/openapi.json")] == [
            200
        ] * 3
        assert client.get("/api/models").status_code == 401


def test_with_the_token_everything_answers_and_the_description_asks_for_it(open_client):
    with open_client(api_token="open sesame") as client:
        headers = {"Authorization": "bearer open sesame"}
        assert client.post("/api/v1/analyze", json=ASK, headers=headers).status_code == 200
        assert "HTTPBearer" in client.get("/api/openapi.json").json()["components"]["securitySchemes"]


def test_pages_of_other_origins_are_let_in_only_where_they_are_named(open_client):
    origin = {"Origin": "https://lab.example"}
    with open_client() as client:
        assert "access-control-allow-origin" not in client.get("/api/health", headers=origin).headers
    with open_client(api_allow_origins="https://lab.example, https://other.example") as client:
        answer = client.get("/api/health", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"
        stranger = client.get("/api/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_a_body_over_its_limit_is_refused_whether_its_length_is_announced_or_not(open_client):
    def chunks():
        for _ in range(20):
            yield b'"aaaaaaaaaa'

    with open_client(api_max_body_bytes=100) as client:
        refused(client.post("/api/v1/analyze", content=b"a" * 101), 413, "body-size")
        refused(client.post("/api/v1/analyze", content=chunks()), 413, "body-size")


def test_a_client_that_asks_too_often_is_told_when_to_come_back(open_client):
    with open_client(api_requests_per_minute=3) as client:
        answers = [client.get("/api/health") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused(answers[-1], 429, "rate")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 21


def test_an_allowance_comes_back_with_time_and_is_each_clients_own():
    now = 0.0
    allowance = Allowance(60, now_s=lambda: now)
    assert [allowance.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert allowance.wait_s("a") == pytest.approx(1)
    assert allowance.wait_s("b") == 0
    now = 1.0
    assert allowance.wait_s("a") == 0
    now = 10_000.0
    assert [allowance.wait_s("a") for _ in range(60)] == [0.0] * 60
    assert allowance.wait_s("a") > 0


def test_texts_over_the_limits_of_the_door_are_not_run(open_client):
    with open_client(api_max_tokens=10, api_max_texts=1) as client:
        assert "10 tokens" in refused(client.post("/api/analyze", json=ASK), 413, "text-too-long")["detail"]
        assert client.post("/api/analyze", json=ASK | {"text": "w1 w2"}).status_code == 200
        arm = {"name": "a", "edits": [{"kind": "zero_query_bias"}]}
        trial = {"model": "gpt2", "texts": ["w1", "w2"], "arms": [arm]}
        refused(client.post("/api/intervene", json=trial), 413, "text-too-long")


@pytest.mark.parametrize(
    ("path", "change", "otherwise"),
    [
        ("map", {"layer": 0, "head": 0}, "npy"),
        ("profile", {}, "safetensors"),
        ("analyze", {"model_name": "gpt2"}, "shorten"),
    ],
)
def test_answers_that_are_too_large_for_json_say_what_to_ask_for(
    client, monkeypatch, path, change, otherwise
):
    monkeypatch.setattr("sinklens.api.door.MAX_JSON_CELLS", 100)
    asked = {"text": TEXT} | (change if "model_name" in change else ASK | change)
    problem = refused(client.post(f"/api/v1/{path}", json=asked), 413, "text-too-long")
    assert otherwise in problem["detail"]


def test_only_so_many_requests_are_worked_on_at_once(open_client, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def slow(capture: Capture, stream):
        begun.set()
        may_end.wait(20)
        raise errors.NotCaptured("The test is over.")

    monkeypatch.setattr("sinklens.api.text_routes.analysis_answer", slow)
    with open_client(api_max_runs=1) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/api/analyze", json=ASK)
        assert begun.wait(20)
        second = client.post("/api/sinks", json=ASK)
        may_end.set()
        assert first.result().status_code == 422
        refused(second, 429, "queue-full")
        assert "retry-after" in second.headers
        assert client.post("/api/sinks", json=ASK).status_code == 200


async def test_a_client_that_leaves_gives_up_its_part_in_the_run():
    import asyncio

    from sinklens.api.door import Door

    stopped = asyncio.Event()

    async def long_run():
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    class Leaving:
        async def receive(self):
            await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

    started = time.monotonic()
    with pytest.raises(errors.RunCancelled):
        await Door(None, None).wait(Leaving(), long_run())
    assert stopped.is_set()
    assert time.monotonic() - started < 50
