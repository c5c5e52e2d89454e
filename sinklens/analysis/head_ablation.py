"""Dropping heads in the order of a ranking, one at a time and together, as a trial with random controls.

The heads that a ranking names first are dropped alone, then the first two, three, ... together. Each edit has
the controls of `sinklens.interventions.controls`: as many heads drawn from the same layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sinklens.analysis.trial_table import trial_table
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads
from sinklens.trial_records import Arm, TrialReport, TrialRequest

Head = tuple[int, int]
N_SINGLE, JOINT_SIZES = 5, (2, 3, 5, 8)
ELBOW_SHARE = 0.05
"""The next heads together add less than this part of the largest change: the elbow."""


def ranked_heads(values: np.ndarray) -> tuple[Head, ...]:
    """(layer, head) by falling values (L, H); heads without a value are left out."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf).ravel(), kind="stable")
    places = [divmod(int(flat), values.shape[1]) for flat in order]
    return tuple(place for place in places if np.isfinite(values[place]))


def ablation_arms(
    ranked: Sequence[Head],
    *,
    n_single: int = N_SINGLE,
    joint_sizes: Sequence[int] = JOINT_SIZES,
    stream: str = "self",
) -> tuple[Arm, ...]:
    """One arm for each of the first heads alone, and for the first heads together.

    Raises
    ------
    BadSelection
        No head, or numbers below 1.
    """
    if not ranked or n_single < 1 or any(size < 1 for size in joint_sizes):
        raise BadSelection("Head ablation needs at least one head, dropped alone or together with others.")
    singles = [(f"head {layer}.{head}", ((layer, head),)) for layer, head in ranked[:n_single]]
    sizes = sorted({size for size in joint_sizes if 1 < size <= len(ranked)})
    joints = [(f"first {size} heads", tuple(ranked[:size])) for size in sizes]
    return tuple(Arm(name, (DropHeads(stream=stream, pairs=pairs),)) for name, pairs in [*singles, *joints])


def ablation_request(
    model: str, texts: Sequence[str], arms: tuple[Arm, ...], *, seed: int = 0
) -> TrialRequest:
    """The trial that runs these arms with random-head controls."""
    return TrialRequest(model=model, texts=tuple(texts), arms=arms, with_controls=True, seed=seed)


def ablation_table(report: TrialReport) -> pd.DataFrame:
    """One row per ablation, in the order of the ranking, single heads first.

    Columns: those of `trial_table` for edits, and n_heads; control_change, control_low, control_high: mean,
    least and largest change of the loss under the random heads (NaN without any); is_beyond: the change lies
    outside of that range.
    """
    table = trial_table(report)
    edits = table[table["kind"] == "edit"].copy()
    ranges = [_control_range(table, name) for name in edits["arm"]]
    for column, values in zip(
        ("control_change", "control_low", "control_high"), zip(*ranges, strict=True), strict=True
    ):
        edits[column] = values
    sizes = {arm.name: len(arm.interventions[0].pairs) for arm in report.request.arms}
    edits["n_heads"] = [sizes[name] for name in edits["arm"]]
    is_above, is_below = edits["change"] > edits["control_high"], edits["change"] < edits["control_low"]
    edits["is_beyond"] = is_above | is_below
    return edits.reset_index(drop=True)


def elbow(sizes: Sequence[int], changes: Sequence[float], share: float = ELBOW_SHARE) -> int | None:
    """The smallest number of heads after which no larger one changes the loss by much more.

    Parameters
    ----------
    sizes, changes : heads dropped together, and the change of the loss under each, nats
    share : of the largest change

    Returns
    -------
    int, or None where nothing changes or fewer than two sizes were tried
    """
    order = np.argsort(sizes)
    effect = np.abs(np.asarray(changes, float))[order]
    if len(effect) < 2 or not effect.max() > 0:
        return None
    reached = effect >= effect.max() * (1 - share)
    return int(np.asarray(sizes)[order][int(np.argmax(reached))])


def _control_range(table: pd.DataFrame, name: str) -> tuple[float, float, float]:
    own = table[(table["of"] == name) & (table["kind"] == "control")]["change"]
    if own.empty:
        return (float("nan"),) * 3
    return float(own.mean()), float(own.min()), float(own.max())
