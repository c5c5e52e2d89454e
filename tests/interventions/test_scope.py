"""Where edits apply, and how they say it. python -m pytest tests/interventions/test_scope.py"""

from __future__ import annotations

import pytest

from sinklens.interventions import (
    DropHeads,
    KeepCache,
    MaskKeys,
    PatchContribution,
    ScaleColumns,
    SetDimensions,
    Temperature,
)
from sinklens.interventions.scope import listed
from tests.interventions.every_edit import EVERY_EDIT, VECTORS


def where_it_acts(edit, stream="self") -> dict[int, tuple[int, ...] | None]:
    return {layer: edit.heads_at(layer) for layer in range(4) if edit.covers(stream, layer)}


def test_without_a_place_everything_of_the_stream_is_edited():
    assert where_it_acts(MaskKeys(keys=(0,))) == dict.fromkeys(range(4))
    assert where_it_acts(MaskKeys(keys=(0,)), "cross") == {}


def test_layers_and_heads_are_every_head_of_every_layer():
    assert where_it_acts(MaskKeys(keys=(0,), layers=(1, 3), heads=(2,))) == {1: (2,), 3: (2,)}


def test_pairs_are_these_heads_alone():
    assert where_it_acts(MaskKeys(keys=(0,), pairs=((3, 1), (0, 2), (3, 0)))) == {0: (2,), 3: (1, 0)}


def test_edits_outside_of_attention_cover_no_layer_of_it():
    outside = {type(edit).__name__ for edit in EVERY_EDIT if where_it_acts(edit) == {}}
    assert outside == {"SetDimensions", "SwapPositions", "ChangeTokens"}


@pytest.mark.parametrize("edit", EVERY_EDIT, ids=lambda edit: type(edit).__name__)
def test_every_edit_says_what_it_does_in_words(edit):
    sentence = edit.sentence()
    assert sentence[0].islower()
    assert not sentence.endswith(".")
    assert "None" not in sentence


def test_sentences_name_keys_places_and_numbers():
    assert (
        ScaleColumns(keys=(0, 2), factor=0.4, pairs=((1, 0),)).sentence()
        == "scale tokens 0, 2 by 0.4 in heads 1.0, redistributing the rest"
    )
    assert Temperature(temperature=0.5).sentence() == "temperature 0.5 in all layers, all heads"
    assert DropHeads(pairs=((0, 1), (2, 3))).sentence() == "drop heads 0.1, 2.3"
    assert (
        KeepCache(n_sink=4, n_recent=8).sentence()
        == "cache of 4 first and 8 recent tokens, original positions"
    )
    assert (
        SetDimensions(layer=2, tokens=(0,), dimensions=(7,)).sentence()
        == "set dimensions 7 of tokens 0 to zero after block 2"
    )


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({}, "replace what tokens 0 contribute by a static vector in layers 1, all heads"),
        ({"scale": 0}, "replace what tokens 0 contribute by nothing in layers 1, all heads"),
        (
            {"amount": 0.5, "scale": 2, "denominator": "rest"},
            "replace 50% of what tokens 0 contribute by 2 times a static vector in layers 1, all heads, "
            "the rest renormalised",
        ),
    ],
)
def test_a_patch_says_how_much_of_what(choices, sentence):
    assert PatchContribution(keys=(0,), vectors=VECTORS, layers=(1,), **choices).sentence() == sentence


def test_long_lists_say_how_many_are_left_out():
    assert listed(range(6)) == "0, 1, 2, 3, 4, 5"
    assert listed(range(9)) == "0, 1, 2, 3, 4, 5 and 3 more"
