"""What the Geometry page says and draws. Run with: pytest tests/modules/test_geometry.py"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from modules.dive import Stream
from modules.examples import EXAMPLES
from modules.figures.band_lines import BELOW, BandLine, band_lines
from modules.figures.mean_points import mean_points
from modules.figures.state_surface import state_surface
from modules.geometry_drawing import (
    direction_chart,
    facts_of,
    finding,
    grid_axes,
    grid_finding,
    head_grid,
    head_table,
    layer_table,
    rests_on,
    share_range,
)
from modules.geometry_states import draw_states, life, spans_finding, writes_finding
from modules.geometry_study import chosen_texts, cost_sentence, first_choices, layer_sentence
from modules.geometry_surface import flat_picture, map_finding, map_state
from modules.geometry_view import Contributions
from modules.study_drawing import (
    cosine_axes,
    draw_study,
    first_token_finding,
    first_tokens_rest_on,
    pairs_chart,
    skipped_sentences,
    study_finding,
    study_table,
    study_vectors,
    texts_chart,
    texts_rest_on,
)
from sinklens.analysis.sink_geometry import layer_sums
from sinklens.geometry_file import FORMAT, mean_vectors_file
from sinklens.geometry_records import SinkRule, SinkStatistics, SinkStudy, SinkSums, Skipped
from sinklens.residual_records import ResidualStream
from tests.analysis.profiles import capture_from_maps, uniform_maps

LABELS = ["<bos>", "·cat", "<b>x</b>", "·cat", "."]
NBSP, MINUS = "\xa0", "\N{MINUS SIGN}"


def sums_of(by_layer, weight=None, rest=1.0) -> SinkSums:
    """Contributions (n, d) of every layer; one head."""
    layers = []
    for c in by_layer:
        c = np.asarray(c, float)
        w = np.ones((1, len(c))) if weight is None else np.asarray(weight, float)[None]
        norm = np.linalg.norm(c, axis=1)[None]
        layers.append(layer_sums(c, np.full_like(c, rest), w, norm, np.full_like(norm, 3.0)))
    return SinkSums(**{name: np.stack([layer[name] for layer in layers]) for name in layers[0]})


def statistics(sums, text="A text.", first="<bos>", sinks=(0,), **facts) -> SinkStatistics:
    facts = {"is_found": True, "is_replaced": False, **facts}
    labels = tuple(LABELS[key] for key in sinks)
    return SinkStatistics(
        text,
        "self",
        sinks,
        labels,
        n_tokens=5,
        is_causal=True,
        first_id=1,
        first_label=first,
        sums=sums,
        **facts,
    )


@pytest.fixture
def capture():
    return capture_from_maps(
        uniform_maps(2, 1, 5, is_causal=True), is_causal=True, labels=LABELS, specials=(0,)
    )


@pytest.fixture
def constant(capture):
    """Layer 0 always adds (3, 4); layer 1 adds it to half of the queries and takes it from the others."""
    sums = sums_of([[[3.0, 4.0]] * 4, [[3.0, 4.0]] * 3 + [[-3.0, -4.0]]])
    return Contributions.of(capture, statistics(sums))


def study_of(rows, **facts) -> SinkStudy:
    """Rows of contributions (n, d) by first token and text; one layer."""
    own, *others = [
        tuple(
            statistics(sums_of([c]), text=f"Text {i}.", first=first, is_replaced=first != "<bos>")
            for i, c in enumerate(row)
        )
        for first, row in rows.items()
    ]
    texts = tuple(part.text for part in own)
    facts = {"rule": SinkRule(), "stream": "self", **facts}
    return SinkStudy("tiny", "rev", texts=texts, own=own, replaced=tuple(others), **facts)


ALIKE = [[[1.0, 0.0], [2.0, 0.0]]] * 3
ACROSS = [[[0.0, 1.0], [0.0, 2.0]]] * 3


# --- one text -----------------------------------------------------------------------------------------


def test_a_constant_contribution_is_told_with_its_layers(constant):
    assert finding(constant) == (
        "Sink: <bos> (0). Cosine of the contribution to its mean: 0.75 on average over layers, 0.50 in "
        f"layer 1. A constant vector explains 100{NBSP}% of it in layer 0 and {MINUS}200{NBSP}% in layer 1. "
        f"Largest beside what all other tokens write: 3.54{NBSP}× in layer 0."
    )


def test_a_text_without_a_sink_says_that_token_0_stands_in(constant):
    without = replace(constant, statistics=replace(constant.statistics, is_found=False))
    assert finding(without).startswith("No sink was found; token 0 stands in. Sink: <bos> (0).")
    chosen = replace(constant, statistics=replace(constant.statistics, is_found=None))
    assert finding(chosen).startswith("Sink: <bos> (0).")


def test_sinks_that_write_nothing_are_a_result(capture):
    nothing = Contributions.of(capture, statistics(sums_of([np.zeros((4, 2))] * 2), sinks=(0, 2)))
    assert finding(nothing) == "Sinks: <bos> (0), <b>x</b> (2). They contribute nothing in any layer."


def test_numbers_of_one_text_name_the_variation_they_rest_on(constant):
    assert rests_on(constant).startswith(
        "One text, 4 queries a layer: the numbers rest on how these queries differ"
    )


def test_a_value_below_the_axis_is_a_triangle_at_its_edge(constant):
    cosines, explained = direction_chart(constant.geometry).data
    assert list(explained.marker.symbol) == ["square", BELOW]
    assert explained.y[1] == -1
    assert explained.customdata[1] == pytest.approx(-2)
    assert list(cosines.marker.symbol) == ["circle", "circle"]


def test_the_axis_of_shares_begins_at_zero_or_as_low_as_it_must():
    assert share_range(np.array([0.4, 0.9]))[0] == 0
    assert share_range(np.array([0.4, np.nan, -0.3]))[0] == pytest.approx(-0.3)
    assert share_range(np.array([-12.0]), np.array([np.nan]))[0] == -1
    assert share_range(np.array([np.nan]))[0] == 0


def test_the_map_of_heads_names_its_ends(capture):
    sums = sums_of([[[1.0, 0.0], [3.0, 0.0]]] * 2, weight=[0.1, 0.3])
    numbers = Contributions.of(capture, statistics(sums)).geometry
    np.testing.assert_allclose(head_grid(numbers, "weight_variation"), [[0.5], [0.5]])
    np.testing.assert_allclose(head_grid(numbers, "part"), [[0.4], [0.4]])
    assert grid_finding(numbers, "weight").startswith(f"Mean weight on the sinks: from 20{NBSP}% in head 0.0")
    assert grid_axes(head_grid(numbers, "part"), "part").readings[1] == f"Head 1.0: 40{NBSP}%"


def test_a_head_without_weight_on_the_sinks_is_not_applicable(capture):
    numbers = Contributions.of(capture, statistics(sums_of([np.zeros((2, 2))], weight=[0, 0]))).geometry
    values = head_grid(numbers, "weight_variation")
    assert grid_finding(numbers, "weight_variation") == "No head puts weight on the sinks."
    assert grid_axes(values, "weight_variation").readings == ["Head 0.0: not applicable"]


def test_the_tables_hold_every_number_of_the_charts(constant):
    table = layer_table(constant.geometry)
    np.testing.assert_allclose(table["explained"], [1, -2])
    np.testing.assert_allclose(table["mean_norm"], [5, 2.5])
    assert table["n_queries"].tolist() == [4, 4]
    assert head_table(constant.geometry)[["layer", "head"]].to_numpy().tolist() == [[0, 0], [1, 0]]
    assert facts_of(constant.statistics)["first_token"] == "<bos>"


# --- the study ----------------------------------------------------------------------------------------


def test_a_bias_of_the_first_token_is_told_apart_from_one_of_the_sink():
    found = draw_study(study_of({"<bos>": ALIKE, "the": ACROSS}))
    assert study_finding(found) == (
        f"3 texts as they are: cosine to the common mean 1.00 on average over layers (95{NBSP}% "
        f"interval over texts 1.00 to 1.00), 1.00 in layer 0. The mean of the other texts explains 89{NBSP}% "
        "of a text (median)."
    )
    assert first_token_finding(found).startswith(
        "With 1 other first token in the same texts, means of two first tokens have a cosine of 0.00 on "
        f"average over layers (95{NBSP}% interval over texts 0.00 to 0.00); between texts with their own "
        "first token 1.00."
    )
    assert found.every.directionality[0] == pytest.approx(np.sqrt(0.5))


def test_what_is_trivial_is_said():
    found = draw_study(study_of({"<bos>": ALIKE, "the": ACROSS}))
    assert "all begin with <bos>" in texts_rest_on(found)
    assert "its value vector cannot differ" in texts_rest_on(found)
    assert "draw texts, not first tokens" in first_tokens_rest_on(found)


def test_a_model_that_reads_both_ways_is_not_called_trivial():
    study = study_of({"[CLS]": ALIKE})
    found = draw_study(replace(study, own=tuple(replace(part, is_causal=False) for part in study.own)))
    assert "attention goes both ways" in texts_rest_on(found)
    assert "cannot differ" not in texts_rest_on(found)


def test_texts_with_other_first_tokens_or_sinks_are_not_called_trivial():
    study = study_of({"<bos>": ALIKE})
    odd = replace(study.own[1], first_label="The", sinks=(0, 4))
    found = draw_study(replace(study, own=(study.own[0], odd, study.own[2])))
    sentence = texts_rest_on(found)
    assert "2 different first tokens" in sentence
    assert "token 0 in 2 texts; tokens 0, 4 in 1 text" in sentence
    assert "cannot differ" not in sentence
    assert found.names == ["own first tokens"]


def test_a_sink_elsewhere_is_only_changed_from_afar():
    study = study_of({"<bos>": ALIKE, "the": ACROSS})
    found = draw_study(replace(study, own=tuple(replace(part, sinks=(4,)) for part in study.own)))
    assert "In 3 of 3 texts token 0 is no sink" in first_tokens_rest_on(found)


def test_one_text_has_neither_interval_nor_others():
    found = draw_study(study_of({"<bos>": ALIKE[:1]}))
    assert study_finding(found) == (
        "1 text as it is: cosine to the common mean 1.00 on average over layers, 1.00 in layer 0."
    )
    assert "Intervals need three texts" in texts_rest_on(found)
    assert first_token_finding(found) == "Other first tokens were not tried."
    assert len(texts_chart(found, "directionality").data) == 2  # single texts, and the line
    assert [trace.name for trace in pairs_chart(found).data] == ["nothing to compare"]


def test_bands_belong_to_their_lines():
    rng = np.random.default_rng(0)
    rows = {first: [rng.normal([2, 0], 1, (5, 2)) for _ in range(6)] for first in ("<bos>", "the")}
    found = draw_study(study_of(rows))
    low, high = found.bands["own directionality"]
    assert low[0] <= found.own.directionality[0] <= high[0]
    assert set(found.bands) >= {"every explained", "own norm_ratio", "pairs"}
    assert len(texts_chart(found, "explained").data) == 6  # two bands, points, three lines


def test_the_matrix_and_the_plane_name_first_tokens_and_texts():
    found = draw_study(study_of({"<bos>": ALIKE, "<i>": ACROSS}))
    assert cosine_axes(found).rows == ["<bos> (own)", "<i>"]
    np.testing.assert_allclose(found.cosines[0], [[1, 0], [0, 1]], atol=1e-9)
    assert found.points.shape == (1, 2, 3, 2)
    figure = mean_points(found.points[0], found.explained[0], found.names, ["a", "b", "c"])
    assert [trace.name for trace in figure.data] == ["&lt;bos&gt; (own)", "&lt;i&gt;"]
    assert layer_sentence(found, 0).startswith("Layer 0: means of two first tokens have a cosine of 0.00")


def test_what_was_left_out_is_told_with_its_reason():
    study = study_of(
        {"<bos>": ALIKE}, skipped=(Skipped("A very long text that goes on and on.", "Too long."),)
    )
    assert skipped_sentences(study) == ["Left out: “A very long text that goes o …”. Too long."]


def test_the_studys_table_names_scopes_and_intervals():
    table = study_table(draw_study(study_of({"<bos>": ALIKE, "the": ACROSS})))
    assert table["scope"].value_counts().to_dict() == {
        "text": 6,
        "text, mean of the other texts": 3,
        "all texts": 2,
        "all texts and first tokens": 1,
    }
    own = table[(table["scope"] == "all texts") & (table["first_token"] == "<bos> (own)")]
    assert own["directionality_low"].notna().all()
    other = table[(table["scope"] == "all texts") & (table["first_token"] == "the")]
    assert other["directionality_low"].isna().all()


def test_the_file_of_means_reads_back_with_what_it_rests_on(tmp_path):
    study = study_of({"<bos>": ALIKE, "\ud83d": ACROSS})
    path = tmp_path / "means.safetensors"
    path.write_bytes(
        mean_vectors_file(
            study_vectors(draw_study(study)),
            model=study.model,
            revision=study.revision,
            stream=study.stream,
            rule=study.rule,
            parts=study.own,
        )
    )
    with safe_open(path, "np") as file:
        facts = file.metadata()
        np.testing.assert_allclose(file.get_tensor("mean.first_token.own"), [[1.5, 0]])
    assert (facts["format"], facts["model"], facts["revision"]) == (FORMAT, "tiny", "rev")
    assert facts["sink_set"] == "the sinks found in each text, token 0 where there are none"
    assert [text["n_queries"] for text in json.loads(facts["texts"])] == [[2], [2], [2]]


def test_rules_say_which_tokens_they_mean():
    assert SinkRule(found=False, added=(5,)).sentence() == "token 0, and token 5"
    assert SinkRule(fixed=(0, 3)).sentence() == "tokens 0, 3"


def test_texts_are_the_chosen_ones_and_own_lines_each_once(capture):
    fox = next(example.text for example in EXAMPLES if example.id == "fox")
    texts = chosen_texts(("this", "fox", "gone"), f"One line.\n\n  {fox}\n", capture)
    assert texts == (capture.request.text, fox, "One line.")
    assert chosen_texts(None, None, capture) == ()


def test_first_tokens_come_from_the_text_without_its_own(capture):
    ids = capture.prompt.ids
    choices, first = first_choices(capture, "self")
    assert str(ids[0]) not in choices
    assert set(first) <= set(choices)
    assert first_choices(capture, "decoder") == ({}, [])


def test_the_cost_is_told_before():
    assert cost_sentence(6, 4, "self") == (
        "6 texts × (own first token + 4 others) = 30 passes, one after the other."
    )
    assert cost_sentence(0, 4, "self") == "Choose at least one text."
    assert cost_sentence(2, 0, "decoder").startswith(
        "2 texts, one pass each. Other first tokens are not applicable"
    )


# --- states -------------------------------------------------------------------------------------------


@pytest.fixture
def stream(capture):
    """Two layers, five tokens: dimension 2 of token 0 is massive after layer 1 alone."""
    states = np.full((3, 5, 4), 0.05, np.float32)
    states[1, 0, 2] = -200.0
    attention, mlp = np.ones((2, 5, 4), np.float32), np.ones((2, 5, 4), np.float32)
    mlp[0, 0] = 50.0
    return Stream(capture, ResidualStream(states, attention, None, mlp, states[-1], is_additive=True))


def test_what_is_written_at_sinks_is_held_against_the_others(stream):
    found = draw_states(stream, (0,))
    np.testing.assert_allclose(found.at_sinks["feed-forward"], [100, 2])
    np.testing.assert_allclose(found.at_others["feed-forward"], [2, 2])
    assert f"feed-forward of layer 0 writes 100 at the sinks and 2 elsewhere (50{NBSP}×)" in writes_finding(
        found
    )


def test_without_sinks_or_without_others_nothing_is_compared(stream):
    assert writes_finding(draw_states(stream, ())) == "Not applicable: no token of this stack is a sink."
    everything = draw_states(stream, (0, 1, 2, 3, 4, 9))
    assert everything.sinks == (0, 1, 2, 3, 4)
    assert "no other tokens" in writes_finding(everything)


def test_the_life_of_a_massive_activation_is_told(stream):
    found = draw_states(stream, (0,))
    (span,) = found.spans["relative"]
    assert life(span) == "appears after layer 0, gone after layer 1"
    assert spans_finding(found, "relative") == (
        f"1 massive life of 1 token. Largest: dimension 2 of <bos> (0), -200 after layer 0 (4,000{NBSP}× the "
        "median); appears after layer 0, gone after layer 1."
    )


def test_nothing_massive_is_a_result(stream):
    calm = replace(stream, residual=replace(stream.residual, states=np.full((3, 5, 4), 0.05, np.float32)))
    assert spans_finding(draw_states(calm, (0,)), "absolute").startswith("No activation is massive by this")


def test_the_landscape_keeps_the_highest_dimensions_and_says_so(stream):
    found = map_state(stream, 1, 2)
    assert 2 in found.dimensions
    assert found.sizes.shape == (5, 2)
    assert map_finding(found) == (
        "|h| after layer 0, the 2 of 4 dimensions that reach highest, in their order. Highest: 200 in "
        "dimension 2 of <bos> (0); the median of all numbers is 0.05."
    )
    assert "all dimensions" in map_finding(map_state(stream, 1, 64))


def test_the_flat_map_reads_numbers_with_their_sign(stream):
    drawn = flat_picture(map_state(stream, 1, 2))
    assert drawn.values.shape == (2, 5)
    row = list(map_state(stream, 1, 2).dimensions).index(2)
    assert drawn.axes.readings[row * 5] == "Dimension 2 of <bos> (0): -200"


def test_names_in_three_dimensions_are_text_and_no_tags(stream):
    found = map_state(stream, 1, 2)
    for kind, trace in (("surface", "surface"), ("wireframe", "scatter3d")):
        figure = state_surface(found.sizes, found.tokens, found.dimensions, kind=kind)
        assert figure.data[0].type == trace
        assert figure.layout.scene.yaxis.ticktext[0] == "‹bos› (0)"
    surface = state_surface(found.sizes, found.tokens, found.dimensions, kind="surface").data[0]
    assert surface.text[2][0].startswith("&lt;b&gt;x&lt;/b&gt; (2)")


def test_bands_leave_out_layers_without_numbers():
    line = BandLine("x", np.array([1.0, np.inf]), "red", band=(np.array([0.5, np.nan]), np.array([2.0, 3.0])))
    band, drawn = band_lines([line], y_title="y", log=True).data
    assert list(band.y) == [0.5, 2.0]
    assert np.isnan(drawn.y[1])
