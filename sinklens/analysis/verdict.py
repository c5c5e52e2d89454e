"""Is a sink benign, load-bearing or harmful? Decided by what happens without it, against controls.

SinkFix calls a token harmful when it gets much attention and has a small value norm; that is the
signature of a head at rest. Here nothing is said that was not measured: the token is hidden
from every query, and so are others in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sinklens.analysis.interval import Interval
from sinklens.analysis.trial_table import change_beyond_controls, loss_change
from sinklens.trial_records import ArmEffect

TOLERANCE = 0.02
"""Nats per token: a loss that changes by less is called unchanged."""
PARKED_RATIO = 0.5
"""Below this share of its attention in what is written, a token's attention is called parked."""


@dataclass(frozen=True)
class Verdict:
    """What the measurement says, and what it rests on."""

    name: str
    """"benign", "load-bearing", "harmful" or "undecided"."""
    letter: str
    """So that colour is never the only cue."""
    sentence: str
    change: Interval
    """Change of the loss without the token, nats per token."""
    beyond: Interval
    """The same minus the change of the controls."""


SINKFIX_MEANS = {"detrimental": "harmful", "beneficial": "load-bearing", "neutral": "benign"}
"""The verdict that each label of SinkFix's rule amounts to."""

LETTERS = {"benign": "B", "load-bearing": "L", "harmful": "H", "undecided": "U"}


def sink_verdict(
    effects: Sequence[ArmEffect],
    controls: Sequence[ArmEffect],
    *,
    share: float,
    effective_share: float,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """The verdict on a token (or on a token in one head) from the trial that masked it.

    Parameters
    ----------
    effects, controls : of masking the token, and of masking others instead
    share, effective_share : 0..1
        Attention that it receives, and its share of what attention writes (Kobayashi et al. 2020).
    tolerance : nats per token

    Notes
    -----
    load-bearing: the loss rises by more than the tolerance, and by more than under the controls.
    harmful: the whole interval of the change lies below minus the tolerance: without it the model is better.
    benign: the whole interval lies below the tolerance, or below what the controls cost, and little of
    what attention writes comes from it. undecided: everything else.
    """
    change, beyond = loss_change(effects), change_beyond_controls(effects, controls)
    return verdict_from(change, beyond, share=share, effective_share=effective_share, tolerance=tolerance)


def verdict_from(
    change: Interval,
    beyond: Interval,
    *,
    share: float,
    effective_share: float,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """The same from intervals that are known: another tolerance is answered at once."""
    is_parked = effective_share < PARKED_RATIO * share
    name = _name(change, beyond, is_parked, tolerance)
    return Verdict(name, LETTERS[name], _sentence(change, beyond, share, effective_share), change, beyond)


def is_contradicted(verdict: str, sinkfix_label: str) -> bool | None:
    """Does SinkFix's label say something else than what was measured? None where either says nothing."""
    if verdict == "undecided" or sinkfix_label not in SINKFIX_MEANS:
        return None
    return SINKFIX_MEANS[sinkfix_label] != verdict


def _name(change: Interval, beyond: Interval, is_parked: bool, tolerance: float) -> str:
    if not change.is_known:
        return "undecided"
    if change.high < -tolerance:
        return "harmful"
    if beyond.is_known and change.low > tolerance and beyond.low > 0:
        return "load-bearing"
    costs_little = change.high <= tolerance or (beyond.is_known and beyond.high <= tolerance)
    return "benign" if is_parked and costs_little else "undecided"


def _sentence(change: Interval, beyond: Interval, share: float, effective_share: float) -> str:
    if not change.is_known:
        return f"Too little was measured for a verdict ({change.sentence()})."
    cost = f"Without it the loss changes by {change.mean:+.3f} nats ({change.low:+.3f} to {change.high:+.3f})"
    against = (
        f", {beyond.mean:+.3f} beyond the controls ({beyond.low:+.3f} to {beyond.high:+.3f})"
        if beyond.is_known
        else ", with no control to compare"
    )
    written = (
        f"; it gets {share:.0%} of the attention and {effective_share:.0%} of what is written comes from it."
    )
    return cost + against + written
