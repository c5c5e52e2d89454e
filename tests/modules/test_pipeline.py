"""The cards of "Step through the model" without a browser: sentences, tables and figures.

Run with: pytest tests/modules/test_pipeline.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules import block_words as words
from modules.figures.head_write_bars import head_write_bars
from modules.figures.token_plane import PointGroup, token_plane
from modules.figures.vector_strip import vector_strip
from modules.pipeline import Place, Watched
from modules.pipeline_cards import panel_sizes, place_sentence, token_offer
from modules.pipeline_embeddings import embedded, embedding_finding
from modules.pipeline_positions import position_figure
from modules.pipeline_vectors import sharing_sentence, vector_finding, vectors_at
from modules.position_words import pair_rows, position_sentences, positioned
from modules.step_table import step_table
from sinklens.pipeline_records import WriteStep
from tests.capture.plain_run import TracedRuns

NBSP = "\xa0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return TracedRuns(tmp_path_factory)


@pytest.fixture
def at(runs):
    """Gives the place and the watched block of a family; layer 1, head 2, position 6."""

    def place_in(family: str, stack: str = "decoder"):
        engine, capture = runs[family]
        place = Place(capture, stack, 1, 2, 6)
        return place, engine.block_trace(capture, 1, stack)

    return place_in


# --- embeddings, positions, vectors ----------------------------------------------------------------------


def test_an_embedding_is_told_with_its_entry_its_width_and_its_nearest(runs):
    engine, capture = runs["gpt2"]
    place = Place(capture, "decoder", 0, 0, 6)
    found = engine.token_embeddings(capture, 6)
    sentence = embedding_finding(embedded(place, found))
    length = np.linalg.norm(found.rows[6])
    assert sentence == (
        f"w6 (6) is entry 11 of 64: a row of 32 numbers, length {length:.3g}. The nearest other entry is "
        f"“{found.neighbour_labels[0]}”, cosine {found.neighbour_cosines[0]:.2f}."
    )


def test_narrow_rows_and_factors_are_told(runs, tmp_path):
    engine, capture = runs["albert"]
    found = engine.token_embeddings(capture, 2)
    sentence = embedding_finding(embedded(Place(capture, "decoder", 0, 0, 2), found))
    assert sentence.endswith("A projection takes it to the 32 numbers of the stream.")
    scaled = embedding_finding(embedded(Place(capture, "decoder", 0, 0, 2), replace(found, factor=8.0)))
    assert "The model multiplies it by 8." in scaled


def test_the_strip_has_a_cell_for_every_number_and_no_more():
    strip = vector_strip(np.arange(100.0)).data[0]
    assert np.isfinite(strip.z).sum() == 100
    assert strip.zmin == -strip.zmax


def test_learned_rows_segments_and_the_norm_after_them_are_told(at):
    place, trace = at("bert")
    known = positioned(place, trace)
    first, segment, norm, entry = position_sentences(known)
    assert first.startswith(
        f"Position 6 has a learned row, length {known.norms[6]:.3g}, added to the token's."
    )
    assert segment.endswith("every token of a single text has the same one.")
    assert norm.startswith("LayerNorm (embeddings.LayerNorm) normalises the sum: length ")
    assert entry == f"What enters block 0 at w6 (6) has length {trace.entry[6]:.3g}."
    assert position_figure(known) is not None
    assert pair_rows(known) == []


def test_rotary_positions_are_told_with_their_angles(at):
    known = positioned(*at("llama"))
    sentences = position_sentences(known)
    assert "layer 1 turns all 8 numbers of each query and key, in 4 pairs" in sentences[0]
    assert sentences[1] == "At w6 (6) pair 0 has turned 6 rad, pair 3 0.006 rad."
    assert pair_rows(known)[0] == ("0", "1", "6.3", f"{np.degrees(6):.1f}°", "0")
    partial = position_sentences(positioned(*at("phi")))[0]
    assert "turns 4 of 8 numbers" in partial


def test_relative_positions_are_told_with_what_the_head_adds(at):
    place, trace = at("t5")
    known = positioned(place, trace)
    assert position_sentences(known)[0].startswith(
        f"Nothing is added to the embeddings: head 1.2 adds a number to each score of {place.token} that "
    )
    np.testing.assert_array_equal(known.bias, place.state.bias[2, 6])
    assert position_figure(known) is not None


@pytest.mark.parametrize(
    ("family", "start"), [("bloom", "ALiBi: nothing is added"), ("gptj", "Not applicable: this family turns")]
)
def test_positions_that_cannot_be_read_say_why(at, family, start):
    known = positioned(*at(family))
    assert position_sentences(known)[0].startswith(start)
    assert position_figure(known) is None


def test_the_vectors_of_a_head_are_told_and_who_shares_them(runs):
    _, capture = runs["llama"]
    place = Place(capture, "decoder", 1, 2, 6)
    found = vectors_at(place)
    assert vector_finding(place, found).startswith("Head 1.2 gives w6 (6) a query of 8 numbers, length ")
    assert sharing_sentence(place, found) == (
        "4 query heads share 2 sets of keys and values: head 2 has those of head 3."
    )
    alone = Place(runs["gpt2"][1], "decoder", 1, 2, 6)
    assert sharing_sentence(alone, vectors_at(alone)) == ""


# --- one block ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "order"),
    [
        ("gpt2", "pre-norm"),
        ("llama", "pre-norm"),
        ("t5", "pre-norm"),
        ("bert", "post-norm"),
        ("bart", "post-norm"),
        ("gemma2", "both"),
        ("gpt_neox", "side by side"),
        ("phi", "side by side"),
    ],
)
def test_the_order_of_norms_is_told_as_it_was_seen(at, family, order):
    place, trace = at(family)
    assert words.order_of(trace) == order
    assert words.stream_note(trace) == words.ORDERS[order]
    assert words.stream_rows(place, trace)[-1][-1] == f"{trace.after[6]:.3g}"


def test_the_stream_is_told_from_entering_to_leaving(at):
    place, trace = at("gpt2")
    attention, feed_forward = (step.added[6] for step in trace.steps if isinstance(step, WriteStep))
    assert words.stream_finding(place, trace) == (
        f"w6 (6) enters layer 1 with length {trace.before[6]:.3g}; attention adds {attention:.3g} and "
        f"feed-forward adds {feed_forward:.3g}; it leaves with {trace.after[6]:.3g}."
    )
    rows = words.stream_rows(place, trace)
    assert [row[0] for row in rows] == [
        "enters", "LayerNorm (ln_1)", "attention", "LayerNorm (ln_2)", "feed-forward", "leaves",
    ]  # fmt: skip
    assert rows[1][1] == "normalises a copy of the stream for attention"


def test_one_norm_read_by_both_sub_layers_says_so(at):
    rows = words.stream_rows(*at("phi"))
    assert rows[1][1] == "normalises a copy of the stream for attention and feed-forward"


def test_steps_that_do_not_add_up_are_told(at):
    _, trace = at("gpt2")
    assert "Careful" in words.stream_note(replace(trace, adds_up=False))


def test_heads_are_ranked_by_what_they_write(at):
    place, trace = at("gpt2")
    norms = trace.heads.norm[:, 6]
    sentence = words.heads_finding(place, trace.heads)
    assert f"Head 1.2 writes {norms[2]:.3g}, rank {(norms > norms[2]).sum() + 1} of 4" in sentence
    assert f"most is from head 1.{norms.argmax()}: {norms.max():.3g}." in sentence
    assert words.bias_sentence(place, trace.heads).startswith("The output projection adds no bias")
    biased = replace(trace.heads, bias_norm=0.5, bias_part=np.full(20, 0.25))
    assert words.bias_sentence(place, biased) == (
        f"The projection's bias, length 0.5, belongs to no head and makes up 25{NBSP}% of the sum."
    )
    np.testing.assert_array_equal(head_write_bars(trace.heads, 6, 2).data[0].y, norms)


def test_neurons_are_told_with_their_width_and_gates_have_columns(at):
    place, trace = at("llama")
    neurons = trace.neurons
    assert words.neuron_finding(place, neurons).startswith(
        "Layer 1 widens 32 numbers to 48 neurons and back (gated, activation silu). At w6 (6) the strongest "
        f"is neuron {neurons.ids[6, 0]}: "
    )
    heads, rows = words.neuron_table(place, neurons)
    assert heads == ("neuron", "gate", "up", "activation", "length written")
    assert len(rows) == 10
    assert "the gate is below 0" in words.inactive_sentence(place, neurons)


def test_a_relu_layer_says_only_how_many_are_off(at):
    place, trace = at("t5")
    assert words.inactive_sentence(place, trace.neurons).endswith("% of the neurons are exactly 0.")


def test_experts_say_why_there_are_no_neurons(at):
    place, trace = at("gpt_oss")
    assert words.neuron_finding(place, trace.neurons).startswith("Not applicable: in the family 'gpt_oss'")


def test_the_final_norm_is_told_and_who_reads_it(at):
    place, trace = at("gpt2")
    assert words.final_finding(place, trace) == (
        "After the last block LayerNorm (ln_f) brings w6 (6) from length "
        f"{trace.final_norm.before[6]:.3g} to {trace.final_norm.after[6]:.3g}; the prediction head reads the "
        "result."
    )
    assert words.final_finding(*at("t5", "encoder")).endswith(
        "the decoder's cross-attention reads the result."
    )
    assert words.final_finding(*at("bert")) == (
        "Not applicable: nothing is normalised after the last block; each block already ends with one."
    )


# --- the section ------------------------------------------------------------------------------------------


def test_sizes_are_the_models_own(runs):
    sizes = panel_sizes(Place(runs["llama"][1], "decoder", 1, 2, 6))
    assert sizes["embeddings"] == "20 tokens, vocabulary of 64"
    assert sizes["vectors"] == "head 1.2 of 4 per layer, 2 for keys and values, 8 numbers each"
    assert sizes["heads"] == "4 heads × 8 numbers → 32 numbers"
    assert sizes["positions"] == "rotary"


def test_the_place_names_its_stack_where_there_are_two(runs):
    _, capture = runs["t5"]
    place = Place(capture, "encoder", 1, 2, 6)
    assert place_sentence(place).startswith("w6 (6) in the encoder of ")
    assert len(token_offer(place)) == 20
    assert len(token_offer(Place(capture, "decoder", 1, 2, 6))) == len(capture.target)


def test_a_place_of_a_new_run_is_brought_inside_the_watched_one(runs):
    engine, capture = runs["gpt2"]
    watched = Watched(capture, engine.block_trace(capture, 1))
    other = Place(runs["llama"][1], "decoder", 2, 99, 999)
    seen = watched.seen_from(other)
    assert (seen.capture, seen.layer, seen.head, seen.position) == (capture, 1, 3, 19)


def test_labels_are_never_read_as_html(runs):
    group = PointGroup("tokens", np.zeros((1, 2)), ["<b>x</b>"], chosen=0)
    assert token_plane([group], np.zeros(2)).data[0].text == ("&lt;b&gt;x&lt;/b&gt;",)
    assert "&lt;i&gt;" in str(step_table("rows", ("a", "b"), [("<i>", "1")]))
