"""Two runs beside each other: everything that the Compare page says, computed together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sinklens.analysis.head_matching import (
    HeadFeatures,
    HeadMatching,
    layer_similarity,
    map_features,
    match_heads,
    profile_features,
)
from sinklens.analysis.layer_matching import LayerMatch, match_by_depth, match_by_likeness
from sinklens.analysis.loss_difference import LossDifference, loss_difference, next_token_losses
from sinklens.analysis.metric_delta import metric_deltas
from sinklens.analysis.prediction_difference import prediction_table
from sinklens.analysis.projection import grouped_received, project_map
from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.analysis.sink_change import change_sentence, received_table, sink_changes
from sinklens.analysis.token_alignment import TokenAlignment, align_tokens
from sinklens.errors import BadSelection
from sinklens.prediction_records import Predictions
from sinklens.records import Prompt
from sinklens.results import Capture

NO_SHARED_TEXT = (
    "The two texts have no word in common, so that maps and heads cannot be compared cell by cell; the "
    "numbers of each run stand beside each other all the same."
)


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two runs, and the attention stream that is compared."""

    capture: Capture
    stream: str
    summary: RunSummary

    @property
    def profile(self):
        return self.capture.profile(self.stream)

    @property
    def keys(self) -> Prompt:
        return self.capture.key_prompt(self.stream)

    @property
    def queries(self) -> Prompt:
        return self.capture.query_prompt(self.stream)

    @property
    def predicted(self) -> Prompt:
        """The text that is predicted: the decoder's where there is one."""
        return self.capture.target or self.capture.prompt


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two runs have in common and what not; differences are always A - B."""

    a: Side
    b: Side
    queries: TokenAlignment
    keys: TokenAlignment
    """The same object as `queries` except in cross-attention."""
    text: TokenAlignment
    """Of the tokens that are predicted."""
    metrics: pd.DataFrame
    """Of `metric_deltas`."""
    sinks: pd.DataFrame
    """Of `sink_changes`."""
    sinks_sentence: str
    layers: dict[str, LayerMatch]
    """By rule; "best" is missing where no two layers can be compared."""
    heads: HeadMatching | None
    heads_missing: str
    """Why `heads` is None; empty otherwise."""
    predictions: pd.DataFrame
    """Of `prediction_table`; empty where `predictions_missing` says why."""
    predictions_missing: str
    kl_missing: str
    """Why there is no KL divergence; empty where there is."""
    loss: LossDifference | None
    loss_missing: str

    def received(self, definition: str) -> pd.DataFrame:
        """Attention that every group receives on both sides, of `received_table`."""
        return received_table(self.a.profile, self.b.profile, self.keys, definition)

    def projected(self, side: str, weights: np.ndarray) -> np.ndarray:
        """One side's map (..., Q, K) on the groups of the alignment."""
        return project_map(weights, self.queries, self.keys, side)


@dataclass(frozen=True, eq=False)
class Predicted:
    """What is known of the predictions of both sides before they are compared."""

    a: Predictions | None
    b: Predictions | None
    losses: tuple[np.ndarray, np.ndarray] | None
    """(T,) nats of both sides, of one kind; None where `missing` says why."""
    missing: str = ""
    kl: dict[int, float] | None = None
    """By group of the text's alignment; None where `kl_missing` says why."""
    kl_missing: str = ""


def side_of(capture: Capture, stream: str) -> Side:
    """A side that is compared in one of its streams, in the main one where it lacks that."""
    name = stream if stream in capture.profiles else capture.main_stream
    return Side(capture, name, run_summary(capture, name))


def alignments_of(a: Side, b: Side, unit: str) -> tuple[TokenAlignment, TokenAlignment, TokenAlignment]:
    """Of the queries, of the keys, and of the tokens that are predicted; one object where they are one."""
    queries = align_tokens(a.queries, b.queries, unit)
    is_square = a.keys is a.queries and b.keys is b.queries
    keys = queries if is_square else align_tokens(a.keys, b.keys, unit)
    is_text = a.predicted is a.queries and b.predicted is b.queries
    return queries, keys, queries if is_text else align_tokens(a.predicted, b.predicted, unit)


def compare(
    a: Side,
    b: Side,
    alignments: tuple[TokenAlignment, TokenAlignment, TokenAlignment],
    maps: tuple[np.ndarray, np.ndarray] | None,
    predicted: Predicted,
) -> Comparison:
    """Put everything together; work for a thread.

    Parameters
    ----------
    alignments : of `alignments_of`
    maps : (L, H, Gq, Gk) projected maps of all heads of both sides; None to compare heads by profile
    """
    queries, keys, text = alignments
    received = received_table(a.profile, b.profile, keys)
    sinks = sink_changes(received, a.summary.tokens, b.summary.tokens, keys)
    features, heads_missing = _features(a, b, keys, maps)
    heads = None if features is None else _matched(a, b, features)
    pairs = () if predicted.a is None or predicted.b is None else (predicted.a, predicted.b)
    return Comparison(
        a=a,
        b=b,
        queries=queries,
        keys=keys,
        text=text,
        metrics=metric_deltas(a.capture, b.capture, a.stream, b.stream, (a.summary, b.summary)),
        sinks=sinks,
        sinks_sentence=change_sentence(sinks, a.summary.tokens, b.summary.tokens),
        layers=_layers(a, b, features),
        heads=heads,
        heads_missing=heads_missing,
        predictions=prediction_table(*pairs, text, predicted.kl) if pairs else pd.DataFrame(),
        predictions_missing=predicted.missing,
        kl_missing=predicted.kl_missing,
        loss=None
        if predicted.losses is None
        else loss_difference(predicted.losses, (a.predicted, b.predicted), text),
        loss_missing=predicted.missing,
    )


def next_token(a: Side, b: Side) -> Predicted:
    """Predictions and losses of two runs that both predict what follows; the reason where they do not."""
    for side in (a, b):
        if side.capture.predictions is None or side.capture.predictions.kind != "next":
            return Predicted(None, None, None, _not_next(a, b))
    losses = [next_token_losses(side.capture.token_loss, len(side.predicted)) for side in (a, b)]
    if any(loss is None for loss in losses):
        return Predicted(a.capture.predictions, b.capture.predictions, None, "A run has no loss.")
    return Predicted(a.capture.predictions, b.capture.predictions, (losses[0], losses[1]))


def is_masked(side: Side) -> bool:
    """Does the model predict a token that is masked?"""
    model = side.capture.model
    return model.kind == "encoder" and model.has_lm_head and model.mask_token is not None


def _not_next(a: Side, b: Side) -> str:
    said = []
    for name, side in (("A", a), ("B", b)):
        kind = "predicts no tokens"
        if is_masked(side):
            kind = "predicts a masked token from both sides of it"
        elif side.capture.predictions is not None:
            kind = "predicts the next token"
        said.append(f"side {name} ({side.capture.model.name}) {kind}")
    return f"Not applicable: {said[0]}, {said[1]}. Their losses do not measure the same thing."


def _features(
    a: Side, b: Side, keys: TokenAlignment, maps: tuple[np.ndarray, np.ndarray] | None
) -> tuple[tuple[HeadFeatures, HeadFeatures] | None, str]:
    if not keys.n_shared_text:
        return None, NO_SHARED_TEXT
    found = map_features(*maps) if maps is not None else None
    if found is None:
        sides = [grouped_received(side.profile, keys, name) for name, side in (("A", a), ("B", b))]
        found = profile_features(*sides)
    if found is None:
        return None, "The sides share too few tokens to compare the shape of their heads."
    return found, ""


def _matched(a: Side, b: Side, features: tuple[HeadFeatures, HeadFeatures]) -> HeadMatching:
    """Heads of one model keep their numbers; those of two models are assigned."""
    is_one_model = a.capture.model.revision == b.capture.model.revision and a.stream == b.stream
    return match_heads(*features, rule="same" if is_one_model else "best")


def _layers(a: Side, b: Side, features: tuple[HeadFeatures, HeadFeatures] | None) -> dict[str, LayerMatch]:
    found = {"depth": match_by_depth(a.profile.n_layers, b.profile.n_layers)}
    if features is not None:
        with suppress(BadSelection):  # every layer is flat on the shared tokens: only the depth is left
            found["best"] = match_by_likeness(layer_similarity(*features))
    return found
