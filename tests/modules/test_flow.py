"""Run with: pytest tests/modules/test_flow.py"""

from __future__ import annotations

import numpy as np
import pytest

from modules.figures.flow_sources import sources_bars
from modules.flow_drawing import N_FLOW_TOKENS_MAX, draw_links, draw_rollout, find_sources
from modules.flow_rollout import sources_sentence
from tests.analysis.profiles import capture_from_maps, one_hot_maps, uniform_maps

LABELS = ["<bos>", "un", "fair", "x", "y", "z"]


def resting(n_tokens=6, **facts):
    maps = one_hot_maps(3, 2, n_tokens)
    return capture_from_maps(maps, is_causal=True, labels=LABELS[:n_tokens], specials=(0,), **facts), maps


def test_lines_of_a_resting_head_are_told_in_a_sentence():
    capture, maps = resting()
    drawing = draw_links(
        capture, "self", maps[0, 0], source="Head 0.0", as_words=False, sinks=(0,), hides_sinks=False
    )
    assert drawing.finding == "Head 0.0: <bos> (0) gets most, 100\xa0% of the attention."
    assert drawing.marked == (0,)
    assert drawing.queries == drawing.keys == tuple(LABELS)


def test_without_the_sinks_their_lines_are_gone():
    capture = capture_from_maps(uniform_maps(1, 1, 6, is_causal=True), is_causal=True, labels=LABELS)
    weights = uniform_maps(1, 1, 6, is_causal=True)[0, 0]
    drawing = draw_links(
        capture, "self", weights, source="Head 0.0", as_words=False, sinks=(0,), hides_sinks=True
    )
    assert np.isnan(drawing.weights[:, 0]).all()
    np.testing.assert_allclose(np.nansum(drawing.weights[1:], axis=1), 1, atol=1e-6)
    assert "what does not go to a sink" in drawing.finding


def test_a_click_on_a_word_selects_its_first_token():
    capture, maps = resting()
    drawing = draw_links(
        capture, "self", maps[0, 0], source="Head 0.0", as_words=True, sinks=(0,), hides_sinks=False
    )
    assert drawing.first_token[0] == 0
    assert len(drawing.first_token) == len(drawing.keys) == drawing.weights.shape[1]


def test_the_rollout_of_resting_heads_floods_every_position_with_the_first_token():
    capture, maps = resting()
    drawing = draw_rollout(capture, "self", maps[:, 0], layer=2, residual_share=0.5, position=5, sinks=())
    assert drawing.finding.startswith("After layer 2, 88")
    assert "comes from <bos> (0)" in drawing.finding
    assert np.isnan(drawing.rolled[0, 1])


def test_without_the_sink_every_position_is_its_own_input():
    capture, maps = resting()
    drawing = draw_rollout(capture, "self", maps[:, 0], layer=2, residual_share=0.5, position=5, sinks=(0,))
    assert "100\xa0% of z (5) is still its own input" in drawing.finding


def test_three_measures_name_their_largest_source():
    capture, maps = resting()
    sources = find_sources(capture, "self", maps[:, 0], residual_share=0.5, position=5, sinks=())
    assert sources.attention[0] == 1
    assert sources.rolled[0] == pytest.approx(0.875)
    assert sources.flow.sum() == pytest.approx(1)
    assert "by rollout most comes from <bos> (0)" in sources_sentence(sources)
    assert len(sources_bars(sources, colour="red").data) == 3


def test_a_long_text_has_no_flow_and_says_for_how_many_tokens_there_is_one():
    n_tokens = N_FLOW_TOKENS_MAX + 1
    maps = uniform_maps(1, 1, n_tokens, is_causal=True)
    capture = capture_from_maps(maps, is_causal=True)
    sources = find_sources(capture, "self", maps[:, 0], residual_share=0.5, position=3, sinks=())
    assert sources.flow is None
    assert f"up to {N_FLOW_TOKENS_MAX} tokens" in sources_sentence(sources)
    assert len(sources_bars(sources, colour="red").data) == 2


def test_small_sources_of_a_long_text_are_added_up():
    maps = uniform_maps(1, 1, 40, is_causal=False)
    capture = capture_from_maps(maps, is_causal=False)
    sources = find_sources(capture, "self", maps[:, 0], residual_share=0.5, position=30, sinks=())
    figure = sources_bars(sources, colour="red")
    assert figure.layout.xaxis.ticktext[-1] == "+ 24"
    assert "w30 (30)" in figure.layout.xaxis.ticktext
    for bars in figure.data:
        assert sum(bars.y) == pytest.approx(1.0, abs=1e-6)


def test_labels_are_never_read_as_html():
    maps = uniform_maps(1, 1, 2, is_causal=True)
    capture = capture_from_maps(maps, is_causal=True, labels=["<b>x</b>", "y"])
    sources = find_sources(capture, "self", maps[:, 0], residual_share=0.5, position=1, sinks=())
    figure = sources_bars(sources, colour="red")
    assert figure.layout.xaxis.ticktext[0].startswith("&lt;b&gt;x&lt;/b&gt;")
