"""From a study of texts and first tokens to what its cards draw and say; pure, and work for a thread."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from modules.figures.band_lines import BandLine, band_lines
from modules.geometry_drawing import facts_of, layer_table, share_range
from modules.geometry_view import ends, share
from modules.quantity import SPACE, count
from modules.widgets.heatmap import Axes
from sinklens.analysis.residual_metrics import trajectories
from sinklens.analysis.sink_geometry import (
    SinkGeometry,
    geometry,
    held_out,
    interval,
    mean_cosines,
    mean_of_pairs,
    pooled,
    text_agreement,
)
from sinklens.analysis.sink_summary import count_of
from sinklens.geometry_records import SinkStudy

SHOWN = {
    "directionality": "cosine of a contribution to the mean",
    "explained": "share explained by the mean",
    "norm_ratio": "norm of the mean ÷ norm of the rest",
}
"""Measures with an interval."""
N_TEXT_CHARS = 28
ALWAYS_SAME = (
    " The one sink is the same token at the beginning of every text, and attention is causal: its value "
    "vector cannot differ, so only the weights vary here."
)
SAME_PLACE = (
    " The one sink is the same token at the beginning of every text, but attention goes both ways: its value "
    "vector takes in the text, so that it may differ from text to text."
)


@dataclass(frozen=True, eq=False)
class StudyDrawing:
    """All numbers of a study. F rows of first tokens, the texts' own first; N texts."""

    study: SinkStudy
    own: SinkGeometry
    """All texts as they are, together."""
    every: SinkGeometry
    """All texts with all first tokens together; equals `own` without other first tokens."""
    by_text: tuple[SinkGeometry, ...]
    held_out: tuple[SinkGeometry, ...]
    """Every text with the mean of the others as mu."""
    agreement: np.ndarray
    """(N, L) cosine of a text's mean to the mean of the others."""
    cosines: np.ndarray
    """(L, F, F) between the means of first tokens."""
    bands: dict[str, tuple[np.ndarray, np.ndarray]]
    """Intervals over texts, (L + 1,) each, the mean over layers last; by "own " or "every " and a measure,
    and "pairs"; empty with too few texts."""
    points: np.ndarray
    """(L, F, N, 2) means of single texts on the plane of each layer."""
    explained: np.ndarray
    """(L, 2) variance along the axes of those planes."""

    @property
    def names(self) -> list[str]:
        """What the F rows are called."""
        labels = {part.first_label for part in self.study.own}
        own = f"{labels.pop()} (own)" if len(labels) == 1 else "own first tokens"
        return [own, *(row[0].first_label for row in self.study.replaced)]

    @property
    def pairs(self) -> np.ndarray:
        """(L,) mean cosine between the means of two first tokens."""
        return mean_of_pairs(self.cosines)


def draw_study(study: SinkStudy) -> StudyDrawing:
    """Everything that the cards of a study show."""
    rows = [[part.sums for part in row] for row in (study.own, *study.replaced)]
    means = np.stack([[geometry(part).mean for part in row] for row in rows])  # (F, N, L, d)
    planes = [trajectories(np.nan_to_num(means[:, :, layer])) for layer in range(means.shape[2])]
    return StudyDrawing(
        study=study,
        own=geometry(pooled(rows[0])),
        every=geometry(pooled([part for row in rows for part in row])),
        by_text=tuple(geometry(part) for part in rows[0]),
        held_out=tuple(held_out(rows[0])),
        agreement=text_agreement(rows[0]),
        cosines=mean_cosines(np.stack([geometry(pooled(row)).mean for row in rows])),
        bands=_bands(rows),
        points=np.stack([plane.points for plane in planes]),
        explained=np.stack([plane.explained for plane in planes]),
    )


def _bands(rows) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    names = [f"{scope} {measure}" for scope in ("own", "every") for measure in SHOWN] + ["pairs"]

    def measured(sums) -> np.ndarray:
        found = geometry(sums[0]), geometry(pooled(sums))
        values = [getattr(numbers, measure) for numbers in found for measure in SHOWN]
        values.append(mean_of_pairs(mean_cosines(np.stack([geometry(one).mean for one in sums]))))
        table = np.stack(values)
        return np.concatenate([table, _layer_mean(table)[:, None]], axis=1)

    ends = interval(rows, measured)
    return {} if ends is None else {name: (ends[0][i], ends[1][i]) for i, name in enumerate(names)}


def _layer_mean(values: np.ndarray) -> np.ndarray:
    """Mean over layers (the last axis) without those that have no number."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(-1)
    return np.divide(total, known.sum(-1), out=np.full(total.shape, np.nan), where=known.any(-1))


# --- sentences ----------------------------------------------------------------------------------------


def study_finding(found: StudyDrawing) -> str:
    """How constant the contribution is between texts, and whether the mean belongs to the first token."""
    n_texts, cosines = len(found.study.own), found.own.directionality
    if not np.isfinite(cosines).any():
        return f"In {count_of(n_texts, 'text')} the sinks contribute nothing in any layer."
    turned, _ = ends(cosines)
    plain = "they are" if n_texts > 1 else "it is"
    texts = (
        f"{count_of(n_texts, 'text')} as {plain}: cosine to the common mean {_layer_mean(cosines):.2f} on "
        f"average over layers{_within(found, 'own directionality')}, {cosines[turned]:.2f} in layer {turned}."
    )
    if n_texts > 1:
        held = _layer_mean(np.stack([numbers.explained for numbers in found.held_out]))
        texts += (
            f" The mean of the other texts explains {share(float(np.nanmedian(held)))} of a text (median)."
        )
    return texts


def first_token_finding(found: StudyDrawing) -> str:
    """Is the direction one of the sink, or one of the token that stands there?"""
    n_first = len(found.study.replaced)
    if not n_first:
        return "Other first tokens were not tried."
    pairs, agreement = found.pairs, _layer_mean(found.agreement.T)
    apart, alike = ends(pairs)
    own = (
        f"; between texts with their own first token {np.nanmean(agreement):.2f}"
        if len(found.agreement) > 1
        else ""
    )
    return (
        f"With {count_of(n_first, 'other first token')} in the same texts, means of two first tokens have a "
        f"cosine of {_layer_mean(pairs):.2f} on average over layers{_within(found, 'pairs')}{own}. Most "
        f"alike in layer {alike} ({pairs[alike]:.2f}), least in layer {apart} ({pairs[apart]:.2f})."
    )


def _within(found: StudyDrawing, name: str) -> str:
    if name not in found.bands:
        return ""
    low, high = (float(end[-1]) for end in found.bands[name])
    return f" (95{SPACE}% interval over texts {low:.2f} to {high:.2f})"


def texts_rest_on(found: StudyDrawing) -> str:
    """Which variation the numbers between texts are about, and what is trivial in them."""
    parts = found.study.own
    n = int(sum(part.sums.n_queries[0] for part in parts))
    firsts = Counter(part.first_label for part in parts)
    sets = Counter(part.sinks for part in parts)
    shown = "; ".join(
        f"{'token' if len(keys) == 1 else 'tokens'} {', '.join(map(str, keys))} in {count_of(times, 'text')}"
        for keys, times in sets.most_common(4)
    )
    rest = "" if len(sets) <= 4 else f"; {len(sets) - 4} other sets"
    begin = (
        f"all begin with {next(iter(firsts))}"
        if len(firsts) == 1
        else f"{len(firsts)} different first tokens"
    )
    trivial = ""
    if len(firsts) == 1 and set(sets) == {(0,)}:
        trivial = ALWAYS_SAME if all(part.is_causal for part in parts) else SAME_PLACE
    few = "" if found.bands else " Intervals need three texts."
    rests = f"Rests on {count_of(len(parts), 'text')} with {count(n)} queries; {begin}."
    return f"{rests} Sinks: {shown}{rest}.{trivial}{few}"


def first_tokens_rest_on(found: StudyDrawing) -> str:
    """Which variation the numbers between first tokens are about."""
    if not found.study.replaced:
        return ""
    inside = sum(0 in part.sinks for part in found.study.own)
    n = len(found.study.own)
    outside = (
        ""
        if inside == n
        else f" In {n - inside} of {n} texts token 0 is no sink and only changes them from afar."
    )
    return (
        "Rests on the same texts, each read again with another token at position 0 and the same positions as "
        "sinks. The intervals draw texts, not first tokens: other first tokens may behave otherwise."
        + outside
    )


def skipped_sentences(study: SinkStudy) -> list[str]:
    """What was left out, and why."""
    return [f"Left out: {_short(item.what)}. {item.reason}" for item in study.skipped]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= N_TEXT_CHARS else f"“{line[:N_TEXT_CHARS]} …”"


# --- charts -------------------------------------------------------------------------------------------


def texts_chart(found: StudyDrawing, measure: str) -> go.Figure:
    """One measure by layer: texts together, held out, and with all first tokens together."""
    lines = [
        BandLine(
            "texts, own first token", getattr(found.own, measure), "var(--sl-side-a)",
            band=_band(found, f"own {measure}"),
            points=np.stack([getattr(g, measure) for g in found.by_text]),
        )
    ]  # fmt: skip
    if len(found.by_text) > 1:
        held = _layer_mean(np.stack([getattr(g, measure) for g in found.held_out]).T)
        lines.append(BandLine("mean of the other texts", held, "var(--sl-good)", "square", "dash"))
    if found.study.replaced:
        lines.append(
            BandLine(
                "all first tokens together", getattr(found.every, measure), "var(--sl-side-b)", "diamond",
                "dot", band=_band(found, f"every {measure}"),
            )
        )  # fmt: skip
    if measure == "norm_ratio":
        return band_lines(lines, y_title="ratio", log=True)
    limits = share_range(*(line.values for line in lines))
    title = "cosine" if measure == "directionality" else "share"
    return band_lines(lines, y_title=title, y_range=limits)


def pairs_chart(found: StudyDrawing) -> go.Figure:
    """Cosine of means by layer: between texts, and between first tokens."""
    lines = []
    if len(found.agreement) > 1:
        lines.append(
            BandLine(
                "between texts", _layer_mean(found.agreement.T), "var(--sl-side-a)", points=found.agreement
            )
        )
    if found.study.replaced:
        band = _band(found, "pairs")
        lines.append(
            BandLine("between first tokens", found.pairs, "var(--sl-side-b)", "diamond", "dot", band=band)
        )
    nothing = BandLine("nothing to compare", np.full(len(found.cosines), np.nan), "var(--sl-floor)")
    limits = share_range(*(line.values for line in lines))
    return band_lines(lines or [nothing], y_title="cosine of means", y_range=limits)


def _band(found: StudyDrawing, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    band = found.bands.get(name)
    return None if band is None else (band[0][:-1], band[1][:-1])


def cosine_axes(found: StudyDrawing) -> Axes:
    """First tokens down and across."""
    return Axes(
        rows=found.names,
        columns=found.names,
        row_name="mean with",
        column_name="mean with",
        empty_text="nothing is contributed",
        hint="Point at a cell to read it.",
        unit="cosine",
        in_cells=True,
        cell_max=(64, 44),
    )


def text_names(study: SinkStudy) -> list[str]:
    """Beginnings of the texts."""
    return [_short(part.text) for part in study.own]


# --- files --------------------------------------------------------------------------------------------


def study_table(found: StudyDrawing) -> pd.DataFrame:
    """One row per layer and scope, in the columns of `layer_table`, with intervals and what rows rest on."""
    study = found.study
    rows = (study.own, *study.replaced)
    parts = [("text", geometry(part.sums), facts_of(part)) for row in rows for part in row]
    parts += [
        ("text, mean of the other texts", numbers, facts_of(part))
        for numbers, part in zip(found.held_out, study.own, strict=True)
    ]
    parts += [
        (
            "all texts",
            geometry(pooled([part.sums for part in row])),
            {"stream": study.stream, "first_token": name},
        )
        for row, name in zip(rows, found.names, strict=True)
    ]
    parts.append(("all texts and first tokens", found.every, {"stream": study.stream}))
    frames = [layer_table(numbers).assign(scope=scope, **facts) for scope, numbers, facts in parts]
    table = pd.concat(frames, ignore_index=True).assign(model=study.model, sink_rule=study.rule.sentence())
    for name, (low, high) in found.bands.items():
        scope, _, measure = name.partition(" ")
        wanted = {"own": ("all texts", found.names[0]), "every": ("all texts and first tokens", None)}.get(
            scope
        )
        if wanted is None:
            continue
        at = table["scope"] == wanted[0]
        at &= True if wanted[1] is None else table["first_token"] == wanted[1]
        table.loc[at, f"{measure}_low"], table.loc[at, f"{measure}_high"] = low[:-1], high[:-1]
    return table


def study_vectors(found: StudyDrawing) -> dict[str, np.ndarray]:
    """By name, (L, width): the mean over all texts for every first token."""
    rows = (found.study.own, *found.study.replaced)
    ids = ["own", *(str(row[0].first_id) for row in found.study.replaced)]
    return {
        f"mean.first_token.{first}": geometry(pooled([part.sums for part in row])).mean
        for first, row in zip(ids, rows, strict=True)
    }


def study_facts(study: SinkStudy) -> str:
    """What the numbers rest on, for the caption of a figure."""
    return f"{study.model} (revision {study.revision}), {len(study.texts)} texts"
