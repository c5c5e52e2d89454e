"""What a trial measured: one row per arm, the change of the loss with its interval and against controls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sinklens.analysis.interval import N_MIN, Interval, mean_interval
from sinklens.trial_records import ArmEffect, TrialReport

MAX_EXPONENT = 50.0
"""A loss above this has a perplexity that no one reads; it is given as infinite."""


def perplexity(loss: float) -> float:
    """exp of a mean loss in nats; infinity above MAX_EXPONENT."""
    return float(np.exp(loss)) if loss <= MAX_EXPONENT else float("inf")


def loss_change(effects: Sequence[ArmEffect]) -> Interval:
    """Mean change of the loss, nats per token, with an interval over texts, or over tokens with few texts."""
    if len(effects) >= N_MIN:
        return mean_interval(np.array([effect.loss_change for effect in effects]), "texts")
    return mean_interval(np.concatenate([_token_changes(effect) for effect in effects]), "tokens")


def change_beyond_controls(effects: Sequence[ArmEffect], controls: Sequence[ArmEffect]) -> Interval:
    """Change of the loss minus that of the controls, paired by text (by token with few texts), nats.

    Several controls of one text are averaged first. Tokens are paired where all of them predict the token.
    """
    by_text = {
        index: [c for c in controls if c.text_index == index] for index in {e.text_index for e in effects}
    }
    paired = [(effect, by_text[effect.text_index]) for effect in effects if by_text[effect.text_index]]
    if not paired:
        return Interval(float("nan"), float("nan"), float("nan"), 0, "texts")
    if len(paired) >= N_MIN:
        return mean_interval(
            np.array([e.loss_change - np.mean([c.loss_change for c in own]) for e, own in paired]), "texts"
        )
    differences = [_beyond_by_token(effect, own) for effect, own in paired]
    return mean_interval(np.concatenate(differences), "tokens")


def _beyond_by_token(effect: ArmEffect, controls: Sequence[ArmEffect]) -> np.ndarray:
    """(n,) change of every token that the edit and all of its controls predict, minus the controls' mean."""
    shared = set(effect.tokens.tolist()).intersection(*(control.tokens.tolist() for control in controls))

    def of_shared(one: ArmEffect) -> np.ndarray:
        order = np.argsort(one.tokens)
        return _token_changes(one)[order][np.isin(one.tokens[order], list(shared))]

    return of_shared(effect) - np.mean([of_shared(control) for control in controls], axis=0)


def trial_table(report: TrialReport) -> pd.DataFrame:
    """One row per arm, every edit followed by its controls.

    Columns: arm, kind, of, n_texts, n_tokens; loss_before, loss_after (nats per token, mean over
    tokens); perplexity_before, perplexity_after; change, change_low, change_high (nats, interval over
    `over`); beyond, beyond_low, beyond_high (change minus controls; NaN for controls and without any);
    kl (nats per token); top_changed, top_overlap (0..1); turned, stretched (last block).
    """
    names = list(dict.fromkeys(effect.arm.name for effect in report.effects))
    return pd.DataFrame([_row(report, name) for name in names])


def _row(report: TrialReport, name: str) -> dict:
    effects = report.of_arm(name)
    arm, of = effects[0].arm, effects[0].of
    before, after = _joined(effects, "loss_before").mean(), _joined(effects, "loss_after").mean()
    change = loss_change(effects)
    beyond = change_beyond_controls(effects, report.controls_of(name) if arm.kind == "edit" else ())
    return {
        "arm": name,
        "kind": arm.kind,
        "of": of,
        "n_texts": len(effects),
        "n_tokens": len(_joined(effects, "kl")),
        "loss_before": float(before),
        "loss_after": float(after),
        "perplexity_before": perplexity(float(before)),
        "perplexity_after": perplexity(float(after)),
        "change": change.mean,
        "change_low": change.low,
        "change_high": change.high,
        "over": change.over,
        "beyond": beyond.mean,
        "beyond_low": beyond.low,
        "beyond_high": beyond.high,
        "kl": float(_joined(effects, "kl").mean()),
        "top_changed": float(_joined(effects, "is_top_changed").mean()),
        "top_overlap": float(_joined(effects, "top_overlap").mean()),
        "turned": float(np.mean([effect.turned[-1] for effect in effects])),
        "stretched": float(np.mean([effect.stretched[-1] for effect in effects])),
    }


def _token_changes(effect: ArmEffect) -> np.ndarray:
    return effect.loss_after.astype(np.float64) - effect.loss_before


def _joined(effects: Sequence[ArmEffect], field: str) -> np.ndarray:
    return np.concatenate([getattr(effect, field) for effect in effects]).astype(np.float64)
