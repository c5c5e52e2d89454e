"""A session that is used for hours keeps only what is on its page."""

from __future__ import annotations

import gc
import weakref
from traceback import walk_tb

import pytest
from shiny import reactive, req
from shiny.reactive import flush, get_current_context, isolate
from shiny.types import SilentException

from modules.session_memory import keep_sessions_small

WAYS = {"as Shiny comes": False, "kept small": True}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def is_small(request):
    keep_sessions_small(request.param)
    yield request.param
    keep_sessions_small()


def reader_of(value: reactive.Value) -> weakref.ref:
    with isolate():
        value()
        return weakref.ref(get_current_context())


def n_frames_asked(calc) -> int:
    with isolate(), pytest.raises(SilentException) as raised:
        calc()
    return len(list(walk_tb(raised.value.__traceback__)))


def test_a_value_forgets_who_read_it_in_isolation(is_small):
    """Where Shiny comes to forget by itself, `session_memory` has served its time."""
    value = reactive.Value(1)
    reader = reader_of(value)
    gc.collect()
    assert (reader() is None) == is_small


def test_a_silent_calc_does_not_gather_the_frames_of_all_who_asked(is_small):
    @reactive.calc
    def silent():
        req(False)

    n_frames = [n_frames_asked(silent) for _ in range(4)]
    assert (n_frames[-1] <= n_frames[0]) == is_small


async def test_what_is_read_in_isolation_is_not_followed_and_the_rest_is(is_small):
    followed, isolated, seen = reactive.Value(1), reactive.Value(10), []

    @reactive.effect
    def _watch():
        with isolate():
            apart = isolated()
        seen.append(followed() + apart)

    await flush()
    isolated.set(20)
    await flush()
    assert seen == [11]
    followed.set(2)
    await flush()
    assert seen == [11, 22]


async def test_an_event_runs_for_its_own_value_alone(is_small):
    button, text, seen = reactive.Value(0), reactive.Value("a"), []

    @reactive.effect
    @reactive.event(button)
    def _press():
        seen.append(text())

    for change in (lambda: button.set(1), lambda: text.set("b"), lambda: button.set(2)):
        change()
        await flush()
    assert seen == ["a", "b"]


def test_an_error_that_is_no_silence_keeps_where_it_came_from():
    @reactive.calc
    def broken():
        raise ZeroDivisionError("here")

    for _ in range(2):
        with isolate(), pytest.raises(ZeroDivisionError) as raised:
            broken()
        assert "broken" in [frame.f_code.co_name for frame, _ in walk_tb(raised.value.__traceback__)]
