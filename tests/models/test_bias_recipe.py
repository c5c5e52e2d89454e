"""The bias tagger's recipe. Run with `pytest tests/models/test_bias_recipe.py`."""

import numpy as np
import pytest
import spacy

from models.recipes.bias.corpus import PIPELINE
from models.recipes.bias.evaluation import best_threshold, calibration, evaluate, f1_scores, marked_texts
from models.recipes.bias.examples import Example, split_of, unmarked
from models.recipes.bias.generalisations import GROUPS, general_subjects, made_up
from models.recipes.bias.rows import rows_of, word_targets
from models.recipes.bias.stereotypes import differing_clause, mentions
from models.recipes.bias.toxic_spans import runs
from models.recipes.bias.training import TaggerRecipe, batches, rate, word_probabilities
from sinklens.bias_records import GUS_CATEGORIES, GUS_LABELS
from tests.bias.test_token_classifier import piece_tokenizer

needs_pipeline = pytest.mark.skipif(not (PIPELINE / "meta.json").exists(), reason="no bundled pipeline")


@pytest.fixture(scope="module")
def nlp():
    return spacy.load(PIPELINE, exclude=["ner"])


def example(**marks):
    return Example("w1 w2 w3, w4.", "patterns", "general", "train", marks)


def test_characters_become_runs():
    assert runs([5, 3, 4, 9, 5]) == [(3, 6), (9, 10)]
    assert runs([]) == []


def test_a_key_is_always_in_the_same_split_and_most_keys_train():
    splits = [split_of(f"key {number}") for number in range(2_000)]
    assert splits == [split_of(f"key {number}") for number in range(2_000)]
    assert 0.17 < splits.count("test") / 2_000 < 0.23
    assert 0.07 < splits.count("dev") / 2_000 < 0.13


def test_words_that_share_a_character_with_a_mark_are_marked_and_runs_begin_with_b():
    targets, known = word_targets(example(unfair=[(1, 5)], stereotype=[], generalisation=[(9, 12)]))
    labels = [[GUS_LABELS[at] for at in np.flatnonzero(row)] for row in targets]
    assert labels == [["B-UNFAIR"], ["I-UNFAIR"], ["O"], ["B-GEN"]]
    assert known.tolist() == [1] * 7


def test_a_category_that_is_not_known_is_masked_and_so_is_o():
    _, known = word_targets(example(unfair=[]))
    assert [GUS_LABELS[at] for at in np.flatnonzero(known)] == ["B-UNFAIR", "I-UNFAIR"]


def test_all_pieces_of_a_word_have_its_labels_and_punctuation_teaches_nothing():
    (row,) = rows_of(piece_tokenizer_with_ends(), marked(), 7, 64)
    assert row.words.tolist() == [-1, 0, 0, 1, 1, 2, 2, -1, 3, 3, -1, -1]
    assert row.targets[3:5, GUS_LABELS.index("B-UNFAIR")].tolist() == [1, 1]
    assert row.known.any(axis=1).tolist() == (row.words >= 0).tolist()
    assert row.example == 7


def marked():
    return example(**(unmarked() | {"unfair": [(3, 5)]}))


def piece_tokenizer_with_ends():
    tokenizer = piece_tokenizer()
    tokenizer.add_special_tokens({"cls_token": "<bos>", "sep_token": "<eos>"})
    return tokenizer


def test_a_long_text_becomes_windows_and_every_word_gets_the_largest_of_its_pieces():
    rows = rows_of(piece_tokenizer_with_ends(), marked(), 0, 5)
    assert [len(row.ids) for row in rows] == [5, 5, 5, 3]
    logits = [np.full((len(row.ids), 7), -9.0) for row in rows]
    logits[0][2, 1] = 2.0  # a piece of the first word
    found = word_probabilities(logits, rows)[0]
    assert found.shape == (4, 7)
    assert found[0, 1] == pytest.approx(1 / (1 + np.exp(-2)))
    assert found[1:].max() < 0.001


def test_batches_hold_every_row_once_and_no_more_than_their_tokens():
    rows = rows_of(piece_tokenizer_with_ends(), marked(), 0, 4) * 3
    found = list(batches(rows, 12, None))
    assert sorted(id(row) for batch in found for row in batch) == sorted(id(row) for row in rows)
    assert all(len(batch) * max(len(row.ids) for row in batch) <= 12 for batch in found)


def test_the_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [rate(step, 100, TaggerRecipe()) for step in range(101)]
    assert max(rates) == pytest.approx(1, abs=0.02)
    assert rates[0] < 0.2
    assert rates[100] == 0


@needs_pipeline
@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Most women love long walks.", "Most women"),
        ("I think teachers are polite.", "teachers"),
        ("Old people are often lonely.", "Old people"),
        ("Every nurse knows this.", "Every nurse"),
        ("My teachers are polite.", None),
        ("The two women like long walks.", None),
        ("Women marched through the city in 1917.", None),
        ("Trees grow slowly.", None),
    ],
)
def test_general_statements_about_groups_are_told_from_narrow_ones(nlp, text, subject):
    found = [text[start:end] for start, end in general_subjects(nlp(text))]
    assert found == ([] if subject is None else [subject])


def test_made_up_sentences_mark_their_subject_and_keep_groups_to_one_split():
    examples = list(made_up())
    general = [e for e in examples if e.kind == "general"]
    for one in general:
        ((start, end),) = one.marks["generalisation"]
        subject = one.text[start:end].casefold()
        assert any(subject.endswith(group.casefold()) for group in GROUPS[one.split].split())
        assert one.text[0].isupper()
    assert all(one.marks["generalisation"] == [] for one in examples if one.kind == "narrow")
    groups = [set(words.split()) for words in GROUPS.values()]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


@needs_pipeline
def test_the_words_that_differ_and_content_words_beside_them_are_marked(nlp):
    text = "When it rained, tall gardeners kept large hats, he said."
    spans = differing_clause(nlp(text), nlp("When it rained, short gardeners kept large hats, he said."))
    assert [text[start:end] for start, end in spans] == ["tall", "gardeners", "kept", "large", "hats"]


def test_a_target_is_found_inside_longer_words_but_not_in_their_middle():
    text = "Peruvians from Peru, superuser"
    assert [text[a:b] for a, b in mentions("Peru", text)] == ["Peruvians", "Peru"]


def test_scores_of_a_worked_example():
    truth = np.array([True, True, False, False])
    found = f1_scores(np.array([True, False, True, False]), truth)
    assert found == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n_words": 2}
    assert 0.3 <= best_threshold(np.array([0.9, 0.6, 0.3, 0.1]), truth) <= 0.6


def test_calibration_is_perfect_where_probabilities_are_shares():
    probabilities = np.repeat([0.05, 0.75], [100, 100])
    truth = np.zeros(200, bool)
    truth[:5] = truth[100:175] = True
    found = calibration(probabilities, truth)
    assert found["ece"] == pytest.approx(0, abs=1e-9)
    assert [row["n_words"] for row in found["bins"]] == [100, 100]
    assert calibration(np.full(10, 0.9), np.zeros(10, bool))["ece"] == pytest.approx(0.9)


def test_only_words_for_which_a_category_is_known_are_counted():
    examples = [marked(), example(generalisation=[(0, 2)])]
    found = {0: np.zeros((4, 7)), 1: np.zeros((4, 7))}
    found[0][1, GUS_LABELS.index("B-UNFAIR")] = 0.9
    found[1][:, GUS_LABELS.index("B-UNFAIR")] = 0.9  # not known there
    found[1][0, GUS_LABELS.index("I-GEN")] = 0.9  # the category counts, whatever B or I
    scores = evaluate(examples, found, dict.fromkeys(GUS_CATEGORIES, 0.5))["categories"]
    assert scores["unfair"]["precision"] == scores["unfair"]["recall"] == 1
    assert scores["generalisation"]["f1"] == 1
    assert scores["stereotype"]["n_words"] == 0


def test_sentences_of_stereoset_are_counted_by_kind():
    examples = [Example("w1", "StereoSet", kind, "test") for kind in ("stereotype", "unrelated", "unrelated")]
    found = {0: np.full((1, 7), 0.8), 1: np.full((1, 7), 0.8), 2: np.zeros((1, 7))}
    assert marked_texts(examples, found, "stereotype", 0.5) == {"stereotype": 1, "unrelated": 0.5}
