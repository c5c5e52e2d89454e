"""python -m pytest tests/analysis/test_bias_decision.py"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sinklens.analysis.bias_decision import decide, notes, thresholds_in_force, tier, word_table
from sinklens.errors import BadSelection
from tests.bias.readings import gus_info, reading_of

TEXT = "All gardeners, she said, love rain. Gardeners sing."
MARKS = {0: {"B-GEN": 0.9}, 1: {"I-GEN": 0.72, "B-STEREO": 0.4}, 5: {"I-GEN": 0.6}, 6: {"B-GEN": 0.55}}


def test_a_word_counts_where_one_label_of_the_category_reaches_its_own_threshold():
    info = gus_info(thresholds=gus_info().thresholds | {"I-GEN": 0.7, "B-STEREO": 0.3})
    decision = decide(reading_of(TEXT, MARKS, info))
    assert decision.words_of("generalisation").tolist() == [0, 1, 6]
    assert decision.words_of("stereotype").tolist() == [1]
    assert decision.words_of().tolist() == [0, 1, 6]
    assert decision.words_of("unfair").tolist() == []


def test_a_slider_takes_the_place_of_all_thresholds_of_its_category():
    reading = reading_of(TEXT, MARKS)
    decision = decide(reading, thresholds_in_force(reading.detector, {"generalisation": 0.8}))
    assert decision.words_of().tolist() == [0]
    everything = decide(reading, thresholds_in_force(reading.detector, {"generalisation": 0.0}))
    assert everything.biased.all()


def test_moving_a_slider_up_never_marks_more():
    reading = reading_of(TEXT, MARKS)
    marked = [
        decide(reading, thresholds_in_force(reading.detector, {"generalisation": limit})).biased
        for limit in np.linspace(0, 1, 21)
    ]
    assert all((later <= earlier).all() for earlier, later in pairwise(marked))


def test_spans_are_runs_of_words_that_end_with_the_clause_and_not_with_a_comma():
    marks = {0: {"B-GEN": 0.9}, 1: {"I-GEN": 0.7}, 2: {"I-GEN": 0.8}, 5: {"I-GEN": 0.6}, 6: {"B-GEN": 0.6}}
    spans = decide(reading_of(TEXT, marks)).spans
    assert [(span.first, span.last) for span in spans] == [(0, 2), (5, 5), (6, 6)]
    assert spans[0].text == "All gardeners, she"
    assert spans[0].probability == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("probability", "name"), [(1.0, "high"), (0.85, "high"), (0.84, "medium"), (0.7, "medium"), (0.1, "low")]
)
def test_tiers_begin_at_their_limits(probability, name):
    assert tier(probability) == name


def test_the_table_has_a_row_for_every_marked_word():
    table = word_table(decide(reading_of(TEXT, MARKS)))
    assert table["text"].tolist() == ["All", "gardeners", "rain", "Gardeners"]
    assert table["categories"].tolist() == ["Generalisation"] * 4
    assert table["tier"].tolist() == ["high", "medium", "low", "low"]
    assert table["Stereotype"].tolist() == pytest.approx([0, 0.4, 0, 0])


def test_a_table_without_any_marked_word_has_its_columns():
    table = word_table(decide(reading_of(TEXT, {})))
    assert len(table) == 0
    assert {"text", "tier", "Unfair wording"} <= set(table.columns)


@pytest.mark.parametrize(
    ("text", "marks", "message"),
    [
        (TEXT, {}, "No word is marked"),
        ("Birds fly.", {0: {"B-GEN": 1.0}, 1: {"I-GEN": 1.0}}, "Every word is marked"),
        ("Birds fly.", {}, "has 2 words"),
        ("?!", {}, "no word"),
    ],
)
def test_odd_texts_are_noted_in_a_sentence(text, marks, message):
    assert any(message in note for note in notes(decide(reading_of(text, marks))))


def test_bad_thresholds_and_categories_are_refused():
    with pytest.raises(BadSelection, match="between 0 and 1; got 1"):
        thresholds_in_force(gus_info(), {"unfair": 1.5})
    with pytest.raises(BadSelection, match="got 'rude'"):
        thresholds_in_force(gus_info(), {"rude": 0.5})
    with pytest.raises(BadSelection, match="got 'rude'"):
        decide(reading_of(TEXT, MARKS)).words_of("rude")
