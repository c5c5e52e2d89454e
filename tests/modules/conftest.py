"""Widgets can be built here without a browser session."""

from __future__ import annotations

import pytest
from ipywidgets import Widget


@pytest.fixture
def without_session(monkeypatch):
    """shinywidgets wants a session for every widget; tests of the Python side need none."""
    monkeypatch.setattr(Widget, "_widget_construction_callback", None)
