"""Where attention goes when a text is run with an edit: what every token received before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.analysis.received import excess_over, received_by_token
from sinklens.analysis.token_match import NEW, came_from, stack_of
from sinklens.interventions import Intervention
from sinklens.results import Profile


def migration_table(
    before: Profile, after: Profile, interventions: tuple[Intervention, ...], definition: str = "eligible"
) -> pd.DataFrame:
    """One row per token of the edited text, then those that it has lost, in their order.

    Columns: index (position after the edit, -1 if it is gone), origin (position before, -1 if it is new),
    before, after (attention received, 0..1, mean over layers and heads; NaN where the token is not there),
    gain (after - before), floor (of the edited run), excess (after, over the floor).
    """
    old, _ = received_by_token(before, definition)
    new, floor = received_by_token(after, definition)
    origins = np.array(came_from(interventions, len(old), stack_of(before.stream)))
    lost = np.setdiff1d(np.arange(len(old)), origins)
    nothing = np.full(len(lost), np.nan)
    known = np.where(origins == NEW, np.nan, old[np.maximum(origins, 0)])
    table = pd.DataFrame(
        {
            "index": np.concatenate([np.arange(len(new)), np.full(len(lost), NEW)]),
            "origin": np.concatenate([origins, lost]),
            "before": np.concatenate([known, old[lost]]),
            "after": np.concatenate([new, nothing]),
            "floor": np.concatenate([floor, nothing]),
            "excess": np.concatenate([excess_over(new, floor), nothing]),
        }
    )
    table.insert(4, "gain", table["after"] - table["before"])
    return table


def mean_row_sum(profile: Profile) -> float:
    """Mean attention that a query gives out, 0..1; less than 1 where weights were removed."""
    return float(profile.row_sum.mean(dtype=np.float64))
