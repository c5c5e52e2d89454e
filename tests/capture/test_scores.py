"""python -m pytest tests/capture/test_scores.py"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.capture.attend import attend, blocks
from sinklens.capture.edits import LayerEdits
from sinklens.capture.scores import ScoreRules, attention_rows
from sinklens.capture.tally import LayerTally
from sinklens.capture.visibility import Visibility
from sinklens.interventions import DropHeads, MaskKeys, ScaleColumns


def _vectors(n_heads=2, n_tokens=9, width=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n_heads, n_tokens, width, generator=generator) for _ in range(3)]


def _weights(q, k, rules, edits=None):
    return attention_rows(q, k, rules, edits or LayerEdits(), slice(0, q.shape[1]))[1]


def test_equal_scores_give_uniform_causal_rows():
    q = torch.zeros(1, 5, 4)
    weights = _weights(q, q, ScoreRules(scaling=1.0, is_causal=True))[0]
    for i in range(5):
        np.testing.assert_allclose(weights[i], [1 / (i + 1)] * (i + 1) + [0] * (4 - i), atol=1e-7)


def test_a_hand_computed_row_with_soft_capping():
    q, k = torch.tensor([[[1.0]]]), torch.tensor([[[2.0], [0.0]]])
    weights = _weights(q, k, ScoreRules(scaling=3.0, softcap=4.0))[0, 0]
    capped = 4 * math.tanh(6 / 4)
    assert float(weights[0]) == pytest.approx(math.exp(capped) / (math.exp(capped) + 1), abs=1e-6)


def test_a_learned_sink_is_an_extra_key_that_is_dropped():
    q, k, _ = _vectors()
    sink = torch.tensor([0.3, -1.0])
    ours = _weights(q, k, ScoreRules(scaling=0.5, sink_logits=sink))
    scores = torch.cat([q @ k.transpose(1, 2) * 0.5, sink[:, None, None].expand(-1, 9, 1)], -1)
    assert torch.allclose(ours, scores.softmax(-1)[..., :-1], atol=1e-6)


def test_an_off_by_one_softmax_is_a_learned_sink_of_zero():
    q, k, _ = _vectors()
    exponents = (q @ k.transpose(1, 2)).double().exp()
    expected = exponents / (1 + exponents.sum(-1, keepdim=True))
    ours = _weights(q, k, ScoreRules(scaling=1.0, sink_logits=torch.zeros(2)))
    assert torch.allclose(ours.double(), expected, atol=1e-6)


def test_masking_a_key_equals_removing_it():
    q, k, _ = _vectors()
    edits = LayerEdits.of((MaskKeys(keys=(3,)),), "self", 0)
    ours = _weights(q, k, ScoreRules(scaling=1.0), edits)
    others = [i for i in range(9) if i != 3]
    assert torch.allclose(ours[:, :, others], _weights(q, k[:, others], ScoreRules(scaling=1.0)), atol=1e-6)
    assert (ours[:, :, 3] == 0).all()


def test_a_query_that_sees_only_masked_keys_gets_an_all_zero_row():
    q, k, _ = _vectors()
    edits = LayerEdits.of((MaskKeys(keys=(0,)),), "self", 0)
    ours = _weights(q, k, ScoreRules(scaling=1.0, is_causal=True), edits)
    assert (ours[:, 0] == 0).all()
    assert torch.allclose(ours[:, 1:].sum(-1), torch.ones(2, 8), atol=1e-6)


def test_factor_one_changes_nothing():
    q, k, _ = _vectors()
    plain = _weights(q, k, ScoreRules(scaling=1.0))
    edits = LayerEdits.of((ScaleColumns(keys=(0, 2), factor=1.0),), "self", 0)
    assert torch.allclose(_weights(q, k, ScoreRules(scaling=1.0), edits), plain, atol=1e-6)


def test_factor_zero_spreads_the_mass_in_proportion():
    q, k, _ = _vectors()
    plain = _weights(q, k, ScoreRules(scaling=1.0))
    edits = LayerEdits.of((ScaleColumns(keys=(0,), factor=0.0),), "self", 0)
    ours = _weights(q, k, ScoreRules(scaling=1.0), edits)
    expected = plain.clone()
    expected[:, :, 0] = 0
    assert torch.allclose(ours, expected / expected.sum(-1, keepdim=True), atol=1e-6)


def test_a_row_with_all_mass_on_the_removed_key_becomes_zero():
    q, k, _ = _vectors()
    edits = LayerEdits.of((ScaleColumns(keys=(0,), factor=0.0),), "self", 0)
    ours = _weights(q, k, ScoreRules(scaling=1.0, is_causal=True), edits)
    assert (ours[:, 0] == 0).all()


def test_edits_of_one_head_leave_the_others():
    q, k, v = _vectors()
    plain = _weights(q, k, ScoreRules(scaling=1.0))
    edits = LayerEdits.of(
        (ScaleColumns(keys=(0,), factor=0.0, heads=(1,)), MaskKeys(keys=(2,), heads=(1,))), "self", 0
    )
    ours = _weights(q, k, ScoreRules(scaling=1.0), edits)
    assert torch.equal(ours[0], plain[0])
    assert (ours[1, :, [0, 2]] == 0).all()
    dropped = attend(
        q, k, v, ScoreRules(scaling=1.0), LayerEdits.of((DropHeads(pairs=((0, 1),)),), "self", 0)
    )
    assert (dropped[1] == 0).all()
    assert torch.allclose(dropped[0], plain[0] @ v[0], atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    n_tokens=st.integers(1, 150),
    is_causal=st.booleans(),
    factor=st.floats(0, 3),
    seed=st.integers(0, 1_000),
)
def test_redistribution_keeps_row_sums_and_signs(n_tokens, is_causal, factor, seed):
    q, k, _ = _vectors(n_tokens=n_tokens, seed=seed)
    edit = ScaleColumns(keys=(n_tokens // 2,), factor=min(factor, 1.0))
    ours = _weights(q, k, ScoreRules(scaling=1.0, is_causal=is_causal), LayerEdits.of((edit,), "self", 0))
    sums = ours.sum(-1)
    assert (ours >= -1e-7).all()
    assert ((sums - 1).abs() < 1e-4).logical_or(sums < 1 + 1e-4).all()


@settings(deadline=None, max_examples=25)
@given(n_tokens=st.integers(1, 200), is_causal=st.booleans(), window=st.one_of(st.none(), st.integers(1, 40)))
def test_blocks_count_what_one_dense_softmax_gives(n_tokens, is_causal, window):
    q, k, v = _vectors(n_tokens=n_tokens, seed=n_tokens)
    rules = ScoreRules(scaling=0.5, is_causal=is_causal, mask=_window_mask(n_tokens, is_causal, window))
    tally = LayerTally(
        n_heads=2,
        rules=rules,
        visibility=Visibility.of(rules, n_tokens, n_tokens),
        device=q.device,
        mean_map=True,
        map_heads=(1,),
    )
    outputs = attend(q, k, v, rules, LayerEdits(), tally)
    visible = rules.visible_rows(slice(0, n_tokens), n_tokens, q.device)
    scores = q @ k.transpose(1, 2) * 0.5
    dense = (scores if visible is None else scores.masked_fill(~visible, -torch.inf)).softmax(-1)
    assert torch.allclose(outputs, dense @ v, atol=1e-5)
    assert torch.allclose(tally.per_key["received"], dense.sum(1), atol=1e-4)
    assert torch.allclose(tally.per_key["received_tail"], dense[:, -64:].sum(1), atol=1e-4)
    assert torch.allclose(tally.per_query["entropy"], torch.special.entr(dense).sum(-1), atol=1e-4)
    assert torch.allclose(tally.per_query["self_share"], dense.diagonal(dim1=1, dim2=2), atol=1e-6)
    assert torch.allclose(tally.per_query["previous_share"][:, 1:], dense.diagonal(-1, 1, 2), atol=1e-6)
    assert torch.allclose(tally.head_sum, dense.sum(0), atol=1e-5)
    assert torch.allclose(tally.maps[1].nan_to_num(), dense[1], atol=1e-6)
    assert float(tally.per_key["argmax_count"].sum()) == pytest.approx(2 * n_tokens, rel=1e-4)
    below = (dense < 1 / n_tokens) if visible is None else (dense < 1 / n_tokens) & visible
    assert torch.equal(tally.n_below_uniform, below.sum((1, 2)).float())


def _window_mask(n_tokens, is_causal, window):
    if window is None:
        return None
    distance = torch.arange(n_tokens)[:, None] - torch.arange(n_tokens)[None]
    near = distance.abs() < window
    return near & (distance >= 0) if is_causal else near


@given(n_tokens=st.integers(1, 300), window=st.integers(1, 50))
def test_visibility_counts_equal_counts_of_the_mask(n_tokens, window):
    mask = _window_mask(n_tokens, True, window)
    seen = Visibility.of(ScoreRules(scaling=1.0, mask=mask, is_causal=True), n_tokens, n_tokens)
    np.testing.assert_array_equal(seen.n_visible, mask.sum(1).numpy())
    np.testing.assert_array_equal(seen.n_viewers, mask.sum(0).numpy())
    uniform = mask.double() / mask.sum(1, keepdim=True)
    np.testing.assert_allclose(seen.uniform_received, uniform.sum(0).numpy(), rtol=1e-5)


@given(n_tokens=st.integers(1, 200))
def test_the_causal_floor_of_the_first_token_is_a_harmonic_number(n_tokens):
    seen = Visibility.of(ScoreRules(scaling=1.0, is_causal=True), n_tokens, n_tokens)
    harmonic = sum(1 / t for t in range(1, n_tokens + 1))
    assert float(seen.uniform_received[0]) == pytest.approx(harmonic, rel=1e-5)


@given(n_heads=st.integers(1, 40), n_queries=st.integers(1, 2_000), n_keys=st.integers(1, 2_000))
def test_blocks_cover_every_row_of_every_head_once(n_heads, n_queries, n_keys):
    times = np.zeros((n_heads, n_queries), int)
    for heads, rows in blocks(n_heads, n_queries, n_keys):
        times[heads, rows] += 1
    assert (times == 1).all()


def test_tied_largest_weights_share_the_argmax():
    q = torch.zeros(1, 4, 2)
    rules = ScoreRules(scaling=1.0)
    tally = LayerTally(n_heads=1, rules=rules, visibility=Visibility.of(rules, 4, 4), device=q.device)
    attend(q, q, q, rules, LayerEdits(), tally)
    np.testing.assert_allclose(tally.per_key["argmax_count"], [[1, 1, 1, 1]])


def test_thumbnails_keep_a_lone_diagonal_and_leave_the_future_out():
    n_tokens = 200
    vectors = torch.eye(n_tokens)[None] * 40
    rules = ScoreRules(scaling=1.0, is_causal=True)
    visibility = Visibility.of(rules, n_tokens, n_tokens)
    tally = LayerTally(n_heads=1, rules=rules, visibility=visibility, device=vectors.device)
    attend(vectors, vectors, vectors, rules, LayerEdits(), tally)
    picture = tally.pen.picture[0].numpy()
    assert picture.shape == (50, 50)
    np.testing.assert_allclose(np.diag(picture), 1.0, atol=1e-4)
    assert np.isnan(picture[np.triu_indices(50, 1)]).all()
    assert not np.isnan(picture[np.tril_indices(50)]).any()
