"""Hand-made effects of arms, for tests of tables and verdicts."""

from __future__ import annotations

import numpy as np

from sinklens.interventions import MaskKeys
from sinklens.trial_records import Arm, ArmEffect, TrialReport, TrialRequest
from tests.analysis.profiles import capture_from_maps, uniform_maps

N_TOKENS = 8


def effect(change, *, name="mask", of=None, text=0, before=2.0, n=N_TOKENS, kind=None, **fields):
    """An effect whose loss changes by one number, or by (n,) numbers."""
    change = np.broadcast_to(np.asarray(change, np.float32), (n,))
    kind = kind or ("control" if of else "edit")
    numbers = {
        "kl": np.full(n, 0.5, np.float32), "is_top_changed": np.arange(n) % 2 == 0,
        "top_overlap": np.full(n, 0.8, np.float32), "turned": np.array([0.1, 0.2], np.float32),
        "stretched": np.array([1.0, 2.0], np.float32),
    }  # fmt: skip
    loss = np.full(n, before, np.float32)
    arm = Arm(name, (MaskKeys(keys=(0,)),), kind)
    losses = {"tokens": np.arange(1, n + 1), "loss_before": loss, "loss_after": loss + change}
    return ArmEffect(arm, of or name, text, **(losses | numbers | fields))


def report(*effects, texts=("one", "two", "three", "four"), skipped=()):
    """A report of these effects."""
    capture = capture_from_maps(uniform_maps(2, 2, N_TOKENS + 1, is_causal=True), is_causal=True)
    arms = {e.arm.name: e.arm for e in effects if e.arm.kind == "edit"}
    request = TrialRequest("hand-made", tuple(texts), tuple(arms.values()))
    prompts = (capture.prompt,) * len(texts)
    return TrialReport(request, capture.model, prompts, tuple(effects), tuple(skipped), 9, 1.0, "next token")
