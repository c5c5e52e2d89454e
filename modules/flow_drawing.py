"""From maps and wishes to what the Flow page draws; pure, and work for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modules.quantity import percent
from sinklens.analysis.attention_flow import attention_flow
from sinklens.analysis.head_map import without_keys
from sinklens.analysis.rollout import rollout, without_sinks
from sinklens.analysis.words import Word, merge_words, words_of
from sinklens.results import Capture

N_FLOW_TOKENS_MAX = 96
"""Attention flow takes one maximum flow for every token; beyond this it would take minutes."""


@dataclass(frozen=True, eq=False)
class LinkDrawing:
    """Lines between the tokens, or the words, of a text."""

    weights: np.ndarray
    """(Q, K), NaN where nothing is visible"""
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    marked: tuple[int, ...]
    """Columns that are sinks."""
    first_token: tuple[int, ...]
    """By column: the token that a click selects."""
    finding: str


def draw_links(
    capture: Capture,
    stream: str,
    weights: np.ndarray,
    *,
    source: str,
    as_words: bool,
    sinks: tuple[int, ...],
    hides_sinks: bool,
) -> LinkDrawing:
    """Merge, hide and label one map.

    Parameters
    ----------
    weights : (Q, K), NaN or 0 where a query cannot see
    source : whose attention it is, as the beginning of a sentence
    sinks : key positions
    """
    queries, keys = _single(capture.query_prompt(stream)), _single(capture.key_prompt(stream))
    if as_words:
        queries, keys = words_of(capture.query_prompt(stream)), words_of(capture.key_prompt(stream))
        weights = merge_words(weights, queries, keys)
    marked = tuple(i for i, word in enumerate(keys) if set(word.tokens) & set(sinks))
    if hides_sinks and marked:
        weights = without_keys(weights, marked)
    labels = tuple(word.label for word in keys)
    return LinkDrawing(
        weights=np.asarray(weights, np.float32),
        queries=tuple(word.label for word in queries),
        keys=labels,
        marked=() if hides_sinks else marked,
        first_token=tuple(word.tokens[0] for word in keys),
        finding=_most_looked_at(weights, labels, source, hides_sinks and bool(marked)),
    )


@dataclass(frozen=True, eq=False)
class RolloutDrawing:
    """How the input is mixed into one layer's positions."""

    rolled: np.ndarray
    """(T, T) part of each position (row) that comes from each input token, NaN where it cannot."""
    finding: str


def draw_rollout(
    capture: Capture,
    stream: str,
    maps: np.ndarray,
    *,
    layer: int,
    residual_share: float,
    position: int,
    sinks: tuple[int, ...],
) -> RolloutDrawing:
    """Roll the layers up to one of them.

    Parameters
    ----------
    maps : (L, T, T) mean over the heads of each layer
    position : row that the sentence is about
    sinks : columns that are left out before rolling; none for plain rollout
    """
    rolled = rollout(_without(maps, sinks)[: layer + 1], residual_share)[-1]
    if capture.profile(stream).is_causal:
        rolled = np.where(np.tri(len(rolled), dtype=bool), rolled, np.nan)
    labels = capture.key_prompt(stream).labels
    return RolloutDrawing(rolled.astype(np.float32), rollout_sentence(rolled, labels, layer, position))


@dataclass(frozen=True, eq=False)
class Sources:
    """Where one position of the last layer gets its content from, by three measures."""

    position: int
    labels: tuple[str, ...]
    attention: np.ndarray
    """(T,) weight of the last layer, mean over its heads."""
    rolled: np.ndarray
    """(T,)"""
    flow: np.ndarray | None
    """(T,) maximum flow over the sum of all flows; None for a long text."""


def find_sources(
    capture: Capture,
    stream: str,
    maps: np.ndarray,
    *,
    residual_share: float,
    position: int,
    sinks: tuple[int, ...],
) -> Sources:
    """Attention, rollout and flow of one position; errors as `attention_flow`."""
    kept = _without(maps, sinks)
    flow = None
    if len(kept[0]) <= N_FLOW_TOKENS_MAX:
        reachable = np.arange(position + 1 if capture.profile(stream).is_causal else len(kept[0]))
        flow = np.zeros(len(kept[0]))
        flow[reachable] = attention_flow(kept, position, reachable, residual_share)
        flow = flow / max(flow.sum(), 1e-12)
    return Sources(
        position=position,
        labels=tuple(capture.key_prompt(stream).labels),
        attention=kept[-1, position],
        rolled=rollout(kept, residual_share)[-1, position],
        flow=flow,
    )


def rollout_sentence(rolled: np.ndarray, labels: Sequence[str], layer: int, position: int) -> str:
    """The largest source of a position in words."""
    row = np.nan_to_num(rolled[position])
    top = int(row.argmax())
    name = f"{labels[position]} ({position})"
    if top == position:
        others = np.where(np.arange(len(row)) == position, -1.0, row)
        second = int(others.argmax())
        rest = (
            f"; next is {labels[second]} ({second}) with {percent(row[second])}" if others[second] > 0 else ""
        )
        return f"After layer {layer}, {percent(row[top])} of {name} is still its own input{rest}."
    return (
        f"After layer {layer}, {percent(row[top])} of {name} comes from {labels[top]} ({top}), "
        f"{percent(row[position])} is its own input."
    )


def _without(maps: np.ndarray, sinks: tuple[int, ...]) -> np.ndarray:
    if not sinks:
        return np.asarray(maps, np.float64)
    return without_sinks(maps, np.isin(np.arange(maps.shape[-1]), sinks))


def _single(prompt) -> tuple[Word, ...]:
    return tuple(Word(token.label, (token.index,), token.is_special) for token in prompt.tokens)


def _most_looked_at(weights: np.ndarray, labels: Sequence[str], source: str, is_rest: bool) -> str:
    received = np.nansum(weights, axis=0) / len(weights)
    top = int(received.argmax())
    what = "what does not go to a sink" if is_rest else "the attention"
    return f"{source}: {labels[top]} ({top}) gets most, {percent(received[top])} of {what}."
