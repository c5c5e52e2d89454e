"""Sentences about a run as a whole: the finding over the text, and what the user must know about it."""

from __future__ import annotations

from modules.streams import STREAM_NAMES
from sinklens.analysis.run_summary import RunSummary
from sinklens.analysis.sink_summary import main_finding
from sinklens.results import Capture

MEAN = "Mean over all layers and heads, over the queries that can see the token."


def text_finding(summary: RunSummary) -> str:
    """The main finding about the tokens of a stream, and which definition the shades use."""
    stream = "" if summary.stream == "self" else f"{STREAM_NAMES[summary.stream]}: "
    return f"{stream}{main_finding(summary.tokens)} {MEAN}"


def run_notes(capture: Capture) -> tuple[str, ...]:
    """Every warning of the run and of its texts, each once."""
    prompts = [prompt for prompt in (capture.prompt, capture.target) if prompt is not None]
    warnings = [warning for prompt in prompts for warning in prompt.warnings]
    return tuple(dict.fromkeys([*warnings, *capture.warnings]))
