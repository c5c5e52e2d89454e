"""A text with words exchanged: which words, both texts, and what changed in the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.compare_words import loss_finding, predictions_finding
from modules.widgets.heatmap import Axes, Picture, picture
from sinklens.analysis.comparison import Comparison
from sinklens.analysis.swap_effect import MODERATE, STABLE, SwapEffect, consistency_name, swap_effect
from sinklens.bias.aligned_tokens import token_pairs
from sinklens.bias.swap_lists import CATEGORY_NAMES
from sinklens.bias.swaps import SwapMatch, SwappedText
from sinklens.results import Capture

N_MAX_WORDS = 6


@dataclass(frozen=True, eq=False)
class PairFound:
    """Both runs, compared."""

    swapped: SwappedText
    comparison: Comparison
    effect: SwapEffect
    stream: str


def pair_found(
    swapped: SwappedText, a: Capture, b: Capture, comparison: Comparison, stream: str
) -> PairFound:
    """What the exchange did to attention, by head; errors as in `token_pairs` and `swap_effect`."""
    pairs = token_pairs(swapped, a.key_prompt(stream), b.key_prompt(stream))
    effect = swap_effect(
        a.profile(stream).received,
        b.profile(stream).received,
        (pairs.before, pairs.after),
        (pairs.swapped_before, pairs.swapped_after),
    )
    return PairFound(swapped, comparison, effect, stream)


def swap_choices(matches: tuple[SwapMatch, ...]) -> dict[str, str]:
    """Number of a match -> what it exchanges."""
    return {
        str(number): f"{match.text} → {match.replacement} ({CATEGORY_NAMES[match.category]})"
        for number, match in enumerate(matches)
    }


def found_sentence(matches: tuple[SwapMatch, ...]) -> str:
    """What there is to exchange."""
    if not matches:
        return "No word of the text stands in these lists: edit a list, or choose another text."
    words = ", ".join(f"“{match.text}”" for match in matches[:N_MAX_WORDS])
    more = f" and {len(matches) - N_MAX_WORDS} more" if len(matches) > N_MAX_WORDS else ""
    return f"{len(matches)} can be exchanged: {words}{more}."


def pair_finding(found: PairFound) -> str:
    """How attention on the exchanged words and on all others changed."""
    change, cosine = found.effect.swapped_change, found.effect.consistency
    layer, head = np.unravel_index(int(np.abs(change).argmax()), change.shape)
    words = ", ".join(f"“{m.text}” → “{m.replacement}”" for m in found.swapped.swaps[:N_MAX_WORDS])
    text = (
        f"{words}: the share of attention on these words changes by {_points(change.mean())} in the mean of "
        f"all heads (0 without an effect), most in head {layer}.{head}: {_points(change[layer, head])}."
    )
    if np.isnan(cosine).all():
        return f"{text} No other token is the same in both texts."
    low = np.unravel_index(int(np.nanargmin(cosine)), cosine.shape)
    return (
        f"{text} On all other tokens attention is {consistency_name(float(np.nanmedian(cosine)))} (median "
        f"cosine {np.nanmedian(cosine):.3f}; 1: unchanged), least in head {low[0]}.{low[1]} "
        f"({cosine[low]:.3f})."
    )


def outcome_list(found: PairFound) -> Tag:
    """Loss and predictions of both texts; A is the text as it was."""
    sentences = (loss_finding(found.comparison), predictions_finding(found.comparison))
    return ui.tags.ul(*map(ui.tags.li, sentences), class_="sl-list")


def text_pair(swapped: SwappedText) -> Tag:
    """Both texts, the exchanged words and articles marked."""
    before = [(a, b) for a, b, _, _ in (*swapped.spans, *swapped.articles)]
    after = [(a, b) for _, _, a, b in (*swapped.spans, *swapped.articles)]
    return ui.div(
        _side("A", swapped.before, before, "compare-a"),
        _side("B", swapped.after, after, "compare-b"),
        class_="sl-pair",
    )


def _side(name: str, text: str, spans: list[tuple[int, int]], kind: str) -> Tag:
    parts, done = [], 0
    for start, end in sorted(spans):
        parts += [text[done:start], ui.tags.mark(text[start:end], class_="bias-swapped", _add_ws=False)]
        done = end
    parts.append(text[done:])
    heading = ui.h3(f"Text {name}", class_=kind)
    return ui.tags.section(heading, ui.tags.p(*parts, class_="bias-text", dir="auto", _add_ws=False))


def change_picture(found: PairFound) -> Picture:
    """Layers down, heads across: change of the share on the exchanged words, percentage points."""
    change = 100 * found.effect.swapped_change
    readings = [
        f"Head {layer}.{head}: {value:+.2f} pp on exchanged words, cosine of the others "
        f"{found.effect.consistency[layer, head]:.3f}"
        for (layer, head), value in np.ndenumerate(change)
    ]
    axes = Axes(
        rows=[str(i) for i in range(change.shape[0])],
        columns=[str(i) for i in range(change.shape[1])],
        row_name="layer", column_name="head", unit="pp", square=False, flat=True, in_cells=True,
        texts=[f"{value:+.1f}" for value in change.ravel()], readings=readings, named_rows=True,
        cell_max=(64, 30), hint="Point at a cell to read it; click it to put the head in view.",
    )  # fmt: skip
    size = float(np.abs(change).max()) or 1e-6
    return picture(change, axes, label=pair_finding(found), low=-size, high=size)


def about() -> str:
    """How the numbers are to be read."""
    return (
        "Share: part of all attention that a head gives, B − A, in percentage points (pp). Other tokens are "
        f"aligned by their characters; a cosine from {STABLE} is called stable, from {MODERATE} moderate: a "
        "convention without a test behind it. One pair is one example; the benchmark below counts many."
    )


def _points(value: float) -> str:
    return f"{100 * value:+.2f} pp"
