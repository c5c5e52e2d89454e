"""Intervals and spreads in words and tables."""

from __future__ import annotations

import math

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.quantity import percent
from modules.sink_place import SinkPlace
from modules.sink_texts import TextsRead
from modules.sink_words import NONE, excess_text, number_row, number_table, share
from sinklens.analysis.interval import N_MIN, Interval
from sinklens.analysis.shares import N_TOKENS_MIN
from sinklens.analysis.sink_stability import Spread, Stability

N_HEADS = 8
N_ROUGH = 8


def interval_text(found: Interval) -> str:
    """The bounds and how they were found."""
    if found.method == "none":
        return "no interval"
    if found.method == "all equal":
        return "all values are equal"
    return f"{share(found.low)} to {share(found.high)} ({found.method})"


def queries_sentence(found: Interval, place: SinkPlace) -> str:
    """The share of the key with its interval."""
    name = place.named(place.key)
    if found.n == 0:
        return f"Not applicable: no query after the first can see {name}."
    if found.method == "none":
        return f"{name}: too few queries see it for an interval ({found.n}; at least {N_MIN} are needed)."
    return (
        f"{name} gets {percent(found.mean)} on average over {found.n} queries; 95 %: {interval_text(found)}."
    )


def interval_table(every: Interval, head: Interval, place: SinkPlace) -> Tag:
    """All heads together, and the head in view."""
    rows = [
        number_row("All heads", share(every.mean), interval_text(every), str(every.n)),
        number_row(f"Head {place.layer}.{place.head}", share(head.mean), interval_text(head), str(head.n)),
    ]
    heads = ("", "mean", "95 % interval", "queries")
    return number_table(heads, rows, label="Intervals over the queries")


def texts_sentence(found: TextsRead) -> str:
    """How much the first token's share differs from text to text."""
    if found.stability is None:
        return f"No text has {N_TOKENS_MIN} tokens or more, so none is averaged."
    n, spread = found.stability.n_counted, found.stability.spreads["share"]
    mean = percent(spread.interval.mean)
    if n < 2:
        return f"One text counts: the first token gets {mean}; a spread needs two texts."
    rough = " Fewer than eight texts: take the interval as rough." if n < N_ROUGH else ""
    return (
        f"Over {n} texts the first token gets {mean} on average in {found.model} (95 %: "
        f"{interval_text(spread.interval)}), from {percent(spread.low)} to {percent(spread.high)}, standard "
        f"deviation {_points(spread.sd)}.{rough}"
    )


def texts_table(found: Stability) -> Tag:
    """One row per text, then what they have in common."""
    rows = [
        number_row(
            ui.tags.bdi(item.name, dir="auto"),
            str(item.n_tokens),
            share(item.share),
            share(item.floor),
            excess_text(item.excess),
            share(item.rate),
            kind=None if item.counts else "sinks-uncounted",
        )
        for item in found.readings
    ]
    spreads = found.spreads
    rows += [
        _summary("mean", lambda s: s.interval.mean, spreads),
        _summary("standard deviation", lambda s: s.sd, spreads),
        _summary("least", lambda s: s.low, spreads),
        _summary("most", lambda s: s.high, spreads),
    ]
    rows.append(
        number_row(
            "95 % interval", "", _bounds(spreads["share"]), "", _bounds(spreads["excess"], excess_text),
            _bounds(spreads["rate"]),
        )
    )  # fmt: skip
    heads = ("Text", "tokens", "share", "uniform", "excess", "sink rate")
    return number_table(heads, rows, label="First token by text")


def heads_table(found: Stability) -> Tag:
    """The heads that rest most on the first token, and how steady they are."""
    order = np.argsort(-found.head_mean.ravel(), kind="stable")[:N_HEADS]
    rows = []
    for flat in order:
        layer, head = np.unravel_index(flat, found.head_mean.shape)
        at = (layer, head)
        rows.append(
            number_row(
                f"Head {layer}.{head}",
                share(found.head_mean[at]),
                _points(found.head_sd[at]),
                share(found.head_low[at]),
                share(found.head_high[at]),
            )
        )
    heads = ("Strongest heads", "mean", "sd", "least", "most")
    return number_table(heads, rows, label="First-token share by head, over texts")


def problem_list(found: TextsRead) -> Tag | None:
    """Texts that could not be read, and why."""
    notes = [ui.p(f"{name}: {sentence}", class_="sl-note") for name, sentence in found.problems]
    notes += [
        ui.p(
            f"{item.name}: {item.n_tokens} tokens, fewer than {N_TOKENS_MIN}; listed, not averaged.",
            class_="sl-note",
        )
        for item in found.readings
        if not item.counts
    ]
    return ui.div(*notes, class_="sl-note-list") if notes else None


def _summary(name: str, of, spreads: dict[str, Spread]) -> Tag:
    share_, excess, rate = (of(spreads[column]) for column in ("share", "excess", "rate"))
    is_sd = name == "standard deviation"
    return number_row(
        name,
        "",
        _points(share_) if is_sd else share(share_),
        "",
        excess_text(excess),
        _points(rate) if is_sd else share(rate),
        kind="sinks-total",
    )


def _bounds(spread: Spread, text=share) -> str:
    low, high = spread.interval.low, spread.interval.high
    return NONE if math.isnan(low) else f"{text(low)} to {text(high)}"


def _points(value: float) -> str:
    return NONE if math.isnan(value) else f"{100 * value:.1f} points"
