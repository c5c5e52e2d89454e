"""Edits of weights and of what heads write, against densely written attention and hand-made numbers.

python -m pytest tests/capture/test_edits.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sinklens.capture.attend import attend
from sinklens.capture.edits import LayerEdits
from sinklens.capture.scores import ScoreRules, attention_rows
from sinklens.errors import BadIntervention
from sinklens.interventions import (
    MaskKeys,
    MoveAttention,
    PatchContribution,
    ScaleColumns,
    StaticVectors,
)
from tests.capture.dense_attention import Dense
from tests.capture.tiny_models import TARGET, TEXT

CLOSE = {"atol": 1e-4, "rtol": 1e-4}
N_TOKENS = len(TEXT.split()) + 2


def vectors_for(layers: int = 3, heads: int = 4, width: int = 8, seed: int = 0) -> StaticVectors:
    return StaticVectors.of(np.random.default_rng(seed).normal(size=(layers, heads, width)))


def heads_of_layer_0(tiny_runs, capture) -> np.ndarray:
    """(T, H, D) what the heads of the first layer hand to the output projection."""
    return tiny_runs.engine.residual(capture).head_outputs["attention"][0]


def eager_maps(tiny_runs, family, ids) -> np.ndarray:
    """(L, H, T, T) transformers' own."""
    with torch.no_grad():
        outputs = tiny_runs.plain(family)(input_ids=torch.tensor([ids]), output_attentions=True)
    return np.stack([layer[0].numpy() for layer in outputs.attentions])


def written(edit, *, weights: torch.Tensor, v: torch.Tensor, is_causal: bool = True) -> torch.Tensor:
    """What heads (H, T, D) write under one edit when their weights are these (H, T, T), all positive."""
    n_heads, n_tokens, _ = v.shape
    # Scores are chosen by the bias alone: the logarithm of the weights.
    q = torch.zeros(n_heads, n_tokens, 1)
    rules = ScoreRules(scaling=1.0, is_causal=is_causal, bias=weights.clamp_min(1e-30).log())
    return attend(q, q, v, rules, LayerEdits.of((edit,), "self", 0))


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_factor_zero_is_the_arithmetic_of_sinkfix(tiny_runs, family):
    keys = [0, 3]
    edited = tiny_runs.capture(family, ScaleColumns(keys=tuple(keys), factor=0.0))
    expected = eager_maps(tiny_runs, family, edited.prompt.ids)[0].copy()
    expected[:, :, keys] = 0
    expected /= np.maximum(expected.sum(-1, keepdims=True), 1e-9)
    ours = [np.nan_to_num(tiny_runs.engine.head_map(edited, "self", 0, head).weights) for head in range(4)]
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    if family == "gpt2":  # query 0 sees token 0 alone
        assert (edited.profile().row_sum[:, :, 0] == 0).all()


@given(
    factor=st.floats(0, 10),
    keys=st.sets(st.integers(0, 8), min_size=1, max_size=9),
    seed=st.integers(0, 500),
    is_causal=st.booleans(),
)
def test_columns_are_scaled_within_what_a_row_has(factor, keys, seed, is_causal):
    generator = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(2, 9, 4, generator=generator) for _ in range(2))
    rules, rows = ScoreRules(scaling=1.0, is_causal=is_causal), slice(0, 9)
    before = attention_rows(q, k, rules, LayerEdits(), rows)[1].double()
    edits = LayerEdits.of((ScaleColumns(keys=tuple(keys), factor=factor),), "self", 0)
    after = attention_rows(q, k, rules, edits, rows)[1].double()
    assert (after >= 0).all()
    chosen, others = sorted(keys), sorted(set(range(9)) - keys)
    mass, rest = before[:, :, chosen].sum(-1), before[:, :, others].sum(-1)
    wanted = (factor * mass).clamp_max(1)
    torch.testing.assert_close(after[:, :, chosen].sum(-1), wanted, atol=1e-5, rtol=1e-4)
    has_rest = rest > 1e-3
    torch.testing.assert_close(after.sum(-1)[has_rest], torch.ones_like(rest[has_rest]), atol=1e-4, rtol=0)
    shares = [(after, 1 - wanted), (before, rest)]  # among the others, proportions stay
    crossed = [
        w[:, :, others] * total[..., None] for (w, _), (_, total) in zip(shares, shares[::-1], strict=True)
    ]
    torch.testing.assert_close(*crossed, atol=1e-4, rtol=0)


def test_a_key_that_is_named_twice_is_scaled_once(tiny_runs):
    once, twice = (
        tiny_runs.capture("gpt2", ScaleColumns(keys=keys, factor=0.5)).token_loss for keys in ((2,), (2, 2))
    )
    np.testing.assert_array_equal(once, twice)


# --- all attention to one token -------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_all_attention_to_a_token_writes_its_value_wherever_it_is_seen(tiny_runs, family):
    plain = tiny_runs.capture(family)
    moved = tiny_runs.capture(family, MoveAttention(to_key=3, pairs=((0, 1), (0, 2))))
    before, after = heads_of_layer_0(tiny_runs, plain), heads_of_layer_0(tiny_runs, moved)
    values = plain.states["self"][0].v
    first = 0 if family == "bert" else 3
    for head in (1, 2):
        value = values[head // (4 // len(values)), 3]
        np.testing.assert_allclose(after[first:, head], np.tile(value, (N_TOKENS - first, 1)), atol=1e-5)
    np.testing.assert_array_equal(after[:first], before[:first])
    np.testing.assert_array_equal(after[:, [0, 3]], before[:, [0, 3]])


@pytest.mark.parametrize("family", ["mistral", "gpt_oss"])
def test_moved_rows_keep_their_sum_and_windows_what_they_hide(tiny_runs, family):
    def gathered(layer, weights):
        is_seen = (weights[..., 1] > 0)[..., None]
        column = torch.zeros_like(weights)
        column[..., 1] = weights.sum(-1)
        return torch.where(is_seen, column, weights)

    moved = tiny_runs.capture(family, MoveAttention(to_key=1))
    expected = Dense(weights=gathered).states(tiny_runs.plain(family), moved.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(moved), expected, **CLOSE)


# --- patches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("denominator", ["true", "rest"])
@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "gpt_oss"])
def test_amount_zero_changes_nothing(tiny_runs, family, denominator):
    vectors = vectors_for(width=tiny_runs.capture(family).model.head_dim)
    patch = PatchContribution(keys=(0, 2), vectors=vectors, amount=0, denominator=denominator)
    plain, patched = tiny_runs.capture(family), tiny_runs.capture(family, patch)
    np.testing.assert_allclose(patched.hidden_norm, plain.hidden_norm, rtol=1e-6)
    np.testing.assert_allclose(patched.profile().received, plain.profile().received, atol=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "mistral", "bert"])
@pytest.mark.parametrize(
    ("amount", "scale", "denominator"), [(1, 1, "true"), (0.4, 2, "true"), (0.7, 1, "rest")]
)
def test_a_patch_replaces_what_keys_contribute(tiny_runs, family, amount, scale, denominator):
    vectors, keys = vectors_for(), [0, 4]
    patch = PatchContribution(
        keys=tuple(keys), vectors=vectors, amount=amount, scale=scale, denominator=denominator, heads=(0, 2)
    )

    def patched(layer, outputs, weights, v):
        new = outputs.clone()
        for head in (0, 2):
            for query in range(outputs.shape[2]):
                row = weights[0, head, query]
                if query in keys or row[keys].sum() == 0:
                    continue
                rest = row.clone()
                rest[keys] = 0
                if denominator == "rest":
                    rest *= row.sum() / rest.sum()
                static = rest @ v[0, head] + scale * torch.tensor(vectors.array[layer, head])
                new[0, head, query] = (1 - amount) * outputs[0, head, query] + amount * static
        return new

    edited = tiny_runs.capture(family, patch)
    expected = Dense(outputs=patched).states(tiny_runs.plain(family), edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)


def test_without_a_vector_the_column_is_gone_but_for_the_keys_own_row(tiny_runs):
    layers = {"layers": (0,)}
    patch = PatchContribution(keys=(2,), vectors=vectors_for(), scale=0, **layers)
    patched, removed, plain = (
        heads_of_layer_0(tiny_runs, tiny_runs.capture("gpt2", *edits))
        for edits in ((patch,), (ScaleColumns(keys=(2,), factor=0, redistribute=False, **layers),), ())
    )
    others = [row for row in range(N_TOKENS) if row != 2]
    np.testing.assert_allclose(patched[others], removed[others], atol=1e-6)
    np.testing.assert_array_equal(patched[2], plain[2])
    assert np.abs(patched[2] - removed[2]).max() > 1e-3


def test_a_head_that_looks_evenly_is_reproduced_by_its_own_contribution():
    v = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    even = torch.full((2, 6, 6), 1 / 6)
    plain = even @ v
    contribution = StaticVectors.of((v[:, :2].sum(1) / 6).numpy()[None])
    patch = PatchContribution(keys=(0, 1), vectors=contribution)
    torch.testing.assert_close(written(patch, weights=even, v=v, is_causal=False), plain)


def test_the_rest_takes_over_the_mass_of_the_patched_tokens():
    # One query (the last) gives 0.5, 0.3 and 0.2 to values 1, 10 and 100; token 0 is patched by 7.
    weights = torch.tensor([[[1.0, 0, 0], [0.5, 0.5, 0], [0.5, 0.3, 0.2]]])
    v = torch.tensor([[[1.0], [10.0], [100.0]]])
    vectors = StaticVectors.of(np.full((1, 1, 1), 7.0))
    full, half = (
        written(
            PatchContribution(keys=(0,), vectors=vectors, amount=a, denominator="rest"), weights=weights, v=v
        )
        for a in (1.0, 0.5)
    )
    dynamic, rest = 0.5 * 1 + 0.3 * 10 + 0.2 * 100, (0.3 * 10 + 0.2 * 100) / 0.5
    assert float(full[0, 2, 0]) == pytest.approx(rest + 7, rel=1e-5)
    assert float(half[0, 2, 0]) == pytest.approx((dynamic + rest + 7) / 2, rel=1e-5)
    assert float(full[0, 0, 0]) == pytest.approx(1.0)  # the token itself


def test_queries_that_may_not_look_at_the_tokens_are_not_patched(tiny_runs):
    patch = PatchContribution(keys=(0,), vectors=vectors_for())
    hidden = MaskKeys(keys=(0,), layers=(0,))
    masked, both = (
        heads_of_layer_0(tiny_runs, tiny_runs.capture("gpt2", *edits))
        for edits in ((hidden,), (hidden, patch))
    )
    np.testing.assert_array_equal(masked, both)


def test_in_cross_attention_a_query_is_never_the_key_of_the_same_number(tiny_runs):
    patch = PatchContribution(keys=(2,), vectors=vectors_for(layers=2), scale=0, stream="cross")
    removed = ScaleColumns(keys=(2,), factor=0, redistribute=False, stream="cross")
    one, other = (tiny_runs.capture("t5", edit) for edit in (patch, removed))
    assert len(one.target) == len(TARGET.split()) + 2
    torch.testing.assert_close(tiny_runs.states(one), tiny_runs.states(other), **CLOSE)


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [
        (vectors_for(width=5), "vectors of 8 numbers; those of the patch have 5"),
        (vectors_for(layers=2), "for 3 layers and 4 heads; got 2 x 4 x 8"),
        (StaticVectors.of(np.zeros((3, 4))), "got 3 x 4"),
        (StaticVectors.of(np.full((3, 4, 8), np.nan)), "not finite"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_with_a_sentence(tiny_runs, vectors, sentence):
    with pytest.raises(BadIntervention, match=sentence):
        tiny_runs.capture("gpt2", PatchContribution(keys=(0,), vectors=vectors))
