"""Who may open a session, and that sessions are counted: the door before a socket that only says hello."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from sinklens.allowance import Allowance
from sinklens.settings import Settings
from sinklens.web.session_door import SessionCount, SessionDoor, page_origins


async def hello(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.receive()


@pytest.fixture
def count():
    return SessionCount()


@pytest.fixture
def open_session(count):
    """Opens a session with headers, under a setting of allowed origins."""

    def opened(headers, listed=""):
        app = SessionDoor(
            Starlette(routes=[WebSocketRoute("/websocket/", hello)]),
            page_origins=page_origins(Settings(page_origins=listed)),
            max_upload_bytes=1,
            allowance=Allowance(0),
            count=count,
        )
        return TestClient(app).websocket_connect("/websocket/", headers=headers)

    return opened


@pytest.mark.parametrize(
    ("headers", "listed"),
    [
        ({"Origin": "http://testserver"}, ""),
        ({}, ""),
        ({"Origin": "https://lab.example"}, "https://other.example, https://lab.example/"),
        ({"Origin": "https://anywhere.example"}, "*"),
        ({"Origin": "https://sinks.lab.example", "X-Forwarded-Host": "sinks.lab.example"}, ""),
    ],
    ids=["own page", "no browser", "named", "any", "behind a proxy"],
)
def test_a_session_opens_for_the_own_page_and_for_named_origins(open_session, headers, listed):
    with open_session(headers, listed) as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://testserver.evil.example", "null", "http://testserver:81"]
)
def test_a_page_of_another_origin_opens_no_session(open_session, count, origin):
    with pytest.raises(WebSocketDisconnect) as refusal, open_session({"Origin": origin}):
        pass
    assert refusal.value.code == 1008
    assert count == SessionCount()


def test_sessions_are_counted_while_they_are_open(open_session, count):
    with open_session({}) as first:
        first.receive_text()
        with open_session({}) as second:
            second.receive_text()
            assert count == SessionCount(n_open=2, n_opened=2)
    assert count == SessionCount(n_open=0, n_opened=2)


def test_an_allowed_origin_that_is_none_stops_the_start():
    with pytest.raises(ValueError, match="SINKLENS_PAGE_ORIGINS must list origins"):
        page_origins(Settings(page_origins="every thing"))
