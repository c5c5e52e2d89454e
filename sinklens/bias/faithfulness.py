"""All methods on the same number of the same text, so that their agreement can be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sinklens.analysis.rollout import norm_shares, rollout
from sinklens.attribution_records import Attribution
from sinklens.bias.erasure import ORDERS, erasure_curves, leave_one_out
from sinklens.bias.gradients import gradient_x_input, integrated_gradients
from sinklens.bias.relevance import attention_rollout, gradient_relevance, head_importance
from sinklens.bias.scored_text import ScoredText
from sinklens.errors import NotCaptured, RunCancelled
from sinklens.faithfulness_records import FaithfulnessReport

OnProgress = Callable[[float, str], None]


def faithfulness_report(
    scored: ScoredText,
    labels: tuple[str, ...],
    *,
    baseline: str = "pad",
    norm_maps: np.ndarray | None = None,
    with_curves: bool = True,
    on_progress: OnProgress = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> FaithfulnessReport:
    """Attribute a number by every method that applies; the others are listed with their reason.

    Parameters
    ----------
    norm_maps : array (L, T, T) as `sinklens.capture.norm_maps` gives them, for norm-weighted rollout

    Raises
    ------
    BadSelection
        As `ScoredText.baseline`.
    RunCancelled
        Between two methods, and inside of the long ones.
    """
    started = time.perf_counter()
    methods: dict[str, Callable[[], Attribution]] = {
        "integrated gradients": lambda: integrated_gradients(scored, baseline, is_cancelled=is_cancelled),
        "gradient x input": lambda: gradient_x_input(scored),
        "leave one out": lambda: leave_one_out(scored, baseline, is_cancelled),
        "gradient-weighted attention": lambda: gradient_relevance(scored),
        "attention rollout": lambda: attention_rollout(scored),
    }
    if norm_maps is not None:
        methods["norm-weighted rollout"] = lambda: norm_rollout(scored, norm_maps)
    found, left_out = [], []
    for number, (name, work) in enumerate(methods.items()):
        if is_cancelled():
            raise RunCancelled("The faithfulness analysis was stopped.")
        on_progress(0.6 * number / len(methods), name)
        try:
            found.append(work())
        except NotCaptured as reason:
            left_out.append(f"{name[:1].upper()}{name[1:]} is not applicable: {reason}")
    curves = _curves(scored, found, baseline, on_progress, is_cancelled) if with_curves else ()
    on_progress(1.0, "done")
    return FaithfulnessReport(
        target=scored.sentence,
        labels=labels,
        is_special=scored.is_special,
        attributions=tuple(found),
        head_importance=_heads(scored),
        curves=curves,
        left_out=tuple(left_out),
        n_passes=sum(one.n_passes for one in found) + _n_curve_passes(curves),
        elapsed_ms=(time.perf_counter() - started) * 1_000,
    )


def norm_rollout(scored: ScoredText, norm_maps: np.ndarray) -> Attribution:
    """Rollout over the norms of what is written (Kobayashi et al. 2021), the residual already in them."""
    rolled = rollout(norm_shares(norm_maps), residual_share=0.0)[-1]
    value = float(scored.of_many([scored.embeddings()])[0])
    return Attribution("norm-weighted rollout", scored.reads @ rolled, scored.sentence, value, n_passes=1)


def _heads(scored: ScoredText) -> np.ndarray | None:
    try:
        return head_importance(scored)
    except NotCaptured:
        return None


def _curves(
    scored: ScoredText, found: list[Attribution], baseline: str, on_progress: OnProgress, is_cancelled
):
    curves = []
    for number, order in enumerate(ORDERS):
        start = 0.6 + 0.2 * number

        def watch(share: float, message: str, start: float = start) -> None:
            on_progress(start + 0.2 * share, message)

        curves += erasure_curves(scored, found, order, baseline, on_progress=watch, is_cancelled=is_cancelled)
    return tuple(curves)


def _n_curve_passes(curves) -> int:
    """Passes behind the curves; the random orders of one kind are shared by all methods."""
    own = sum(len(curve.values) for curve in curves)
    shared = {curve.order: curve.random.size for curve in curves}
    return own + sum(shared.values())
