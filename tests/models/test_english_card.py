"""Run with `pytest tests/models/test_english_card.py`."""

from models.recipes.english.card import pipeline_card
from models.recipes.english.training import SCORES


def scores(pos: float, ents: float) -> dict:
    measured = dict.fromkeys(SCORES, 0.5) | {"pos_acc": pos, "ents_f": ents}
    return {"from raw text": measured, "from the treebank's words": dict.fromkeys(SCORES, 0.9)}


def test_the_card_says_which_targets_are_met_and_which_are_missed():
    card = pipeline_card(scores(0.941, 0.65), 14_200_000)
    assert "accuracy, from raw text: at least 93 asked, 94.1 reached, met." in card
    assert "at least 70 asked, 65.0 reached, **missed**." in card
    assert "Size: 14.2 MB, at most 15 asked, met." in card


def test_the_card_has_every_score_measured_both_ways():
    card = pipeline_card(scores(0.9, 0.9), 1)
    assert all(label in card for label in SCORES.values())
    assert "| Heads, unlabelled attachment | 50.0 | 90.0 |" in card


def test_the_card_names_sources_and_licence():
    card = pipeline_card(scores(0.9, 0.9), 1)
    for source in ("English Web Treebank", "Universal NER", "Wikipedia", "CC BY-SA 4.0"):
        assert source in card
