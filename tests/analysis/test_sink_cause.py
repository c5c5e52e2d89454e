"""pytest tests/analysis/test_sink_cause.py"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.sink_cause import head_cause
from sinklens.errors import BadSelection, NotCaptured
from sinklens.results import LayerState
from tests.analysis.profiles import capture_from_maps, uniform_maps


def capture_of(state: LayerState, *, is_causal=True):
    n_heads, n_queries = state.q.shape[:2]
    capture = capture_from_maps(uniform_maps(1, n_heads, n_queries, is_causal=is_causal), is_causal=is_causal)
    return replace(capture, states={"self": (state,)})


def state_of(q, k, **facts) -> LayerState:
    q, k = np.asarray(q, np.float32), np.asarray(k, np.float32)
    return LayerState(q=q, k=k, v=np.zeros_like(k), **({"scaling": 1.0, "is_causal": True} | facts))


def random_state(seed, n_tokens=9, n_heads=2, n_groups=1, **facts) -> LayerState:
    rng = np.random.default_rng(seed)
    return state_of(
        rng.normal(size=(n_heads, n_tokens, 4)), rng.normal(size=(n_groups, n_tokens, 4)), **facts
    )


def plain_gap(state: LayerState, head: int, key: int, visible) -> float:
    """The gap by its definition, query by query."""
    q, k = state.q[head].astype(float), state.k[head * len(state.k) // len(state.q)].astype(float)
    scores = state.scaling * q @ k.T
    if state.softcap is not None:
        scores = state.softcap * np.tanh(scores / state.softcap)
    if state.bias is not None:
        scores = scores + state.bias[head]
    gaps = []
    for query in range(len(q)):
        others = [j for j in range(len(k)) if visible[query, j] and j != key]
        if query != key and visible[query, key] and others:
            gaps.append(scores[query, key] - scores[query, others].mean())
    return float(np.mean(gaps))


def test_two_keys_by_hand():
    """Query (2, 0); key 0 is (3, 0), key 1 is (0, 1): scores 6 and 0, the direction makes 2, the length 4."""
    found = head_cause(capture_of(state_of([[[0, 0], [2, 0]]], [[[3, 0], [0, 1]]])), "self", 0, 0, 0)
    assert (found.n_queries, found.q_norm) == (1, 2.0)
    assert (found.k_norm.key, found.k_norm.others) == (3.0, 1.0)
    assert (found.cosine.key, found.cosine.others) == (1.0, 0.0)
    assert (found.logit.key, found.logit.others, found.gap) == (6.0, 0.0, 6.0)
    assert found.parts == {"direction": 2.0, "length": 4.0}


def test_keys_of_one_length_differ_by_direction_alone():
    state = random_state(0)
    keys = state.k / np.linalg.norm(state.k, axis=-1, keepdims=True)
    found = head_cause(capture_of(replace(state, k=keys.astype(np.float32))), "self", 0, 1, 2)
    assert found.parts["length"] == pytest.approx(0.0, abs=1e-6)
    assert found.parts["direction"] == pytest.approx(found.gap)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), key=st.integers(0, 7), head=st.integers(0, 1), form=st.integers(0, 4))
def test_the_parts_add_up_to_the_gap_whatever_the_family_adds(seed, key, head, form):
    rng = np.random.default_rng(seed)
    window = np.tril(np.ones((9, 9), bool)) & ~np.tril(np.ones((9, 9), bool), -4)
    bias = rng.normal(size=(2, 9, 9)).astype(np.float32)
    facts = ({}, {"softcap": 2.0}, {"mask": window}, {"bias": bias, "is_causal": False}, {"is_causal": False})
    state = random_state(seed, scaling=0.5, **facts[form])
    visible = np.tril(np.ones((9, 9), bool)) if state.is_causal else np.ones((9, 9), bool)
    visible = window if form == 2 else visible
    found = head_cause(capture_of(state), "self", 0, head, key)
    assert found.gap == pytest.approx(plain_gap(state, head, key, visible), rel=1e-6, abs=1e-8)
    assert sum(found.parts.values()) == pytest.approx(found.gap, rel=1e-6, abs=1e-8)


def test_grouped_heads_use_the_key_that_they_share():
    state = random_state(3, n_heads=4, n_groups=2)
    visible = np.tril(np.ones((9, 9), bool))
    for head in range(4):
        found = head_cause(capture_of(state), "self", 0, head, 1)
        assert found.gap == pytest.approx(plain_gap(state, head, 1, visible), rel=1e-6)


def test_blocks_of_a_long_text_change_nothing(monkeypatch):
    capture = capture_of(random_state(5, n_tokens=30))
    whole = head_cause(capture, "self", 0, 0, 3)
    monkeypatch.setattr("sinklens.analysis.sink_cause.N_BLOCK_ROWS", 7)
    parts = head_cause(capture, "self", 0, 0, 3)
    assert parts.n_queries == whole.n_queries
    assert parts.gap == pytest.approx(whole.gap)


def test_the_last_token_of_a_causal_text_has_no_query_to_ask():
    with pytest.raises(BadSelection, match="no query but its own can see token 8"):
        head_cause(capture_of(random_state(0)), "self", 0, 0, 8)


def test_a_run_without_vectors_says_why():
    kept = capture_from_maps(uniform_maps(1, 1, 4, is_causal=True), is_causal=True)
    with pytest.raises(NotCaptured, match="vectors of this run were not kept"):
        head_cause(kept, "self", 0, 0, 0)
    eager = replace(kept, model=replace(kept.model, capture_path="eager hooks"))
    with pytest.raises(NotCaptured, match="finished weights only"):
        head_cause(eager, "self", 0, 0, 0)
