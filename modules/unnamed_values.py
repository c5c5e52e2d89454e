"""Reactive values that do not look for their own names.

Shiny 1.8 looks for a name, for OpenTelemetry, whenever a `reactive.Value` is made without one: it reads the
source lines of the whole call stack. That took two thirds of all time that opening a page costs the server.
"""

from __future__ import annotations

from shiny import reactive

# An AttributeError says that Shiny has changed and that this module may not be needed any more.
SHINYS_OWN = reactive.Value._try_infer_name
"""How Shiny itself looks for a name."""


def leave_values_unnamed() -> None:
    """Let no value of this process search the call stack; those that are given a name keep it."""
    reactive.Value._try_infer_name = _no_name


def _no_name(self: reactive.Value) -> None:
    return None
