"""Run with `pytest tests/modules/test_geometry_study.py`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from modules.examples import EXAMPLES
from modules.figures.mean_points import mean_points
from modules.geometry_study import chosen_texts, cost_sentence, first_choices, layer_sentence
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
from sinklens.geometry_file import FORMAT, mean_vectors_file
from sinklens.geometry_records import SinkRule, Skipped
from tests.analysis.profiles import capture_from_maps, uniform_maps
from tests.modules.sink_sums import LABELS, NBSP, study_of

ALIKE = [[[1.0, 0.0], [2.0, 0.0]]] * 3
ACROSS = [[[0.0, 1.0], [0.0, 2.0]]] * 3


@pytest.fixture
def capture():
    return capture_from_maps(
        uniform_maps(2, 1, 5, is_causal=True), is_causal=True, labels=LABELS, specials=(0,)
    )


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
