"""The log: one object a line, and a text of a user never in it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import traceback

import pytest

from sinklens.records import CaptureRequest
from sinklens.web.log_lines import ACCESS, SERVER, JsonLines, StderrLines, set_up_log, without_queries

SECRET = "nobody else should read this sentence"


@pytest.fixture
def json_log():
    """What a server with JSON logs writes; all loggers are as before afterwards."""
    names = ("", "uvicorn", ACCESS, SERVER, "sinklens", "py.warnings")
    loggers = [logging.getLogger(name) for name in names]
    before = [(log, log.handlers[:], log.filters[:], log.level, log.propagate) for log in loggers]
    stderr, stream = sys.stderr, io.StringIO()
    set_up_log(is_json=True, stream=stream)
    yield stream
    sys.stderr = stderr
    logging.captureWarnings(False)
    for log, handlers, filters, level, propagate in before:
        log.handlers[:], log.filters[:], log.propagate = handlers, filters, propagate
        log.setLevel(level)


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_run_is_logged_without_its_text(open_server, json_log):
    async def ask(service):
        requests = (CaptureRequest("demo", SECRET), CaptureRequest("demo", f"bad {SECRET}"))
        await asyncio.gather(*map(service.capture, requests), return_exceptions=True)

    with open_server() as client:
        set_up_log(is_json=True, stream=json_log)
        client.portal.call(ask, client.service)
        client.get(f"/?text={SECRET}")
    runs = [line for line in lines(json_log) if line["message"] == "run"]
    assert [(line["kind"], line["model"], line["outcome"]) for line in runs] == [
        ("capture", "demo", "done"),
        ("capture", "demo", "ValueError"),
    ]
    assert all(line["duration_ms"] >= 0 and line["time"].endswith("+00:00") for line in runs)
    assert SECRET not in json_log.getvalue()


def test_an_exception_leaves_its_class_and_its_place_and_no_word_of_its_message(json_log):
    def fail():
        raise ValueError(f"'{SECRET}'\n{SECRET} cannot be read")

    try:
        fail()
    except ValueError as error:
        logging.getLogger("sinklens.test").error("A run failed.", exc_info=error)
    (line,) = lines(json_log)
    assert (line["level"], line["message"], line["error"]) == ("error", "A run failed.", "ValueError")
    assert line["where"][-1].startswith("tests/web/test_log_lines.py:")
    assert line["where"][-1].endswith(" fail")
    assert SECRET not in json_log.getvalue()


def test_a_traceback_that_goes_past_the_loggers_becomes_a_line(json_log, monkeypatch):
    monkeypatch.setattr(sys, "stderr", StderrLines())  # pytest has put its own there for the test
    try:
        raise KeyError(f"{SECRET}\n{SECRET}")
    except KeyError:
        traceback.print_exc()
    print(f"warning about {SECRET}", file=sys.stderr)
    (line,) = lines(json_log)
    assert line["error"] == "KeyError"
    assert "test_log_lines.py" in line["where"][0]
    assert SECRET not in json_log.getvalue()


def test_what_asyncio_says_of_a_forgotten_task_keeps_its_first_line_only(json_log):
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task %s>", SECRET)
    assert lines(json_log)[0]["message"] == "Task exception was never retrieved"


@pytest.mark.parametrize("form", [JsonLines(), logging.Formatter()], ids=["json", "plain"])
def test_an_address_is_logged_without_its_query_and_its_session(form):
    path = f"/session/{'a' * 64}/download/x?text={SECRET}"
    record = logging.LogRecord(
        ACCESS, logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', ("192.0.2.1:1", "GET", path, "1.1", 200), None
    )
    assert without_queries(record) is True
    line = form.format(record)
    assert "/session/…/download/x" in line
    assert SECRET not in line
    assert "a" * 64 not in line


def test_an_access_line_has_fields_and_no_address_of_a_client():
    args = ("192.0.2.1:1", "GET", "/healthz", "1.1", 200)
    line = json.loads(JsonLines().format(logging.LogRecord(ACCESS, logging.INFO, "", 0, "%s", args, None)))
    assert (line["method"], line["path"], line["status"]) == ("GET", "/healthz", 200)
    assert "192.0.2.1" not in json.dumps(line)


@pytest.mark.parametrize(("words", "more"), [("[accepted]", ()), ("%d", (403,))])
def test_a_socket_is_logged_without_the_address_of_its_client(words, more):
    message, args = f'%s - "WebSocket %s" {words}', ("192.0.2.1:1", "/websocket/", *more)
    line = json.loads(JsonLines().format(logging.LogRecord(SERVER, logging.INFO, "", 0, message, args, None)))
    assert line["message"].startswith('"WebSocket /websocket/" ')
    assert "192.0.2.1" not in json.dumps(line)


def test_without_the_setting_the_log_stays_as_it_is():
    stderr, handlers = sys.stderr, logging.getLogger().handlers[:]
    set_up_log(is_json=False)
    assert sys.stderr is stderr
    assert logging.getLogger().handlers == handlers


def test_half_a_line_waits_for_its_end(json_log):
    out = StderrLines()
    for piece in (
        "Traceback (most recent",
        ' call last):\n  File "/a/b.py", line 3, in f\n',
        "Value",
        "Error: x\n",
    ):
        out.write(piece)
    assert lines(json_log)[0]["error"] == "ValueError"
