"""A session's values are made without reading the call stack."""

from __future__ import annotations

import inspect

import pytest
from shiny import reactive

from modules.unnamed_values import SHINYS_OWN, leave_values_unnamed


@pytest.fixture
def stacks_read(monkeypatch):
    """How often the call stack was read."""
    n_read, read = [], inspect.stack
    monkeypatch.setattr(reactive.Value, "_try_infer_name", SHINYS_OWN)
    monkeypatch.setattr(inspect, "stack", lambda *args: n_read.append(1) or read(*args))
    return n_read


def test_shiny_itself_reads_the_stack_for_every_value(stacks_read):
    """When this fails, Shiny has found another way, and the module can go."""
    value = reactive.Value(1)
    assert stacks_read
    assert value._name == "value"


def test_values_are_made_without_it(stacks_read):
    leave_values_unnamed()
    value, named = reactive.Value(1), reactive.Value(2, name="two")
    assert stacks_read == []
    assert (value._name, named._name) == (None, "two")
    with reactive.isolate():
        assert (value(), named()) == (1, 2)
