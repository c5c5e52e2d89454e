"""How many runs the pages of one client may begin, and what is free."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from shiny.module import ResolvedId
from shiny.session import session_context

from sinklens.errors import TooManyRuns
from sinklens.records import CaptureRequest


def page_of(address):
    """A session, as far as the limit looks at it, of a page at an address."""
    session = SimpleNamespace(
        http_conn=SimpleNamespace(client=SimpleNamespace(host=address)), ns=ResolvedId("")
    )
    session.root_scope = lambda: session
    return session


def run(client, address, *texts):
    """What became of runs that the page of an address began."""

    async def asks():
        with session_context(page_of(address)):
            requests = [CaptureRequest("demo", text) for text in texts]
            return [
                (await asyncio.gather(client.service.capture(request), return_exceptions=True))[0]
                for request in requests
            ]

    return [type(outcome).__name__ for outcome in client.portal.call(asks)]


def test_a_page_that_begins_too_many_runs_is_told_to_wait(open_server):
    with open_server(page_runs_per_minute=2) as client:
        assert run(client, "192.0.2.1", "a", "b", "c") == ["Capture", "Capture", "TooManyRuns"]
        assert run(client, "192.0.2.2", "d") == ["Capture"]


def test_an_answer_from_the_cache_is_free(open_server):
    with open_server(page_runs_per_minute=2) as client:
        assert run(client, "192.0.2.1", "a", "a", "a", "a", "b") == ["Capture"] * 5


def test_whoever_asks_without_a_page_is_not_limited_here(open_server):
    async def asks(service):
        return [await service.capture(CaptureRequest("demo", text)) for text in "abcd"]

    with open_server(page_runs_per_minute=1) as client:
        assert len(client.portal.call(asks, client.service)) == 4


def test_parts_of_a_run_are_not_counted(open_server):
    """A study of many texts is one run of its client, however many runs it needs itself."""

    async def ask(service):
        async def work(_run):
            return [await service.capture(CaptureRequest("demo", text)) for text in "abcd"]

        with session_context(page_of("192.0.2.1")):
            return await service._answer(None, ("study", 1), work, None)

    with open_server(page_runs_per_minute=1) as client:
        assert len(client.portal.call(ask, client.service)) == 4


def test_the_sentence_says_how_long_to_wait(open_server):
    async def ask(service):
        with session_context(page_of("192.0.2.1")):
            for text in "ab":
                await service.capture(CaptureRequest("demo", text))

    with open_server(page_runs_per_minute=1) as client, pytest.raises(TooManyRuns, match=r"wait \d+ s"):
        client.portal.call(ask, client.service)
