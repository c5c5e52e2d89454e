"""What a number becomes when tokens are replaced: one at a time, or more and more of them in an order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from sinklens.attribution_records import Attribution, ErasureCurve
from sinklens.bias.scored_text import ScoredText
from sinklens.errors import BadSelection, RunCancelled

N_RANDOM = 10
N_POINTS_MAX = 20
ORDERS = ("deletion", "insertion")


def leave_one_out(
    scored: ScoredText,
    baseline: str = "pad",
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Attribution:
    """The change of the number when one token alone is replaced by the baseline: F(x) - F(x without t).

    Special tokens, and the token that is predicted at its mask, are never replaced and score 0. Source:
    occlusion (Zeiler & Fergus 2014); Li, Monroe & Jurafsky 2016 (arXiv 1612.08220).

    Raises
    ------
    BadSelection
        As `ScoredText.baseline`.
    RunCancelled
        Between two batches.
    """
    places = np.flatnonzero(scored.replaceable)
    kept = np.ones((len(places) + 2, len(scored.ids)), bool)
    kept[np.arange(len(places)), places] = False
    kept[-2, scored.replaceable] = False  # all are replaced; the last row is the text itself
    values = scored.of_many(_replaced(scored, baseline, kept, is_cancelled))
    scores = np.zeros(len(scored.ids))
    scores[places] = values[-1] - values[:-2]
    return Attribution(
        method="leave one out",
        scores=scores,
        target=scored.sentence,
        value=float(values[-1]),
        baseline=baseline,
        baseline_value=float(values[-2]),
        n_passes=len(kept),
    )


def erasure_curves(
    scored: ScoredText,
    attributions: Sequence[Attribution],
    order: str = "deletion",
    baseline: str = "pad",
    *,
    is_excluded: np.ndarray | None = None,
    n_random: int = N_RANDOM,
    seed: int = 0,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> tuple[ErasureCurve, ...]:
    """The number while tokens are replaced in the order of each attribution, and in the same random orders.

    Deletion takes the most important tokens away first (DeYoung et al. 2020, arXiv 1911.03429:
    comprehensiveness); insertion begins with nothing and puts them back first (sufficiency). Tokens are
    ordered by the size of their scores, whatever their sign.

    Parameters
    ----------
    is_excluded : bool array (T,) of tokens that stay as they are, such as sinks

    Raises
    ------
    BadSelection
        An unknown order or baseline, or no token to replace.
    RunCancelled
    """
    if order not in ORDERS:
        raise BadSelection(f"Curves are for {' or '.join(ORDERS)}; got '{order}'.")
    free = scored.replaceable if is_excluded is None else scored.replaceable & ~np.asarray(is_excluded, bool)
    places = np.flatnonzero(free)
    if not len(places):
        raise BadSelection("The text has no token that could be replaced.")
    counts = np.unique(np.linspace(0, len(places), min(len(places), N_POINTS_MAX) + 1).round().astype(int))
    rng = np.random.default_rng(seed)
    by_score = [places[np.argsort(-a.importance[places], kind="stable")] for a in attributions]
    orders = [*by_score, *(rng.permutation(places) for _ in range(n_random))]
    kept = np.concatenate([_kept_masks(len(scored.ids), o, counts, places, order) for o in orders])

    def watched() -> Iterator[torch.Tensor]:
        for number, embeddings in enumerate(_replaced(scored, baseline, kept, is_cancelled)):
            on_progress(number / len(kept), f"pass {number + 1} of {len(kept)}")
            yield embeddings

    values = scored.of_many(watched()).reshape(len(orders), len(counts))
    full, empty = (values[0, 0], values[0, -1]) if order == "deletion" else (values[0, -1], values[0, 0])
    n = len(attributions)
    return tuple(
        ErasureCurve(
            method=attribution.method,
            order=order,
            shares=counts / len(places),
            values=values[index],
            random=values[n:],
            full=float(full),
            empty=float(empty),
            target=scored.sentence,
            baseline=baseline,
        )
        for index, attribution in enumerate(attributions)
    )


def _kept_masks(n_tokens: int, ordered: np.ndarray, counts: np.ndarray, places: np.ndarray, order: str):
    """(n, T) bool: which tokens are themselves at every point of a curve."""
    kept = np.ones((len(counts), n_tokens), bool)
    if order == "insertion":
        kept[:, places] = False
    for row, count in enumerate(counts):
        kept[row, ordered[:count]] = order == "insertion"
    return kept


def _replaced(
    scored: ScoredText, baseline: str, kept: np.ndarray, is_cancelled: Callable[[], bool]
) -> Iterator[torch.Tensor]:
    """(T, d) embeddings for every row of a mask, the others replaced by the baseline."""
    embeddings, empty = scored.embeddings(), scored.baseline(baseline)
    for row in kept:
        if is_cancelled():
            raise RunCancelled("The perturbation was stopped.")
        yield torch.where(torch.from_numpy(row).to(embeddings.device)[:, None], embeddings, empty)
