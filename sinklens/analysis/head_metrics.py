"""One number per head: each function takes a Profile and returns an array of shape (L, H).

NaN means not applicable; the definition's missing_note says when. All values are float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sinklens.analysis.metric_definition import MetricDefinition, definition_of
from sinklens.analysis.received import excess_over
from sinklens.analysis.shares import share_by_head, share_floor
from sinklens.analysis.uniform_profile import uniform_profile
from sinklens.errors import BadSelection
from sinklens.results import Profile


def first_token_share(profile: Profile) -> np.ndarray:
    """Average weight that the queries after the first token put on it.

    Formula: mean over i ≥ 1 that see key 0 of A[i,0]
    Unit: share
    Range: 0 to 1
    Direction: High: the head rests on the first token. Low: it looks elsewhere. The uniform floor is the
        value of a head without any preference.
    Causal: Query 0 is left out, because it can only see itself.
    Missing: With a single token there is no other query.
    Source: Gu et al. 2025 (arXiv 2410.10781), without the first row; Guo et al. 2024 (arXiv 2410.13835).
    """
    return share_by_head(profile, "excluding_first")


def first_token_share_inclusive(profile: Profile) -> np.ndarray:
    """Average weight on the first token, its own query included: the number that most papers print.

    Formula: α₀ = mean over all i that see key 0 of A[i,0]
    Unit: share
    Range: 0 to 1
    Direction: High: the head rests on the first token. Short texts are flattered: uniform causal
        attention already scores H_T / T, 29 % on ten tokens.
    Causal: Query 0 counts with weight 1, because it can only see itself.
    Missing: Never.
    Source: Gu et al. 2025 (arXiv 2410.10781), importance score α₁.
    """
    return share_by_head(profile, "eligible")


def first_token_excess(profile: Profile) -> np.ndarray:
    """First-token share above what uniform attention would give, as a part of what is possible above it.

    Formula: (s − floor) / (1 − floor), s the first-token share without query 0
    Unit: share
    Range: -inf to 1
    Direction: 0: as uniform attention. 1: everything goes to the first token. Negative: the head avoids it.
    Causal: The floor is the mean of 1/(i+1) over i ≥ 1, so texts of different lengths compare.
    Missing: With a single token, or where every query sees the first token only.
    Source: SinkLens; the correction for chance of Cohen's kappa.
    """
    floor = share_floor(profile, "excluding_first")[:, None]
    return excess_over(first_token_share(profile), floor)


def first_token_argmax_share(profile: Profile) -> np.ndarray:
    """Part of the queries whose largest weight is on the first token.

    Formula: #{i : argmax_k A[i,k] = 0} / #{i that see key 0}
    Unit: share
    Range: 0 to 1
    Direction: High: the first token wins almost every row, if only by a little.
    Causal: Query 0 is left out, because it can only see itself.
    Missing: With a single token in a causal model.
    Source: Kaul et al. 2024 (arXiv 2410.17174), %FirstAttn.
    """
    n_forced = int(profile.is_causal)
    return _ratio(profile.argmax_count[:, :, 0] - n_forced, profile.n_viewers[:, :1] - n_forced)


def first_token_effective_share(profile: Profile) -> np.ndarray:
    """Part of what the head writes that comes from the first token: weights times value sizes.

    Formula: e₀ = Σᵢ A[i,0]·‖v₀ W_O‖ / Σₖ Σᵢ A[i,k]·‖vₖ W_O‖, i ≥ 1
    Unit: share
    Range: 0 to 1
    Direction: Far below the first-token share: a no-op sink that absorbs weight and writes little.
        Near it: the first token really contributes.
    Causal: Query 0 is left out, because it can only see itself.
    Missing: Where the family gives no value vectors, or with a single token.
    Source: Kobayashi et al. 2020 (arXiv 2004.10102), norm-based attention.
    """
    written = (_float(profile.received) - profile.first_row) * profile.vo_norm
    return _ratio(written[:, :, 0], written.sum(axis=2))


def confidence_max(profile: Profile) -> np.ndarray:
    """The largest single weight anywhere in the map.

    Formula: max over i, k of A[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: at least one query is sure of one key. Low: no query is sure of anything.
    Causal: Rows that see only one key are left out (row 0): their weight is 1 by construction.
    Missing: With a single token.
    Source: Voita et al. 2019 (arXiv 1905.09418), confidence; Attention Atlas.
    """
    rows = _choosing_rows(profile)
    largest = np.where(rows, profile.row_max, -np.inf).max(axis=2)
    return np.where(rows.any(axis=2), largest, np.nan).astype(np.float64)


def confidence_average(profile: Profile) -> np.ndarray:
    """The largest weight of a row, averaged over the rows.

    Formula: mean over i of max_k A[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: every query picks one key. Low: weights are spread.
    Causal: Rows that see only one key are left out (row 0): their weight is 1 by construction.
    Missing: With a single token.
    Source: Voita et al. 2019 (arXiv 1905.09418), confidence; Attention Atlas.
    """
    return _mean(profile.row_max, _choosing_rows(profile))


def focus(profile: Profile) -> np.ndarray:
    """Entropy of the rows as a part of the largest entropy that is possible.

    Formula: Σᵢ −Σₖ A[i,k] ln A[i,k] / Σᵢ ln nᵢ, nᵢ the number of keys that query i sees
    Unit: share
    Range: 0 to 1
    Direction: High: diffuse, 1 is uniform attention. Low: focused, 0 is one key per query.
    Causal: Query i sees i+1 keys, so the ceiling is ln T!, not T ln T.
    Missing: With a single token.
    Source: Attention Atlas, Focus (normalised); Zhai et al. 2023 (arXiv 2303.06296), attention entropy.
    """
    rows = _choosing_rows(profile) & (profile.row_sum > 0)
    mass = np.where(rows, profile.row_sum, 1.0).astype(np.float64)
    # A learned sink takes part of the row; what is left is read as a distribution over keys.
    entropy = np.where(rows, profile.entropy / mass + np.log(mass), 0.0)
    ceiling = np.where(rows, np.log(np.maximum(profile.n_visible, 1))[:, None], 0.0)
    return np.clip(_ratio(entropy.sum(axis=2), ceiling.sum(axis=2)), 0, 1)  # float32 may pass a bound by 1e-7


def sparsity(profile: Profile) -> np.ndarray:
    """Part of the visible cells that carry less than 1/T.

    Formula: #{(i,k) visible : A[i,k] < 1/T} / #{(i,k) visible}
    Unit: share
    Range: 0 to 1
    Direction: High: a few cells hold all weight. Low: most cells take part; uniform attention scores 0.
    Causal: Only keys up to the own position count; masked cells are not zeros.
    Missing: Never.
    Source: Attention Atlas, Sparsity with τ = 1/T.
    """
    return _ratio(profile.n_below_uniform, profile.n_visible.sum(axis=1)[:, None])


def uniformity(profile: Profile) -> np.ndarray:
    """Standard deviation of the weights over the visible cells.

    Formula: √(mean A² − (mean A)²) over visible (i,k)
    Unit: none
    Range: 0 to 0.5
    Direction: High: less uniform, some cells stand far out. Low: cells are alike.
    Causal: Only keys up to the own position count. Uniform causal attention is above 0, because early rows
        share their weight among fewer keys.
    Missing: Never.
    Source: Attention Atlas, Uniformity (population standard deviation).
    """
    n_cells = profile.n_visible.sum(axis=1)[:, None]
    mean = _ratio(_float(profile.row_sum).sum(axis=2), n_cells)
    mean_square = _ratio(_float(profile.sum_squares).sum(axis=2), n_cells)
    return np.sqrt(np.maximum(mean_square - mean**2, 0))


def self_share(profile: Profile) -> np.ndarray:
    """Average weight of a query on its own position.

    Formula: mean over i of A[i,i]
    Unit: share
    Range: 0 to 1
    Direction: High: tokens attend to themselves.
    Causal: Rows that see only one key are left out (row 0): their weight is 1 by construction.
    Missing: In cross-attention, and with a single token.
    Source: Clark et al. 2019 (arXiv 1906.04341), attention to the current token.
    """
    return _mean(profile.self_share, _choosing_rows(profile))


def previous_token_share(profile: Profile) -> np.ndarray:
    """Average weight of a query on the position before its own.

    Formula: mean over i ≥ 1 of A[i,i−1]
    Unit: share
    Range: 0 to 1
    Direction: High: a previous-token head, the first half of an induction circuit.
    Causal: Query 0 has no previous token and is left out, in bidirectional models too.
    Missing: In cross-attention, and with a single token.
    Source: Clark et al. 2019 (arXiv 1906.04341); Olsson et al. 2022 (arXiv 2209.11895).
    """
    rows = _choosing_rows(profile) & (np.arange(profile.n_queries) >= 1)
    return _mean(profile.previous_share, rows)


def output_norm_ratio(profile: Profile) -> np.ndarray:
    """Size of what the head puts out, compared with the heads of the same layer.

    Formula: mean_i ‖Σₖ A[i,k] vₖ‖ / mean over the layer's heads of the same
    Unit: times
    Range: 0 to inf
    Direction: High: active. Low: dormant, the head hardly changes anything. 1 is the layer's mean.
    Causal: All queries count, the first one too.
    Missing: Where the family gives no value vectors.
    Source: Sandoval-Segura et al. 2026 (inactive heads), average head output norm, layer-normalised.
    """
    size = _float(profile.out_norm).mean(axis=2)
    return _ratio(size, size.mean(axis=1, keepdims=True))


def learned_sink_share(profile: Profile) -> np.ndarray:
    """Average weight that goes to no token: to a learned sink or an off-by-one denominator.

    Formula: mean over i of 1 − Σₖ A[i,k]
    Unit: share
    Range: 0 to 1
    Direction: High: the head uses its learned sink to do nothing. 0: every row sums to 1.
    Causal: All queries that see a key count.
    Missing: Never.
    Source: gpt-oss model code (one learned logit per head); Miller 2023, softmax off by one.
    """
    missing = _mean(1 - _float(profile.row_sum), profile.n_visible[:, None] > 0)
    return np.maximum(missing, 0)


METRICS: tuple[tuple[Callable[[Profile], np.ndarray], str], ...] = (
    (first_token_share, "First-token share"),
    (first_token_excess, "First-token excess over uniform"),
    (first_token_share_inclusive, "First-token share, first row included"),
    (first_token_argmax_share, "Rows won by the first token"),
    (first_token_effective_share, "First-token share of what is written"),
    (focus, "Focus (normalised entropy)"),
    (confidence_average, "Confidence, average"),
    (confidence_max, "Confidence, maximum"),
    (sparsity, "Sparsity"),
    (uniformity, "Uniformity (standard deviation)"),
    (self_share, "Self share"),
    (previous_token_share, "Previous-token share"),
    (output_norm_ratio, "Output norm in its layer"),
    (learned_sink_share, "Learned-sink share"),
)

HEAD_METRICS: dict[str, MetricDefinition] = {
    function.__name__: definition_of(function, name) for function, name in METRICS
}
"""All definitions by key, in the order of a menu."""

_FUNCTIONS = {function.__name__: function for function, _ in METRICS}


def head_metric(profile: Profile, key: str) -> np.ndarray:
    """(L, H) value of one metric for every head; BadSelection lists the keys there are."""
    if key not in _FUNCTIONS:
        raise BadSelection(f"There is no head metric '{key}'. There are: {', '.join(_FUNCTIONS)}.")
    return _FUNCTIONS[key](profile)


def head_metric_floor(profile: Profile, key: str) -> np.ndarray:
    """(L, H) value that heads with uniform attention over the same cells would have; NaN without one."""
    return head_metric(uniform_profile(profile), key)


def _choosing_rows(profile: Profile) -> np.ndarray:
    """(L, 1, Q) rows with more than one key to choose from."""
    return profile.n_visible[:, None] > 1


def _mean(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean over the queries marked in rows (L, 1, Q); NaN where none is marked."""
    return _ratio(np.where(rows, _float(values), 0.0).sum(axis=2), rows.sum(axis=2))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole in float64, NaN where whole is not positive."""
    part, whole = np.broadcast_arrays(_float(part), _float(whole))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _float(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float64)
