"""From a capture to what kind each of its heads is; needs no model, only what the capture kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.head_patterns import HeadPatterns, head_patterns
from sinklens.analysis.head_types import head_types
from sinklens.analysis.key_sets import key_sets, sink_keys
from sinklens.analysis.relations import PairRelations
from sinklens.analysis.sinks import sink_table
from sinklens.capture.relation_sums import relation_sums
from sinklens.results import Capture


@dataclass(frozen=True, eq=False)
class HeadProfiles:
    """All heads of one stream."""

    stream: str
    sinks: np.ndarray
    """(K,) bool: the keys that were left out as sinks."""
    patterns: HeadPatterns
    table: pd.DataFrame
    """One row per head, as `head_types` gives it."""


def profile_heads(capture: Capture, stream: str | None = None) -> HeadProfiles:
    """Pattern scores and a type for every head of a stream, the main one by default.

    Raises
    ------
    BadSelection, NotCaptured
        No such stream; or the capture kept neither vectors nor maps.
    """
    profile = capture.profile(stream)
    prompt = capture.key_prompt(profile.stream)
    sinks = sink_keys(sink_table(capture, stream=profile.stream))
    sets = key_sets(prompt)
    relations = None
    if profile.stream != "cross":
        special = [token.is_special for token in prompt.tokens]
        relations = PairRelations.of(prompt.ids, special, is_causal=profile.is_causal)
    sums = relation_sums(capture, profile.stream, relations, np.stack(list(sets.values())), sinks)
    patterns = head_patterns(profile, sums, tuple(sets))
    return HeadProfiles(profile.stream, sinks, patterns, head_types(profile, patterns))
