"""From a capture to what kind each of its heads is; needs no model, only what the capture kept.

Tags, entities and syntax come from a language pipeline; where there is none, everything else is there.
"""

from __future__ import annotations

import numpy as np

from sinklens.analysis.head_patterns import head_patterns
from sinklens.analysis.head_profiles import HeadProfiles
from sinklens.analysis.head_types import head_types
from sinklens.analysis.key_sets import sink_keys
from sinklens.analysis.relations import PairRelations
from sinklens.analysis.sinks import sink_table
from sinklens.capture.relation_sums import relation_sums
from sinklens.language.pipeline import EnglishReader
from sinklens.language.token_language import read_tokens
from sinklens.results import Capture


def profile_heads(capture: Capture, stream: str | None, reader: EnglishReader) -> HeadProfiles:
    """Pattern scores and a type for every head of a stream, the main one where it is None.

    Raises
    ------
    BadSelection, NotCaptured
        No such stream; or the capture kept neither vectors nor maps.
    """
    profile = capture.profile(stream)
    prompt = capture.key_prompt(profile.stream)
    sinks = sink_keys(sink_table(capture, stream=profile.stream))
    language = read_tokens(prompt, reader)
    relations = None
    if profile.stream != "cross":
        special = [token.is_special for token in prompt.tokens]
        relations = PairRelations.of(prompt.ids, special, is_causal=profile.is_causal, tree=language.tree)
    sums = relation_sums(capture, profile.stream, relations, np.stack(list(language.sets.values())), sinks)
    patterns = head_patterns(profile, sums, tuple(language.sets))
    table = head_types(profile, patterns)
    return HeadProfiles(profile.stream, sinks, patterns, table, language.note)
