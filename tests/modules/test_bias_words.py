"""What the Bias page says of marked words, on readings made by hand.

python -m pytest tests/modules/test_bias_words.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bias_bench import MILD, any_probability, read_label_map
from modules.bias_drawing import (
    card_section,
    detection_finding,
    detection_frame,
    legend,
    marked_text,
    method_box,
    moved_sliders,
    notes_list,
    safe_markdown,
    score_sentence,
    score_table,
    slider_starts,
    words_table,
)
from modules.bias_text_choice import typed_detector, which_text
from modules.bias_words import Detector, first_token
from modules.quantity import percent
from sinklens.analysis.bias_decision import decide, thresholds_in_force
from sinklens.analysis.composite_score import composite_score
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.errors import BadSelection
from tests.bias.readings import gus_info, reading_of
from tests.capture.tiny_models import tiny_tokenizer

TEXT = "All cats are quiet, and dogs bark."
MARKS = {0: {"B-GEN": 0.9}, 1: {"B-STEREO": 0.8, "I-GEN": 0.6}, 5: {"B-STEREO": 0.4}}


@pytest.fixture
def decision():
    return decide(reading_of(TEXT, MARKS))


def test_the_finding_counts_words_by_category_and_names_the_surest(decision):
    assert detection_finding(decision) == (
        "2 of 7 words are marked: 1 Stereotype, 2 Generalisation (thresholds S 0.50, G 0.50, U 0.50). The "
        f"detector is surest of “All”: {percent(0.9)}, high."
    )


def test_without_a_mark_the_closest_word_and_the_thresholds_are_told():
    found = detection_finding(decide(reading_of(TEXT, {5: {"B-STEREO": 0.4}})))
    assert found.startswith("None of the 7 words reaches its threshold (S 0.50, G 0.50, U 0.50).")
    assert "Closest: “dogs” as Stereotype with 40" in found


def test_a_text_of_punctuation_a_short_one_and_one_that_is_all_marked_have_a_sentence_each():
    assert "only punctuation" in detection_finding(decide(reading_of("?!", {})))
    short = decide(reading_of("Cats bark.", {0: {"B-GEN": 0.9}, 1: {"B-GEN": 0.9}}))
    assert "has 2 words" in str(notes_list(short))
    assert "Every word is marked" in str(notes_list(short))


def test_every_marked_word_has_letters_besides_its_colour(decision):
    drawn = str(marked_text(decision, pick="word"))
    assert drawn.count("<button") == 2
    assert 'class="bias-mark bias-generalisation"' in drawn
    assert 'class="bias-mark bias-several"' in drawn
    assert 'data-letters="SG"' in drawn
    assert 'data-letters="G"' in drawn
    for letter in ("S · Stereotype", "G · Generalisation", "U · Unfair wording", "SG … · Several"):
        assert letter in str(legend(decision.categories))


def test_the_text_around_marks_is_whole_and_never_read_as_html():
    text = "<b>Cats</b> &amp; dogs"
    found = decide(reading_of(text, {1: {"B-GEN": 0.9}}))
    assert "<b>" not in str(marked_text(found, pick="word"))
    assert "&lt;" in str(marked_text(found, pick="word"))


def test_the_table_has_a_row_for_each_marked_word_with_its_tier(decision):
    drawn = str(words_table(decision, pick="word"))
    assert drawn.count('scope="row"') == 2
    assert "medium · 80" in drawn
    assert "high · 90" in drawn
    assert "Stereotype, Generalisation" in drawn


def test_the_file_has_every_word_marked_or_not(decision):
    frame = detection_frame(decision)
    assert frame["text"].tolist() == ["All", "cats", "are", "quiet", "and", "dogs", "bark"]
    assert frame["marked"].sum() == 2
    assert frame.loc[5, "stereotype"] == pytest.approx(0.4)
    assert [TEXT[a:b] for a, b in zip(frame["start"], frame["end"], strict=True)] == frame["text"].tolist()
    assert detection_frame(decide(reading_of("?!", {}))).empty


def test_a_slider_at_its_start_leaves_the_thresholds_of_single_labels_alone():
    limits = dict(gus_info().thresholds) | {"B-STEREO": 0.42, "I-STEREO": 0.36}
    info = gus_info(thresholds=limits)
    starts = slider_starts(info)
    assert starts["stereotype"] == pytest.approx(0.39)
    assert moved_sliders(info, starts) == {}
    assert moved_sliders(info, starts | {"stereotype": None}) == {}
    moved = moved_sliders(info, starts | {"stereotype": 0.2})
    assert thresholds_in_force(info, moved)["B-STEREO"] == 0.2


def test_the_composite_score_is_shown_with_its_parts(decision):
    found = composite_score(decision)
    assert f"{found.value:.2f} of 1: {found.level}" in score_sentence(found)
    drawn = str(score_table(found))
    for part in ("Marked words", "Stereotype", "Generalisation", "Unfair wording"):
        assert part in drawn


def test_the_method_box_gives_the_limits_of_the_card_first():
    card = "---\nlicense: x\n---\n# Tagger\n\n## Limits\n\nEnglish **only**.\n\n## Training\n\nLong."
    drawn = str(method_box(gus_info(card=card)))
    assert drawn.index("English <strong>only</strong>.") < drawn.index("<details")
    assert "license" not in drawn
    assert card_section(card, "limits") == "English **only**."
    assert "nothing is known about its limits" in str(method_box(gus_info()))


def test_html_and_pictures_of_a_strangers_card_are_not_run():
    drawn = safe_markdown("<script>x()</script>\n\n![p](http://a/b.png)\n\n[l](javascript:x)\n\n# T")
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert 'href="javascript' not in drawn
    assert "<h3>T</h3>" in drawn


def test_a_label_map_is_read_line_by_line():
    assert read_label_map("RUDE = Unfair\n\nOK =") == (("RUDE", "unfair"), ("OK", ""))
    with pytest.raises(BadSelection, match="Line 2"):
        read_label_map("RUDE = unfair\nnonsense")


def test_atyped_detector_detector_needs_a_name():
    assert typed_detector("", "").startswith("Name a checkpoint")
    assert typed_detector("a/b", "X = unfair") == Detector("a/b", (("X", "unfair"),))
    assert typed_detector("a/b", "X").startswith("Line 1")


def test_a_chosen_word_selects_the_first_token_that_shares_a_character_with_it():
    prompt = tokenise(tiny_tokenizer(), "w1 w2 w3", TokenPolicy(), n_tokens_max=None)
    tokens = [token for token in prompt.tokens if token.start is not None and not token.is_special]
    start = prompt.text.index("w2")
    chosen = first_token(prompt, start, start + 2)
    assert tokens[0].index < chosen
    assert prompt.tokens[chosen].end > start
    assert first_token(prompt, 90, 95) is None


def test_the_offered_examples_are_whole_sentences_of_their_own():
    assert all(text.endswith(".") and len(text) < 120 for text in MILD.values())


def test_the_largest_probability_of_any_category_ignores_thresholds():
    assert np.allclose(any_probability(reading_of(TEXT, MARKS))[[0, 1, 2, 5]], [0.9, 0.8, 0, 0.4])


def test_an_empty_text_is_never_read_in_silence():
    assert which_text("", "", has_asked=False).startswith("Nothing was typed yet: this page is still about")
    assert which_text("  ", "  ", has_asked=True).startswith("The text is empty: this page is still about")
    assert "has changed since" in which_text("old", "new", has_asked=True)
    assert which_text("old", "old", has_asked=True).startswith("This page is about the text above")
