"""The sink that is no token: one more logit in the softmax, whose mass goes nowhere.

GPT-OSS learns the logit of every head; "softmax off by one" (Miller 2023) fixes it at 0. Both leave rows
that sum to less than 1, and what is missing is the sink.
"""

from __future__ import annotations

import numpy as np

from sinklens.interventions import OffByOneSoftmax, ScaleColumns
from sinklens.records import ModelInfo
from sinklens.results import Capture

LEARNED, OFF_BY_ONE = "learned sink", "off-by-one sink"
GATED_FAMILIES = (
    "qwen3_next", "qwen3_5", "qwen3_5_moe", "step3p7", "lfm3", "hy_v4", "axk2", "muse_glimmer", "muse_spark",
)  # fmt: skip
"""Families of transformers whose attention output is multiplied by a sigmoid gate (Qiu et al. 2025)."""
GATE_NOTE = (
    "The family {family} multiplies what attention writes by a gate after the softmax (Qiu et al. 2025, "
    "arXiv 2505.06708). SinkLens sees the weights before that gate: a sink here may be closed by it, and "
    "then neither the weights nor the effective shares say so."
)


def has_learned_sink(capture: Capture, stream: str | None = None) -> bool:
    """Is what a row lacks of 1 the mass of a sink logit, of the model's own or of an edit?"""
    return capture.model.has_sink_logits or any(
        edit.stream == capture.profile(stream).stream for edit in _off_by_one(capture)
    )


def sink_name(capture: Capture, stream: str | None = None) -> str:
    """What the sink is called: "off-by-one sink" where its logit is fixed at 0."""
    is_edited = any(edit.stream == capture.profile(stream).stream for edit in _off_by_one(capture))
    return OFF_BY_ONE if is_edited or capture.model.is_off_by_one else LEARNED


def is_only_sink(capture: Capture) -> bool:
    """Does nothing but the sink take mass away? Not after an edit that scales columns without giving back."""
    return not any(
        isinstance(edit, ScaleColumns) and not edit.redistribute for edit in capture.request.interventions
    )


def missing_mass(weights: np.ndarray) -> np.ndarray:
    """(Q,) what each row lacks of 1, 0..1; NaN where a query sees nothing.

    Source: gpt-oss model code: sink mass = e^s / (Σ e^x + e^s).

    Parameters
    ----------
    weights : (Q, K), NaN where a query cannot see the key
    """
    missing = 1.0 - np.nansum(weights, axis=1, dtype=np.float64)
    return np.where(np.isnan(weights).all(axis=1), np.nan, np.clip(missing, 0.0, 1.0))


def gate_note(model: ModelInfo) -> str:
    """What cannot be seen of a family that gates attention; empty for every other one."""
    is_gated = any(model.family == name or model.family.startswith(f"{name}_") for name in GATED_FAMILIES)
    return GATE_NOTE.format(family=model.family) if is_gated else ""


def _off_by_one(capture: Capture) -> list[OffByOneSoftmax]:
    return [edit for edit in capture.request.interventions if isinstance(edit, OffByOneSoftmax)]
