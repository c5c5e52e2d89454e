"""What kind of head is this? A type with its evidence, judged on what the head does when it does not rest.

Judged on raw weights, nearly every head of a model with a sink is a "first-token head". Here the sinks'
columns are left out and the rest is read as the head's attention; how much of it rests is said beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.head_metrics import head_metric
from sinklens.analysis.head_patterns import HeadPatterns, Pattern
from sinklens.analysis.quantity import percent
from sinklens.results import Profile


@dataclass(frozen=True)
class HeadType:
    """A kind of head, with a letter so that colour is never the only cue."""

    name: str
    letter: str
    sentence: str


@dataclass(frozen=True)
class TypeThresholds:
    """Every number that a type depends on."""

    excess: float = 0.3
    """A pattern names a head when it takes this part of what is possible above its floor."""
    clear_excess: float = 0.5
    """From here on, and with `margin` to the runner-up, the type is called clear."""
    margin: float = 0.15
    near_excess: float = 0.5
    """A head without a pattern is local when it stays this far above the floor of the near keys."""
    diffuse_entropy: float = 0.9
    """Part of the largest possible entropy from which a head without a pattern is diffuse."""
    resting_share: float = 0.95
    """With more on the sinks there is too little left to be judged."""
    dormant_share: float = 0.5
    """Dormant: more than this on sinks, and an output below `dormant_norm` of the layer's mean."""
    dormant_norm: float = 0.5


TYPES: dict[str, HeadType] = {
    kind.name: kind
    for kind in (
        HeadType("previous token", "P", "Looks at the token before."),
        HeadType("two before", "B", "Looks at the token before the last one."),
        HeadType("current token", "C", "Looks at its own token."),
        HeadType("next token", "N", "Looks at the token after."),
        HeadType("duplicate token", "D", "Looks at other places where its own token stands."),
        HeadType("induction", "I", "Looks at what followed its own token elsewhere: the copy of a pattern."),
        HeadType("same word", "=", "Looks at the other pieces of its own word."),
        HeadType(
            "syntactic", "Y", "Looks along the arcs of syntax: at what governs its word or depends on it."
        ),
        HeadType("entity", "E", "Looks at names of persons, places and organisations."),
        HeadType("content word", "W", "Looks at nouns, verbs, adjectives, adverbs and numbers."),
        HeadType("function word", "F", "Looks at articles, prepositions, pronouns and other small words."),
        HeadType("punctuation", ".", "Looks at punctuation."),
        HeadType("line break", "↵", "Looks at line breaks."),
        HeadType("special token", "S", "Looks at special tokens that are no sink."),
        HeadType("local", "L", "Looks at near tokens, none of them in particular."),
        HeadType("diffuse", "U", "Spreads its attention almost evenly."),
        HeadType("mixed", "M", "No single pattern explains it."),
        HeadType("resting", "R", "Gives nearly everything to sinks; too little is left to be judged."),
    )
}
NAMED_BY = {
    "previous": "previous token",
    "two before": "two before",
    "self": "current token",
    "next": "next token",
    "duplicate": "duplicate token",
    "induction": "induction",
    "same word": "same word",
    "syntax": "syntactic",
    "entity": "entity",
    "content word": "content word",
    "function word": "function word",
    "punctuation": "punctuation",
    "line break": "line break",
    "special": "special token",
}
"""Pattern -> the type it names."""

PLACES = {
    "previous": "the token before",
    "two before": "the token two before",
    "self": "the own token",
    "next": "the token after",
    "duplicate": "the same token elsewhere",
    "induction": "what followed the same token elsewhere",
    "same word": "other pieces of the same word",
    "syntax": "what governs the word or depends on it",
    "entity": "names",
    "content word": "content words",
    "function word": "function words",
    "punctuation": "punctuation",
    "line break": "line breaks",
    "special": "special tokens",
}


def head_types(
    profile: Profile, patterns: HeadPatterns, thresholds: TypeThresholds | None = None
) -> pd.DataFrame:
    """One row per head.

    Columns: layer, head; type, confidence ("clear", "weak" or ""), score and runner_up (excess over the
    floor, 0..1), reason; sink_share, rest_entropy (0..1), output_norm (times its layer's mean), dormant
    (bool); and `<pattern>`, `<pattern>_raw`, `<pattern>_floor` for every pattern. NaN: not applicable.
    """
    thresholds = thresholds or TypeThresholds()
    layer, head = np.indices((profile.n_layers, profile.n_heads)).reshape(2, -1)
    output_norm = head_metric(profile, "output_norm_ratio")
    table = pd.DataFrame(
        {
            "layer": layer,
            "head": head,
            "sink_share": patterns.sink_share.ravel(),
            "rest_entropy": patterns.rest_entropy.ravel(),
            "output_norm": output_norm.ravel(),
            "dormant": (
                (patterns.sink_share > thresholds.dormant_share) & (output_norm < thresholds.dormant_norm)
            ).ravel(),
        }
    )
    for name, pattern in patterns.patterns.items():
        table[name], table[f"{name}_raw"] = pattern.rest.ravel(), pattern.raw.ravel()
        table[f"{name}_floor"] = pattern.floor.ravel()
    scores = {name: type_score(patterns.patterns[name]) for name in NAMED_BY if name in patterns.patterns}
    verdicts = [_verdict(patterns, scores, (at, h), thresholds) for at, h in zip(layer, head, strict=True)]
    columns = ("type", "confidence", "score", "runner_up", "reason")
    for position, (name, values) in enumerate(
        zip(columns, zip(*verdicts, strict=True), strict=True), start=2
    ):
        table.insert(position, name, values)
    return table


def type_score(pattern: Pattern) -> np.ndarray:
    """(L, H) excess over the floor, 0..1.

    Of a token pattern: over the floor or over shuffled tokens, whichever is higher, and 0 where some
    shuffled copy does as well.
    """
    if pattern.shuffled is None:
        return np.nan_to_num(pattern.excess, nan=0.0)
    shuffled = np.nan_to_num(pattern.shuffled, nan=0.0)
    chance = np.maximum(shuffled.mean(axis=0), np.nan_to_num(pattern.floor, nan=0.0))
    beyond = (np.nan_to_num(pattern.rest, nan=0.0) - chance) / np.maximum(1 - chance, 1e-9)
    return np.where(np.nan_to_num(pattern.rest, nan=0.0) > shuffled.max(axis=0), beyond, 0.0)


def _verdict(patterns: HeadPatterns, scores, at: tuple[int, int], thresholds: TypeThresholds) -> tuple:
    """(type, confidence, score, runner-up's score, reason) of one head."""
    (best, name), (second, _), *_ = sorted(
        [(0.0, ""), (0.0, ""), *((float(score[at]), name) for name, score in scores.items())], reverse=True
    )
    left = 1 - patterns.sink_share[at]
    if patterns.sink_share[at] > thresholds.resting_share:
        return "resting", "", best, second, f"Only {percent(left)} of its attention does not go to a sink."
    if name and best >= thresholds.excess:
        is_clear = best >= thresholds.clear_excess and best - second >= thresholds.margin
        reason = _reason(patterns.patterns[name], PLACES[name], at, left)
        return NAMED_BY[name], "clear" if is_clear else "weak", best, second, reason
    kind, reason = _without_pattern(patterns, at, left, thresholds)
    return kind, "", best, second, reason


def _without_pattern(patterns: HeadPatterns, at, left: float, thresholds: TypeThresholds) -> tuple[str, str]:
    near = patterns.patterns.get("near")
    if near is not None and near.excess[at] >= thresholds.near_excess:
        return "local", _reason(near, "tokens at most four away", at, left)
    entropy = patterns.rest_entropy[at]
    if entropy >= thresholds.diffuse_entropy:
        return "diffuse", f"Outside the sinks its entropy is {percent(entropy)} of the largest possible."
    return "mixed", "No pattern takes a clear part of what does not go to a sink."


def _reason(pattern: Pattern, place: str, at: tuple[int, int], left: float) -> str:
    whole = "Of its attention" if left > 0.995 else f"Of the {percent(left)} that does not go to a sink"
    return (
        f"{whole}, {percent(pattern.rest[at])} goes to {place}; "
        f"spread evenly it would be {percent(pattern.floor[at])}."
    )
