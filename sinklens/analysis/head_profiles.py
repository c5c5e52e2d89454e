"""Everything that is known about what the heads of one stream do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.head_patterns import HeadPatterns


@dataclass(frozen=True, eq=False)
class HeadProfiles:
    """All heads of one stream."""

    stream: str
    sinks: np.ndarray
    """(K,) bool: the keys that were left out as sinks."""
    patterns: HeadPatterns
    table: pd.DataFrame
    """One row per head, as `head_types` gives it."""
    language_note: str
    """Where tags, entities and syntax come from, or why there are none."""
