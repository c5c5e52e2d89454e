"""A value that tells its readers only when it has become another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shiny import reactive

Value = TypeVar("Value")


def steady(read: Callable[[], Value], first: Value) -> reactive.Value[Value]:
    """What `read` gives; readers of it are left alone while it gives an equal value again.

    To be made inside a module's server function. A table that is asked for every second keeps the
    focus of the keyboard in it this way.
    """
    value: reactive.Value[Value] = reactive.Value(first)

    @reactive.effect
    def _compare():
        found = read()
        with reactive.isolate():
            if found != value():
                value.set(found)

    return value
