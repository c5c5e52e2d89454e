"""What went wrong, in a sentence that nobody overlooks."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.session_run import Problem


def problem_alert(problem: Problem | None) -> Tag | None:
    """An alert, nothing without a problem."""
    return None if problem is None else ui.div(problem.sentence, class_="sl-alert", role="alert")
