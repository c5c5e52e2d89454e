"""pytest tests/analysis/test_sink_kinds.py"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sinklens.analysis.sink_kinds import KINDS, found_sinks, kind_of
from sinklens.analysis.sinks import sink_table
from tests.analysis.profiles import capture_from_maps, one_hot_maps, prompt_of, random_maps, uniform_maps


def prompt_with(labels, specials=(), ids=None):
    prompt = prompt_of(labels, specials)
    if ids is None:
        return prompt
    tokens = tuple(replace(token, id=at) for token, at in zip(prompt.tokens, ids, strict=True))
    return replace(prompt, tokens=tokens)


@pytest.mark.parametrize(
    ("labels", "specials", "ids", "kind"),
    [
        (["<bos>", "<bos>"], (0, 1), [0, 0], "second BOS"),
        (["[CLS]", "[SEP]"], (0, 1), [2, 3], "special token"),
        (["a", "↵"], (), None, "line break"),
        (["a", "·↵↵"], (), None, "line break"),
        (["a", "."], (), None, "delimiter"),
        (["a", "·—"], (), None, "delimiter"),
        (["a", "·$"], (), None, "delimiter"),
        (["a", "a"], (), [5, 5], "repeated token"),
        (["a", "·b"], (), None, "other"),
        (["a", ""], (), None, "other"),
        (["a", "don't"], (), None, "other"),
    ],
)
def test_a_token_has_the_kind_that_its_id_and_its_characters_say(labels, specials, ids, kind):
    assert kind_of(prompt_with(labels, specials, ids), 1) == kind


@pytest.mark.parametrize("label", ["<bos>", ".", "↵", "a"])
def test_position_0_is_the_first_token_whatever_it_is(label):
    assert kind_of(prompt_with([label, "b"], specials=(0,)), 0) == "first token"


def test_every_sink_of_the_table_is_listed_once_in_the_order_of_the_kinds():
    maps = 0.5 * one_hot_maps(1, 2, 20, key=6, is_causal=True) + 0.3 * one_hot_maps(1, 2, 20)
    maps = maps + 0.2 * uniform_maps(1, 2, 20, is_causal=True)
    labels = [f"w{i}" for i in range(20)]
    labels[6] = ","
    capture = capture_from_maps(maps, is_causal=True, labels=labels)
    table = sink_table(capture)
    found = found_sinks(table, capture.prompt)
    assert [(sink.position, sink.kind) for sink in found] == [(0, "first token"), (6, "delimiter")]
    assert found[1].received == pytest.approx(table["received"].iloc[6])
    assert {sink.kind for sink in found} <= set(KINDS)


def test_a_text_without_a_sink_lists_none():
    capture = capture_from_maps(uniform_maps(1, 2, 20, is_causal=True), is_causal=True)
    assert found_sinks(sink_table(capture), capture.prompt) == []


def test_a_learned_sink_is_no_token_and_is_not_listed():
    maps = 0.5 * random_maps(1, 2, 20, is_causal=True)
    capture = capture_from_maps(maps, is_causal=True, model={"has_learned_sinks": True})
    assert -1 not in [sink.position for sink in found_sinks(sink_table(capture), capture.prompt)]
