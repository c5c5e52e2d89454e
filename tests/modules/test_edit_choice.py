"""The edits on offer, and from a wish to an intervention.

python -m pytest tests/modules/test_edit_choice.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bench import trial_texts
from modules.edit_choice import KINDS, EditWish, Target, intervention, menu, numbers_in, pairs_in
from modules.examples import ORDINARY
from modules.massive_target import massive_dimensions, mean_elsewhere
from sinklens.errors import BadIntervention, BadSelection
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    MaskKeys,
    MoveAttention,
    ScaleColumns,
    SetDimensions,
    StreamShape,
    SwapPositions,
    Temperature,
)

TARGET = Target(tokens=(0, 4), pairs=((1, 2),), word_id=7, layer=1, dimensions=(3,), values=(0.5,))


@pytest.mark.parametrize("key", KINDS)
def test_every_edit_on_offer_becomes_one_that_fits_a_run(key):
    edit = intervention(EditWish(kind=key, second=2), TARGET)
    edit.check(StreamShape(3, 4, 20))
    assert edit.sentence()


def test_every_edit_is_offered_once_in_a_group_and_explained():
    offered = [key for group in menu().values() for key in group]
    assert offered == list(KINDS)
    assert all(kind.sentence.endswith(".") for kind in KINDS.values())


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (EditWish(kind="mask", scope="layers", layers=(2, 1)), MaskKeys(keys=(0, 4), layers=(1, 2))),
        (EditWish(kind="mask", scope="head", head=(1, 3)), MaskKeys(keys=(0, 4), pairs=((1, 3),))),
        (EditWish(kind="act", factor=0.4), ScaleColumns(keys=(0, 4), factor=0.4)),
        (EditWish(kind="sinkfix", factor=0.4), ScaleColumns(keys=(0, 4), factor=0.0)),
        (EditWish(kind="drop", stream="decoder"), DropHeads(pairs=((1, 2),), stream="decoder")),
        (EditWish(kind="move"), MoveAttention(pairs=((1, 2),), to_key=0)),
        (
            EditWish(kind="dims_mean"),
            SetDimensions(layer=1, tokens=(0, 4), dimensions=(3,), values=(0.5,)),
        ),
        (EditWish(kind="remove", n_tokens=2), ChangeTokens(n_removed=2)),
        (EditWish(kind="replace"), ChangeTokens(replace_first_by=7)),
        (EditWish(kind="prepend", n_tokens=3), ChangeTokens(prepend=(7, 7, 7))),
        (EditWish(kind="swap", second=5), SwapPositions(second=5)),
        (EditWish(kind="temperature", temperature=0.5), Temperature(temperature=0.5)),
    ],
    ids=lambda value: value.kind if isinstance(value, EditWish) else "",
)
def test_a_wish_is_read_into_the_edit(wish, expected):
    assert intervention(wish, TARGET) == expected


def test_positions_and_heads_are_read_from_what_a_person_types():
    assert numbers_in("0, 3  12,3", "positions") == (0, 3, 12)
    assert pairs_in("2.1, 0.11 2.1") == ((2, 1), (0, 11))


@pytest.mark.parametrize("text", ["", "a", "1.5", "-1", "0;3"])
def test_what_is_no_position_is_told_in_a_sentence(text):
    with pytest.raises(BadIntervention, match=r"Type positions as whole numbers .* such as 0, 3; got"):
        numbers_in(text, "positions")


@pytest.mark.parametrize("text", ["", "2", "2.", "x.1", "1.2.3", "-1.2"])
def test_what_is_no_head_is_told_in_a_sentence(text):
    with pytest.raises(BadIntervention, match=r"Type heads as layer\.head .* such as 2\.1, 3\.0; got"):
        pairs_in(text)


# --- texts ----------------------------------------------------------------------------------------------


def test_the_runs_own_text_comes_first_and_no_text_twice():
    texts = trial_texts(ORDINARY.text, 2, f"one\n\n  two \n{ORDINARY.text}\none")
    assert texts[0] == ORDINARY.text
    assert len(texts) == 5
    assert texts[3:] == ("one", "two")
    assert ORDINARY.text not in texts[1:]


def test_another_text_is_followed_by_the_bundled_ones():
    assert trial_texts("mine", 1, "") == ("mine", ORDINARY.text)


# --- massive dimensions ---------------------------------------------------------------------------------


def states_with(*places, n_layers=3, n_tokens=4, width=6):
    """(L+1, T, d) small numbers, with (state, token, dimension, value) set."""
    states = np.random.default_rng(0).normal(0, 0.1, (n_layers + 1, n_tokens, width))
    for state, token, dimension, value in places:
        states[state, token, dimension] = value
    return states


def test_the_block_in_which_dimensions_become_massive_is_found():
    states = states_with((2, 0, 5, -300.0), (2, 0, 1, 200.0), (3, 0, 5, -500.0), (3, 0, 2, 400.0))
    found = massive_dimensions(states, (0,))
    assert (found.layer, found.dimensions) == (1, (5, 1))
    assert found.sentence == "Massive after block 1 (absolute definition): 5 (-300), 1 (200)."


def test_small_models_have_massive_dimensions_by_the_relative_definition():
    found = massive_dimensions(states_with((1, 2, 4, 20.0)), (2,))
    assert (found.layer, found.dimensions) == (0, (4,))
    assert "relative definition" in found.sentence


def test_massive_dimensions_of_other_tokens_or_of_the_embeddings_do_not_count():
    with pytest.raises(BadSelection, match="No dimension of these tokens is massive"):
        massive_dimensions(states_with((2, 3, 4, 300.0), (0, 0, 1, 300.0)), (0,))


def test_every_text_gets_the_mean_of_the_other_texts():
    texts = [states_with((2, 0, 3, value)) for value in (1.0, 2.0, 6.0)]
    means = mean_elsewhere(texts, [(0,)] * 3, 1, (3,))
    np.testing.assert_allclose(means, [[4.0], [3.5], [1.5]])
    with pytest.raises(BadSelection, match="needs at least two texts"):
        mean_elsewhere(texts[:1], [(0,)], 1, (3,))
