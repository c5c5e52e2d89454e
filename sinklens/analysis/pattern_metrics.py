"""One number per head about what it does outside the sinks: functions of HeadPatterns, arrays (L, H).

In the formulas b is the attention with the sinks' columns left out, and every row counts by the weight it
has left. NaN means not applicable; the definition's missing_note says when.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sinklens.analysis.head_patterns import HeadPatterns
from sinklens.analysis.metric_definition import MetricDefinition, definition_of
from sinklens.errors import BadSelection


def sink_share(patterns: HeadPatterns) -> np.ndarray:
    """Weight on all tokens that are sinks in this run, averaged over the queries.

    Formula: mean over i of Σ_{k sink} A[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: the head rests. Low: it is at work on most tokens.
    Causal: All queries count; the first one can only see itself.
    Missing: Never.
    Source: SinkLens; sinks are the tokens that the Sinks page labels parking, mixed or attended.
    """
    return patterns.sink_share


def previous_token_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to the token before.

    Formula: Σᵢ b[i,i−1] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: a previous-token head, the first half of an induction circuit.
    Causal: Rows whose previous token is a sink do not count.
    Missing: In cross-attention, with fewer than two tokens, or where nothing goes beyond the sinks.
    Source: Olsson et al. 2022 (arXiv 2209.11895); without the sinks: SinkLens.
    """
    return patterns.patterns["previous"].rest


def two_before_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes two tokens back.

    Formula: Σᵢ b[i,i−2] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: a head that looks at one fixed place, two tokens back.
    Causal: Rows whose token two back is a sink do not count.
    Missing: In cross-attention, with fewer than three tokens, or where nothing goes beyond the sinks.
    Source: Voita et al. 2019 (arXiv 1905.09418), positional heads; without the sinks: SinkLens.
    """
    return patterns.patterns["two before"].rest


def own_token_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that stays on the own token.

    Formula: Σᵢ b[i,i] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: tokens look at themselves.
    Causal: Rows of a sink do not count.
    Missing: In cross-attention, or where nothing goes beyond the sinks.
    Source: Clark et al. 2019 (arXiv 1906.04341), current token; without the sinks: SinkLens.
    """
    return patterns.patterns["self"].rest


def next_token_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to the token after.

    Formula: Σᵢ b[i,i+1] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: a next-token head.
    Causal: Not applicable: the token after is out of sight.
    Missing: In causal models and cross-attention, or where nothing goes beyond the sinks.
    Source: Clark et al. 2019 (arXiv 1906.04341), next token; without the sinks: SinkLens.
    """
    return patterns.patterns["next"].rest


def duplicate_token_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to the same token elsewhere.

    Formula: Σᵢ Σ_{k : token k = token i} b[i,k] / Σᵢ Σₖ b[i,k], rows i that have such a k
    Unit: share
    Range: 0 to 1
    Direction: High: a duplicate-token head.
    Causal: Earlier places only.
    Missing: When no token comes twice, in cross-attention, or where nothing goes beyond the sinks.
    Source: Wang et al. 2023 (arXiv 2211.00593), duplicate-token heads; without the sinks: SinkLens.
    """
    return patterns.patterns["duplicate"].rest


def induction_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to what followed the same token elsewhere.

    Formula: Σᵢ Σ_{k : token k−1 = token i} b[i,k] / Σᵢ Σₖ b[i,k], rows i that have such a k
    Unit: share
    Range: 0 to 1
    Direction: High: an induction head, which copies what came after the last time.
    Causal: Earlier places only.
    Missing: When no token comes twice, in cross-attention, or where nothing goes beyond the sinks.
    Source: Olsson et al. 2022 (arXiv 2209.11895), prefix matching; without the sinks: SinkLens.
    """
    return patterns.patterns["induction"].rest


def near_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that stays within four tokens.

    Formula: Σᵢ Σ_{|i−k| ≤ 4} b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: local. Low: long range, the rest goes five tokens away and more.
    Causal: Early rows see near tokens only; the floor says how much that is.
    Missing: In cross-attention, or where nothing goes beyond the sinks.
    Source: Attention Atlas, long range from five tokens; with the causal floor: SinkLens.
    """
    return patterns.patterns["near"].rest


def mean_distance(patterns: HeadPatterns) -> np.ndarray:
    """How far away the attention outside the sinks goes on average.

    Formula: Σᵢ Σₖ |i−k| b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: tokens
    Range: 0 to inf
    Direction: High: long range. Low: local.
    Causal: Rows that see no other token than themselves do not count.
    Missing: In cross-attention, or where nothing goes beyond the sinks.
    Source: Vig & Belinkov 2019 (arXiv 1906.04284), attention distance; without the sinks: SinkLens.
    """
    return patterns.patterns["distance"].rest


def same_word_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to other pieces of the own word.

    Formula: Σᵢ Σ_{k≠i : word k = word i} b[i,k] / Σᵢ Σₖ b[i,k], rows i that have such a k
    Unit: share
    Range: 0 to 1
    Direction: High: the head joins the pieces of a word.
    Causal: Earlier pieces only.
    Missing: When no word has several pieces, without tags, or where nothing goes beyond the sinks.
    Source: Correia et al. 2019 (arXiv 1909.00015), sub-word merging heads; without the sinks: SinkLens.
    """
    return patterns.patterns["same word"].rest


def syntax_score(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes along an arc of syntax, up or down.

    Formula: Σᵢ Σ_{k : word k governs word i, or word i governs word k} b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High, and above the same distances dealt out to other words: a syntactic head.
    Causal: Arcs to earlier words only.
    Missing: Without tags, in cross-attention, or where nothing goes beyond the sinks.
    Source: Clark et al. 2019 (arXiv 1906.04341), section 4; the shuffled arcs: SinkLens.
    """
    return patterns.patterns["syntax"].rest


def entity_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to names of persons, places and organisations.

    Formula: Σᵢ Σ_{k in an entity} b[i,k] / Σᵢ Σₖ b[i,k], rows i that see some
    Unit: share
    Range: 0 to 1
    Direction: High: an entity head.
    Causal: Rows before the first name do not count.
    Missing: Without a name in the text, without tags, or where nothing goes beyond the sinks.
    Source: Attention Atlas, Entities; without the sinks: SinkLens.
    """
    return patterns.patterns["entity"].rest


def content_word_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to words with a meaning of their own.

    Formula: Σᵢ Σ_{k noun, proper noun, verb, adjective, adverb, number} b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High above its floor: a semantic head.
    Causal: Rows before the first such word do not count.
    Missing: Without such a word, without tags, or where nothing goes beyond the sinks.
    Source: Attention Atlas, Semantics; without the sinks: SinkLens.
    """
    return patterns.patterns["content word"].rest


def function_word_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to grammatical words.

    Formula: Σᵢ Σ_{k determiner, adposition, auxiliary, conjunction, particle, pronoun} b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High above its floor: the head collects at small words.
    Causal: Rows before the first such word do not count.
    Missing: Without such a word, without tags, or where nothing goes beyond the sinks.
    Source: Attention Atlas, Syntax (its name for these words); without the sinks: SinkLens.
    """
    return patterns.patterns["function word"].rest


def punctuation_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to punctuation.

    Formula: Σᵢ Σ_{k punctuation} b[i,k] / Σᵢ Σₖ b[i,k], rows i that see some
    Unit: share
    Range: 0 to 1
    Direction: High: the head collects at punctuation, often the end of a phrase.
    Causal: Rows before the first punctuation do not count.
    Missing: Without punctuation that is no sink, or where nothing goes beyond the sinks.
    Source: Clark et al. 2019 (arXiv 1906.04341); Unicode categories P and S.
    """
    return patterns.patterns["punctuation"].rest


def special_share(patterns: HeadPatterns) -> np.ndarray:
    """Part of the attention outside the sinks that goes to special tokens which are no sink.

    Formula: Σᵢ Σ_{k special} b[i,k] / Σᵢ Σₖ b[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: the head looks at separators.
    Causal: Rows before the first special token do not count.
    Missing: Without a special token that is no sink, or where nothing goes beyond the sinks.
    Source: Clark et al. 2019 (arXiv 1906.04341), attention to [SEP].
    """
    return patterns.patterns["special"].rest


def rest_entropy(patterns: HeadPatterns) -> np.ndarray:
    """Entropy of the attention outside the sinks, as a part of the largest entropy that is possible.

    Formula: Σᵢ mᵢ H(b[i,·]/mᵢ) / Σᵢ mᵢ ln nᵢ, mᵢ the weight left, nᵢ the visible keys that are no sink
    Unit: share
    Range: 0 to 1
    Direction: High: diffuse, 1 is even spreading. Low: focused. A sink no longer makes a head look focused.
    Causal: Rows that see only one key besides the sinks do not count.
    Missing: Where nothing goes beyond the sinks.
    Source: Attention Atlas, Focus (normalised); without the sinks: SinkLens.
    """
    return patterns.rest_entropy


METRICS: tuple[tuple[Callable[[HeadPatterns], np.ndarray], str, str], ...] = (
    (sink_share, "Share on all sinks", ""),
    (previous_token_score, "Previous token", "previous"),
    (two_before_score, "Two tokens back", "two before"),
    (own_token_score, "Own token", "self"),
    (next_token_score, "Next token", "next"),
    (duplicate_token_score, "Duplicate token", "duplicate"),
    (induction_score, "Induction", "induction"),
    (near_share, "Within four tokens", "near"),
    (mean_distance, "Mean distance", "distance"),
    (same_word_share, "Pieces of the own word", "same word"),
    (syntax_score, "Along syntax", "syntax"),
    (entity_share, "Names", "entity"),
    (content_word_share, "Content words", "content word"),
    (function_word_share, "Function words", "function word"),
    (punctuation_share, "Punctuation", "punctuation"),
    (special_share, "Special tokens", "special"),
    (rest_entropy, "Entropy outside the sinks", ""),
)
"""Function, name, and the pattern whose floor belongs to it ("" without one)."""

PATTERN_METRICS: dict[str, MetricDefinition] = {
    function.__name__: definition_of(function, name) for function, name, _ in METRICS
}
"""All definitions by key, in the order of a menu."""

_FUNCTIONS = {function.__name__: (function, pattern) for function, _, pattern in METRICS}


def pattern_metric(patterns: HeadPatterns, key: str) -> np.ndarray:
    """(L, H) value of one metric for every head; BadSelection lists the keys there are.

    All NaN where the stream has no such pattern (positions in cross-attention).
    """
    if key not in _FUNCTIONS:
        raise BadSelection(f"There is no pattern metric '{key}'. There are: {', '.join(_FUNCTIONS)}.")
    function, pattern = _FUNCTIONS[key]
    if pattern and pattern not in patterns.patterns:
        return np.full(patterns.sink_share.shape, np.nan)
    return function(patterns)


def pattern_metric_floor(patterns: HeadPatterns, key: str) -> np.ndarray:
    """(L, H) what even spreading of the same weight outside the sinks would give; NaN without a floor."""
    _, pattern = _FUNCTIONS[key]
    if pattern not in patterns.patterns:
        return np.full(patterns.sink_share.shape, np.nan)
    return patterns.patterns[pattern].floor
