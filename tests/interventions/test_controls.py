"""Controls: the same edit elsewhere, never where the edit itself is.

python -m pytest tests/interventions/test_controls.py
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    EvictAtRandom,
    KeepCache,
    MaskKeys,
    MoveAttention,
    OffByOneSoftmax,
    QuantiseCache,
    ScaleColumns,
    SetDimensions,
    StreamShape,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)
from sinklens.interventions.controls import controls_of

N_KEYS = st.integers(2, 40)


@st.composite
def chosen_keys(draw):
    n_keys = draw(N_KEYS)
    keys = draw(st.lists(st.integers(0, n_keys - 1), min_size=1, max_size=n_keys, unique=True))
    return StreamShape(3, 4, n_keys), tuple(keys)


@st.composite
def chosen_heads(draw):
    shape = StreamShape(draw(st.integers(1, 4)), draw(st.integers(1, 6)), 9)
    pair = st.tuples(st.integers(0, shape.n_layers - 1), st.integers(0, shape.n_heads - 1))
    return shape, tuple(draw(st.lists(pair, min_size=1, max_size=8, unique=True)))


@given(chosen_keys(), st.integers(0, 99))
def test_other_keys_are_as_many_and_none_of_the_edited_ones(case, seed):
    shape, keys = case
    for edit, name in (
        (MaskKeys(keys=keys), "keys"),
        (ScaleColumns(keys=keys, factor=0.3), "keys"),
        (ZeroValues(keys=keys), "keys"),
        (QuantiseCache(keep=keys), "keep"),
    ):
        controls = controls_of(edit, shape, seed)
        assert list(controls) == (
            [] if len(keys) > shape.n_keys - len(keys) else ["random key", "middle key", "recent key"]
        )
        for control in controls.values():
            other = getattr(control, name)
            assert len(set(other)) == len(keys)
            assert not set(other) & set(keys)
            assert max(other) < shape.n_keys


@given(chosen_heads(), st.integers(0, 99))
def test_other_heads_are_as_many_in_every_layer_and_none_of_the_edited_ones(case, seed):
    shape, pairs = case
    for edit in (DropHeads(pairs=pairs), MoveAttention(pairs=pairs)):
        for control in controls_of(edit, shape, seed).values():
            assert not set(control.pairs) & set(pairs)
            assert len(set(control.pairs)) == len(control.pairs)
            for layer in range(shape.n_layers):
                n_own = sum(at == layer for at, _ in pairs)
                n_other = sum(at == layer for at, _ in control.pairs)
                assert n_other == min(n_own, shape.n_heads - n_own)


@given(st.integers(4, 40), st.sets(st.integers(0, 15), min_size=1, max_size=5), st.integers(0, 99))
def test_other_dimensions_are_as_many_and_none_of_the_edited_ones(n_keys, dimensions, seed):
    edit = SetDimensions(layer=1, tokens=(0,), dimensions=tuple(dimensions))
    controls = controls_of(edit, StreamShape(3, 4, n_keys), seed, n_dimensions=16)
    assert list(controls) == ["random dimensions", "same dimensions, middle token"]
    drawn = controls["random dimensions"].dimensions
    assert len(set(drawn)) == len(dimensions)
    assert not set(drawn) & dimensions
    assert controls["same dimensions, middle token"].tokens not in ((0,), ())
    assert controls["same dimensions, middle token"].dimensions == edit.dimensions


@given(chosen_keys(), st.integers(0, 99))
def test_the_same_seed_gives_the_same_controls_and_nothing_else_of_the_edit_changes(case, seed):
    shape, keys = case
    edit = ScaleColumns(keys=keys, factor=0.25, layers=(1,), heads=(2,), redistribute=False)
    controls = controls_of(edit, shape, seed)
    assert controls == controls_of(edit, shape, seed)
    for control in controls.values():
        assert (control.factor, control.layers, control.heads) == (0.25, (1,), (2,))
        assert control.redistribute is False


def test_the_recent_key_leaves_enough_queries_that_see_it():
    controls = controls_of(MaskKeys(keys=(0,)), StreamShape(2, 2, 40), 0)
    assert controls["middle key"].keys == (20,)
    assert controls["recent key"].keys == (29,)


def test_a_cache_is_held_against_a_window_and_random_eviction_of_its_size():
    controls = controls_of(KeepCache(n_sink=4, n_recent=12), StreamShape(2, 2, 40), 5)
    assert controls == {
        "random eviction": EvictAtRandom(n_kept=16, seed=5),
        "window alone": KeepCache(n_sink=0, n_recent=16),
    }
    assert list(controls_of(KeepCache(n_sink=0, n_recent=12), StreamShape(2, 2, 40), 5)) == [
        "random eviction"
    ]


def test_a_swap_is_held_against_a_swap_in_the_middle():
    controls = controls_of(SwapPositions(second=3), StreamShape(2, 2, 20), 0)
    assert controls == {"middle token": SwapPositions(first=10, second=3)}


def test_edits_of_the_whole_model_have_no_control():
    shape = StreamShape(2, 2, 20)
    edits = (Temperature(temperature=2), OffByOneSoftmax(), ZeroQueryBias(), ChangeTokens(n_removed=1))
    assert [controls_of(edit, shape, 0) for edit in edits] == [{}] * 4
