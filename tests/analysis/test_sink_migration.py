"""Attention received before and after an edit, token by token.

python -m pytest tests/analysis/test_sink_migration.py
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.received import received_by_token
from sinklens.analysis.sink_migration import mean_row_sum, migration_table
from sinklens.analysis.token_match import came_from, shared_tokens, stack_of
from sinklens.interventions import ChangeTokens, MaskKeys
from tests.analysis.profiles import one_hot_maps, profile_from_maps, uniform_maps

EDIT = (MaskKeys(keys=(0,)),)


def profile(maps):
    return profile_from_maps(maps, is_causal=True)


@given(st.integers(1, 12), st.integers(0, 11), st.integers(0, 3), st.booleans())
def test_tokens_are_followed_through_a_change_as_a_list_of_labels_would_be(n, n_removed, n_new, replaces):
    n_removed = min(n_removed, n - 1)
    labels = list(range(n))[n_removed:]
    if replaces:
        labels[0] = -1
    labels = [-1] * n_new + labels
    edit = ChangeTokens(n_removed=n_removed, replace_first_by=5 if replaces else None, prepend=(1,) * n_new)
    assert came_from((edit,), n) == labels
    before, after = shared_tokens((edit,), n)
    assert [labels[i] for i in after] == before.tolist()


def test_two_changes_are_followed_one_after_the_other():
    assert came_from((ChangeTokens(n_removed=1), ChangeTokens(prepend=(3,))), 3) == [-1, 1, 2]
    assert came_from(EDIT, 3) == [0, 1, 2]


def test_each_stack_of_an_encoder_decoder_has_its_own_changes():
    edits = (ChangeTokens(n_removed=1, stream="encoder"), ChangeTokens(prepend=(3,), stream="decoder"))
    assert came_from(edits, 3) == [1, 2]
    assert came_from(edits, 3, "decoder") == [-1, 0, 1, 2]
    assert [stack_of(stream) for stream in ("self", "encoder", "decoder", "cross")] == [
        "encoder", "encoder", "decoder", "encoder",
    ]  # fmt: skip
    assert stack_of("cross", "query") == "decoder"


def test_equal_runs_gain_nothing():
    one = profile(uniform_maps(2, 2, 6, is_causal=True))
    table = migration_table(one, one, EDIT)
    np.testing.assert_array_equal(table["gain"], 0)
    np.testing.assert_allclose(table["excess"], 0, atol=1e-6)
    assert table["index"].tolist() == table["origin"].tolist() == list(range(6))


def test_all_attention_that_leaves_one_token_is_found_on_another():
    before, after = profile(one_hot_maps(2, 2, 6, key=0)), profile(one_hot_maps(2, 2, 6, key=1))
    table = migration_table(before, after, EDIT)
    assert table["gain"].idxmin() == 0
    assert table["gain"].idxmax() == 1
    np.testing.assert_allclose(table["before"], received_by_token(before)[0])
    np.testing.assert_allclose(table["after"], received_by_token(after)[0])


def test_tokens_that_go_and_tokens_that_come_have_one_side_only():
    before, after = (profile(uniform_maps(1, 1, n, is_causal=True)) for n in (4, 5))
    table = migration_table(before, after, (ChangeTokens(n_removed=1, prepend=(7, 8)),))
    assert table["index"].tolist() == [0, 1, 2, 3, 4, -1]
    assert table["origin"].tolist() == [-1, -1, 1, 2, 3, 0]
    assert table["before"].isna().tolist() == [True, True, False, False, False, False]
    assert table["after"].isna().tolist() == [False] * 5 + [True]


def test_rows_that_lost_weight_sum_to_less_than_one():
    maps = uniform_maps(1, 1, 4, is_causal=True)
    assert mean_row_sum(profile(maps)) == 1
    np.testing.assert_allclose(mean_row_sum(profile(maps * 0.5)), 0.5)
