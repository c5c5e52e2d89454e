"""What the residual stream says about a sink, in words and tables."""

from __future__ import annotations

import math
from collections.abc import Callable

from htmltools import Tag
from shiny import ui

from modules.dive import after
from modules.quantity import SPACE, percent
from modules.sink_words import number_row, number_table, plain, share, signed, times, words
from modules.widgets.word_cell import word_cell
from sinklens.analysis.secondary_sinks import COSINE_MIN, SecondarySinks
from sinklens.analysis.sink_birth import LargeDimension, SinkBirth, Writer
from sinklens.analysis.sink_summary import count_of

N_WRITERS, N_FOUND = 5, 12
LARGE_RATIO = 2.0
"""From twice the others' mean on a state is called large."""


def birth_sentence(born: SinkBirth, name: str) -> str:
    """When the token's state is largest beside the others', who wrote it, and whether it is massive."""
    ratio = born.ratios[born.peak]
    if math.isnan(ratio):
        return "Not applicable: a single token has no others to be compared with."
    where = (
        f"The state of {name} is largest beside the others {after(born.peak)}: {times(ratio)} their mean norm"
    )
    if ratio < LARGE_RATIO:
        return f"{where}, which is not large."
    top = born.writers[0] if born.writers else None
    wrote = (
        "" if top is None else f"; {writer_name(top)} brings {percent(top.amount / born.norms[born.peak])}"
    )
    return f"{where}{wrote}. {_massive(born)}"


def writers_table(born: SinkBirth) -> Tag:
    """Who wrote the state at its peak, the largest parts first, the rest in one row."""
    norm = float(born.norms[born.peak])
    shown, rest = born.writers[:N_WRITERS], born.writers[N_WRITERS:]
    rows = [number_row(writer_name(w), signed(w.amount), share(w.amount / norm)) for w in shown]
    if rest:
        amount = sum(writer.amount for writer in rest)
        rows.append(number_row(f"all {len(rest)} others", signed(amount), share(amount / norm)))
    rows.append(number_row("norm of the state", plain(norm), share(1.0), kind="sinks-total"))
    return number_table(("Written by", "amount", "share"), rows, label="Who wrote the state at its peak")


def birth_table(born: SinkBirth) -> Tag:
    """The largest numbers of the state at its peak."""
    rows = [
        ui.tags.tr(
            ui.tags.th(str(found.dimension), scope="row"),
            ui.tags.td(plain(found.value), class_="sl-num"),
            ui.tags.td(f"{plain(found.ratio)}{SPACE}×", class_="sl-num"),
            word_cell(_verdict(found)),
            word_cell(_most(found)),
        )
        for found in born.dimensions
    ]
    heads = ("Dimension", "value", "of the median", words("massive"), words("written most by"))
    return number_table(heads, rows, label="Largest numbers of the state at its peak")


def secondary_sentence(found: SecondarySinks, name: Callable[[int], str]) -> str:
    """How many tokens turn the opening token's way."""
    first, last = found.start - 1, found.end - 2
    states = f"after layer {first}" if first == last else f"after layers {first} to {last}"
    range_ = f"Between the largest growth of {name(found.opening)} and its largest fall ({states})"
    if not found.found:
        return f"{range_} no other token's state points its way (|cos| above {COSINE_MIN:g})."
    top, n = found.found[0], len(found.found)
    who = f"{count_of(n, 'other token')} {'points' if n == 1 else 'point'} its way"
    return f"{range_} {who}, longest {name(top.position)}, in {top.n_layers} of {found.n_range} states."


def secondary_table(
    found: SecondarySinks, name: Callable[[int], str], place: Callable[[int], str]
) -> Tag | None:
    """The tokens found, those that last longest first."""
    if not found.found:
        return None
    rows = [
        ui.tags.tr(
            ui.tags.th(ui.tags.bdi(name(sink.position), dir="auto"), scope="row"),
            ui.tags.td(f"{sink.n_layers} of {found.n_range}", class_="sl-num"),
            ui.tags.td(place(sink.first), class_="sl-num"),
            ui.tags.td(plain(sink.largest_cosine), class_="sl-num"),
            ui.tags.td(sink.label or "not applicable", class_="sl-num"),
        )
        for sink in found.found[:N_FOUND]
    ]
    heads = ("Token", "states", "first", "largest cosine", "published label")
    more = len(found.found) - N_FOUND
    return ui.div(
        number_table(heads, rows, label="Secondary sinks"),
        ui.p(f"And {more} more.", class_="sl-muted") if more > 0 else None,
    )


def writer_name(writer: Writer) -> str:
    """A summand in words."""
    return "embeddings" if writer.layer is None else f"{writer.name} of layer {writer.layer}"


def _massive(born: SinkBirth) -> str:
    if any(found.is_massive for found in born.dimensions):
        return "It has massive activations."
    top = born.dimensions[0]
    if top.is_relatively_massive:
        large = f"dimension {top.dimension} is {plain(top.ratio)}{SPACE}× the median"
        return f"No activation is massive by Sun's rule; {large}."
    return "No activation is massive."


def _verdict(found: LargeDimension) -> str:
    if found.is_massive:
        return "yes"
    return "for a small model" if found.is_relatively_massive else "no"


def _most(found: LargeDimension) -> str:
    if not found.writers:
        return "not known"
    return f"{writer_name(found.writers[0])} ({signed(found.writers[0].amount)})"
