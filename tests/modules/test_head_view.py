"""Run with: pytest tests/modules/test_head_view.py"""

from types import SimpleNamespace

import pytest
from shiny import reactive

from modules.head_view import head_view
from modules.run_state import RunState
from tests.analysis.profiles import capture_from_maps, random_maps


@pytest.fixture
def state():
    capture = capture_from_maps(random_maps(2, 3, 4, is_causal=True), is_causal=True)
    return RunState(
        capture=lambda: capture,
        is_example=lambda: False,
        stream=reactive.Value("self"),
        head=reactive.Value((1, 2)),
        token=reactive.Value(None),
    )


@pytest.fixture
def view(state):
    return head_view(state, SimpleNamespace(on_ended=lambda act: None))


def test_chosen_head_is_in_view(state, view):
    view.choose(0, 1)
    with reactive.isolate():
        assert state.head() == view.head() == (0, 1)


def test_head_that_is_in_view_already_is_no_change(state, view):
    with reactive.isolate():
        before = state.head()
        view.choose(1, 2)
        assert state.head() is before


def test_head_that_the_run_does_not_have_gives_way_to_its_last_one(state, view):
    state.head.set((7, 9))
    with reactive.isolate():
        assert view.head() == (1, 2)
