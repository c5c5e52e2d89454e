"""Cause, consequence, definitions and states in words and tables.

pytest tests/modules/test_sink_reading.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules.sink_definitions import compared as compared_definitions
from modules.sink_definitions import definition_table, same_sentence, verdict_sentence
from modules.sink_place import Edited, SinkPlace, explained, middle_token
from modules.sink_reading import (
    cause_sentence,
    cause_table,
    consequence_table,
    edit_sentence,
    edit_table,
    parts_table,
)
from modules.sink_state_reading import birth_sentence, birth_table, secondary_sentence, writers_table
from modules.sink_where import kind_list, kinds_sentence
from modules.sink_words import excess_text, plain, share, signed, times
from sinklens.analysis.secondary_sinks import secondary_sinks
from sinklens.analysis.sink_birth import sink_birth
from sinklens.analysis.sink_definitions import SameNumber
from sinklens.analysis.sink_kinds import FoundSink
from sinklens.interventions import SwapPositions, ZeroQueryBias
from sinklens.results import LayerState
from tests.analysis.profiles import capture_from_maps, one_hot_maps, prompt_of, uniform_maps
from tests.analysis.test_secondary_sinks import residual_of, states_with_a_second_sink
from tests.analysis.test_sink_birth import born_in_layer_one

SCRIPT = "<script>alert(1)</script>"


def spaced(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def place(n_tokens=20, key=0, with_states=True) -> SinkPlace:
    """A head that rests on a token whose label is a script; its key points along every query."""
    maps = 0.8 * one_hot_maps(1, 1, n_tokens) + 0.2 * uniform_maps(1, 1, n_tokens, is_causal=True)
    labels = [SCRIPT] + [f"w{i}" for i in range(1, n_tokens)]
    capture = capture_from_maps(maps, is_causal=True, labels=labels, specials=(0,))
    q, k = np.zeros((1, n_tokens, 2), np.float32), np.zeros((1, n_tokens, 2), np.float32)
    q[..., 0], k[..., 1] = 2.0, 1.0
    k[0, 0] = (3.0, 0.0)
    state = LayerState(q=q, k=k, v=np.zeros_like(k), scaling=1.0, is_causal=True)
    if with_states:
        capture = replace(capture, states={"self": (state,)})
    return SinkPlace(capture, "self", 0, 0, key)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.0123"), (-2.5, "\N{MINUS SIGN}2.5"), (1234.4, "1,234"), (np.nan, "–"), (0.0, "0")],
)
def test_numbers_keep_the_digits_that_tell(value, text):
    assert plain(value) == text


def test_signs_are_true_ones_and_nothing_is_a_dash():
    assert [signed(2.0), signed(-2.0), signed(np.nan), signed(0.0)] == ["+2", "\N{MINUS SIGN}2", "–", "0"]
    assert [share(np.nan), times(np.nan), excess_text(np.nan)] == ["–"] * 3
    assert excess_text(-0.0001) == "0.000"


def test_the_cause_says_which_part_makes_the_gap():
    found = explained(place())
    assert spaced(cause_sentence(found)) == (
        f"Head 0.0 scores “{SCRIPT}” (0) 6 logits above its other keys, most by the length of the key (+4); "
        "cosine with the queries 1, others 0; the key is 3.00 × as long as the others."
    )
    table = str(parts_table(found.cause))
    assert "+2" in table
    assert "+4" in table
    assert "+6" in table
    assert "3.00" in str(cause_table(found.cause))


def test_a_key_that_no_query_likes_is_not_called_a_cause():
    found = explained(place(key=3))
    assert "below its other keys: it is not drawn there" in cause_sentence(found)


def test_without_vectors_there_is_a_consequence_and_a_reason_for_the_rest():
    found = explained(place(with_states=False))
    assert found.cause is None
    assert "vectors of this run were not kept" in found.why_not
    assert "Attention share" in str(consequence_table(found.consequence))


def test_a_swap_tells_whether_the_sink_goes_with_the_position():
    at = place()
    cause = explained(at).cause
    swap = SwapPositions(first=0, second=5)
    moved = Edited(at, swap, cause, cause, share=(0.8, 0.1), other_share=(0.01, 0.7))
    stays = Edited(at, swap, cause, cause, share=(0.8, 0.7), other_share=(0.01, 0.02))
    neither = Edited(at, swap, cause, cause, share=(0.8, 0.1), other_share=(0.01, 0.02))
    never = Edited(at, swap, cause, cause, share=(0.02, 0.02), other_share=(0.01, 0.3))
    ends = [edit_sentence(each).rsplit(". ", 1)[1] for each in (moved, stays, neither, never)]
    assert ends == [
        "The sink goes with the position.",
        "The sink stays with the token.",
        "Neither of the two is the sink now.",
        "The head did not rest on it before.",
    ]
    assert "“w5” (5)" in str(edit_table(moved))


def test_a_bias_is_told_in_logits_and_in_share():
    at = place()
    before = explained(at).cause
    after = replace(before, logit=replace(before.logit, key=4.0))
    found = Edited(at, ZeroQueryBias(), before, after, share=(0.8, 0.5), other_share=None)
    assert "from 6 to 4 logits (the bias makes +2 of it)" in edit_sentence(found)
    assert "from 80\N{NO-BREAK SPACE}% to 50\N{NO-BREAK SPACE}%" in edit_sentence(found)


def test_the_other_token_of_a_swap_is_an_ordinary_one_in_the_middle():
    prompt = prompt_of(["<bos>", "a", "b", "c", "<sep>"], specials=(0, 4))
    assert middle_token(prompt, 0) == 2
    assert middle_token(prompt, 2) in (1, 3)
    assert middle_token(prompt_of(["<bos>"], specials=(0,)), 0) == 0


def test_definitions_that_disagree_are_counted():
    maps = 0.32 * one_hot_maps(1, 2, 40) + 0.68 * np.eye(40)
    found = compared_definitions(capture_from_maps(maps, is_causal=True), "self", 0, 0)
    assert "the verdict depends on the definition" in verdict_sentence(found)
    perfect = compared_definitions(capture_from_maps(one_hot_maps(1, 1, 20), is_causal=True), "self", 0, 0)
    assert verdict_sentence(perfect) == "“w0” (0): all 13 definitions that apply call it a sink."
    short = compared_definitions(capture_from_maps(one_hot_maps(1, 1, 5), is_causal=True), "self", 0, 0)
    assert verdict_sentence(short) == "“w0” (0): no verdict on a text this short."


def test_the_table_of_definitions_names_rule_source_and_published_number():
    found = compared_definitions(place().capture, "self", 1, 0)
    html = str(definition_table(found))
    for words in ("Sink rate, ε = 0.8, Barbero", "arXiv 2504.02732", "45.97 %", "α_k = Σ_i A[i,k]", "Raw, “"):
        assert words in html
    assert "<script>" not in html


def test_a_ratio_without_bound_is_said_in_words():
    assert "ratio without bound" in same_sentence(SameNumber(1.0, float("inf"), 0.0))


def test_sinks_are_listed_by_kind_and_labels_never_become_html():
    found = [
        FoundSink(0, SCRIPT, "first token", "parking sink", 0.4, 0.1),
        FoundSink(7, ",", "delimiter", "content target", 0.2, 0.05),
    ]
    assert kinds_sentence(found) == "2 sinks: 1 first token, 1 delimiter."
    assert kinds_sentence(found[:1]) == "1 sink: 1 first token. No sink stands anywhere else."
    assert kinds_sentence([]) == "No token of this text is a sink under this definition."
    assert "too short" in kinds_sentence([], too_short=True)
    html = str(kind_list(found, input_id="pick"))
    assert "<script>" not in html
    assert "position 7" in html


def test_the_birth_of_a_massive_state_names_its_writer():
    born = sink_birth(born_in_layer_one(), 0)
    sentence = spaced(birth_sentence(born, "“<bos>” (0)"))
    assert "largest beside the others after layer 1" in sentence
    assert "feed-forward of layer 1 brings 100 %. It has massive activations." in sentence
    assert "norm of the state" in str(writers_table(born))
    assert "feed-forward of layer 1 (+300)" in str(birth_table(born))


def test_a_state_like_the_others_is_not_called_large():
    born = sink_birth(born_in_layer_one(), 1)
    assert birth_sentence(born, "x").endswith("which is not large.")


def test_secondary_sinks_are_counted_and_named():
    found = secondary_sinks(residual_of(states_with_a_second_sink()))
    assert secondary_sentence(found, lambda at: f"t{at}") == (
        "Between the largest growth of t0 and its largest fall (after layers 1 to 2) 1 other token points "
        "its way, longest t2, in 1 of 2 states."
    )
