"""What model stands behind the numbers, and whether its capture was checked."""

from __future__ import annotations

from htmltools import Tag, TagList
from shiny import ui

from modules.quantity import count, large_count
from modules.widgets.definition_sheet import facts, sheet, sheet_button
from modules.widgets.scroll_area import scroll_area
from modules.widgets.word_cell import word_cell, word_head
from sinklens.records import Check, ModelInfo, Prompt

UNKNOWN = "unknown"
"""What a file of attention does not say of the model behind it."""
RESULTS = {True: "✓ passed", False: "✗ failed", None: "– not applicable"}


def model_card(model: ModelInfo, prompt: Prompt, id: str) -> Tag:
    """The facts about a model that decide how its numbers are to be read.

    Parameters
    ----------
    id : of the sheet with the self-check, unique in the whole page
    """
    return ui.tags.section(
        ui.div(ui.h2(model.name), check_badge(model, id), class_="sl-model-head"),
        facts(_facts(model, prompt), "sl-model-facts"),
        aria_label="The model",
    )


def check_badge(model: ModelInfo, id: str) -> TagList:
    """The badge of the load-time self-check, which opens the list of checks."""
    if not model.checks:
        return TagList(ui.span("not checked", class_="sl-badge sl-unchecked"))
    text = check_summary(model.checks)
    mark = "✓" if model.passed_checks else "✗"
    class_ = "sl-badge sl-badge-button" + ("" if model.passed_checks else " sl-failed")
    return TagList(
        sheet_button(f"{mark} {text}", id, label=f"Self-check: {text}. Show the checks.", class_=class_),
        sheet(id, f"Self-check of {model.name} when it was loaded", _check_table(model.checks)),
    )


def check_summary(checks: tuple[Check, ...]) -> str:
    """The outcome in a few words: 5 checks passed, 1 not applicable."""
    n_failed = sum(check.passed is False for check in checks)
    n_passed = sum(check.passed is True for check in checks)
    n_missing = len(checks) - n_failed - n_passed
    noun = "check" if n_failed + n_passed == 1 else "checks"
    outcome = (
        f"{n_failed} of {n_failed + n_passed} {noun} failed" if n_failed else f"{n_passed} {noun} passed"
    )
    return outcome + (f", {n_missing} not applicable" if n_missing else "")


def _check_table(checks: tuple[Check, ...]) -> Tag:
    rows = (
        ui.tags.tr(
            word_head(check.name),
            word_cell(RESULTS[check.passed], class_="sl-failed" if check.passed is False else None),
            ui.tags.td(_number(check.value), class_="sl-num"),
            ui.tags.td(_number(check.limit), class_="sl-num"),
            word_cell(check.sentence),
        )
        for check in checks
    )
    heads = ("Check", "Result", "Measured", "Limit", "What it means")
    head = ui.tags.thead(ui.tags.tr(*(ui.tags.th(name, scope="col") for name in heads)))
    table = ui.tags.table(head, ui.tags.tbody(*rows), class_="sl-table sl-checks")
    return scroll_area(table, label="Checks")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _facts(model: ModelInfo, prompt: Prompt) -> list[tuple[str, str | Tag | TagList]]:
    heads = f"{model.n_heads}"
    if model.n_kv_heads != model.n_heads:
        heads += f" ({model.n_kv_heads} key-value)"
    window = f", sliding window of {count(model.sliding_window)}" if model.sliding_window else ""
    sink = ", learned sinks" if model.has_learned_sinks else ""
    sink += ", softmax off by one" if model.is_off_by_one else ""
    return [
        ("Family", _with_reason(model.family, model.architecture)),
        ("Layers × heads", f"{model.n_layers} × {heads}"),
        ("Parameters", large_count(model.n_parameters) if model.n_parameters else UNKNOWN),
        ("Attention", ("causal" if model.is_causal else "bidirectional") + window + sink),
        ("Positions", model.positions),
        ("Longest input", _longest_input(model)),
        ("Precision", _with_reason(model.dtype, model.dtype_reason)),
        ("Device", _with_reason(model.device, model.device_reason)),
        ("Capture", model.capture_path),
        ("Start token", start_token(model, prompt)),
    ]


def start_token(model: ModelInfo, prompt: Prompt) -> str | TagList:
    """Whether a BOS or [CLS] stands at position 0 of this run, and whether that is the tokenizer's habit."""
    if model.bos_token is None:
        return UNKNOWN if model.source == "file" else "the tokenizer has none"
    habit = "adds it" if model.adds_bos else "does not add it"
    state = "added" if prompt.bos_added else "not added"
    return _with_reason(f"{model.bos_token} {state}", f"the tokenizer by itself {habit}")


def _longest_input(model: ModelInfo) -> str:
    if model.source == "file":
        return UNKNOWN
    return f"{count(model.n_tokens_max)} tokens" if model.n_tokens_max else "no limit"


def _with_reason(value: str, reason: str) -> TagList:
    return TagList(value, ui.tags.small(reason))
