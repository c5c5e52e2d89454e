"""A trial in words: what was done, what came of it, and what it rests on."""

from __future__ import annotations

from htmltools import Tag
from shiny import ui

from modules.capital import capital
from modules.quantity import SPACE, count
from modules.widgets.note_list import note_list
from sinklens.analysis.interval import Interval
from sinklens.analysis.trial_table import change_beyond_controls, loss_change, perplexity
from sinklens.trial_records import Skipped, TrialReport

ROW_POLICY = (
    "A query left without any weight to give (all of it was on what was removed) gives nothing at all: its "
    "row stays zero, as in SinkFix, and is not made uniform."
)
OVERFLOW = "too large to read (above e⁵⁰)"


def edit_sentence(report: TrialReport, notes: tuple[str, ...]) -> Tag:
    """What exactly was done, how often, and what was left out."""
    arm = report.effects[0].arm
    facts = (
        f"Done: {arm.sentence()}. {count(report.n_passes)} forward passes over "
        f"{texts_of(report)} in {report.elapsed_ms / 1_000:.1f}{SPACE}s; {report.loss_kind} loss."
    )
    notes = [*notes, *skipped_sentences(report)]
    return ui.div(
        ui.p(facts, class_="sl-muted"),
        note_list(notes),
    )


def texts_of(report: TrialReport) -> str:
    """ "4 texts, 187 tokens": those that gave an effect."""
    read = sorted({effect.text_index for effect in report.effects})
    n_tokens = sum(len(report.prompts[index]) for index in read)
    return f"{len(read)} text{'s' if len(read) > 1 else ''}, {count(n_tokens)} tokens"


def skipped_sentences(report: TrialReport) -> list[str]:
    """Every arm that was skipped with its reason; equal reasons of several texts together."""
    by_reason: dict[tuple[str, str], list[Skipped]] = {}
    for skipped in report.skipped:
        by_reason.setdefault((skipped.arm, skipped.reason), []).append(skipped)
    return [
        f"{capital(arm)}, text{'s' if len(found) > 1 else ''} "
        f"{', '.join(str(one.text_index + 1) for one in found)}: {reason}"
        for (arm, reason), found in by_reason.items()
    ]


def trial_finding(report: TrialReport, name: str) -> str:
    """What the edit did to the loss, against its controls, with interval, and to the perplexity."""
    effects = report.of_arm(name)
    change = loss_change(effects)
    verb = "rises" if change.mean > 0 else "falls"
    if abs(change.mean) < 5e-5:
        first = f"{name}: the loss stays as it is ({change.mean:+.5f} nats)"
    else:
        first = f"{name}: the loss {verb} by {abs(change.mean):.3f} nats a token{span(change)}"
    controls = report.controls_of(name)
    if controls:
        beyond = change_beyond_controls(effects, controls)
        first += f", {beyond.mean:+.3f} beyond the controls{span(beyond)}"
        first += f"; {reading(beyond)}"
    elif report.request.with_controls:
        first += "; for this kind of edit there is no control"
    else:
        first += "; without controls nothing is said about what other edits of this size do"
    return f"{first}. {ppl_sentence(effects)} {capital(change.sentence())}."


def reading(beyond: Interval) -> str:
    """What an interval beyond the controls says."""
    if not beyond.is_known:
        return "too few values to tell it from them"
    if beyond.low > 0:
        return "it costs more than they do"
    return "it costs less than they do" if beyond.high < 0 else "it cannot be told from them"


def span(interval: Interval) -> str:
    """ " (+0.12 to +0.34)", empty where no interval is known."""
    return f" ({interval.low:+.3f} to {interval.high:+.3f})" if interval.is_known else ""


def ppl_sentence(effects) -> str:
    """Perplexity before and after, over all tokens."""
    before, after = (
        sum(float(getattr(e, name).sum(dtype="float64")) for e in effects) / sum(len(e.kl) for e in effects)
        for name in ("loss_before", "loss_after")
    )
    return f"Perplexity {ppl(perplexity(before))} → {ppl(perplexity(after))}."


def ppl(value: float) -> str:
    """A perplexity; one that overflows is said in words."""
    if value == float("inf"):
        return OVERFLOW
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"
