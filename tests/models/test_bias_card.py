"""Run with `pytest tests/models/test_bias_card.py`."""

from models.recipes.bias.card import MAX_BYTES, tagger_card
from sinklens.bias_records import CATEGORIES, GUS_CATEGORIES


def scores() -> dict:
    bins = [{"from": 0.1, "to": 0.2, "n_words": 1_234, "mean_probability": 0.15, "marked_share": 0.19}]
    row = {"precision": 0.51, "recall": 0.61, "f1": 0.555, "n_words": 4_321, "ece": 0.012}
    source = row | {"n_texts": 77, "marked_share": 0.034}
    ordinary = source | {"n_words": 0, "marked_share": 0.001}
    category = row | {"threshold": 0.37, "f1_of_marking_every_word": 0.222}
    category |= {"by_source": {"StereoSet": source, "Wikipedia": ordinary}}
    return {
        "n_train_texts": 20_000,
        "test": {
            "labels": {label: row | {"bins": bins} for label in GUS_CATEGORIES},
            "categories": dict.fromkeys(CATEGORIES, category),
        },
        "marked_texts": {"stereotype": 0.9, "anti_stereotype": 0.88, "unrelated": 0.07},
    }


def log() -> dict:
    epochs = [
        {"epoch": 1, "loss": 0.2, "minutes": 3.0, "dev_mean_f1": 0.6},
        {"epoch": 2, "loss": 0.1, "minutes": 6.0, "dev_mean_f1": 0.5},
    ]
    return {"recipe": {"n_epochs": 2}, "n_rows": 21_000, "epochs": epochs}


def card(n_bytes: int = 5_400_000) -> str:
    return tagger_card(scores(), log(), n_bytes)


def test_every_measured_number_of_a_category_and_of_a_label_is_in_the_card():
    assert "| Stereotype | 0.510 | 0.610 | 0.555 | 0.222 | 0.012 | 0.37 | 4,321 |" in card()
    assert "| I-UNFAIR | 0.510 | 0.610 | 0.555 | 0.012 | 4,321 |" in card()
    assert "| B-GEN | 0.1–0.2 | 1,234 | 0.150 | 0.190 |" in card()


def test_sources_without_a_marked_word_have_no_scores():
    assert "| Unfair wording | Wikipedia | 77 | – | – | – | 0.1% |" in card()


def test_the_card_says_how_little_it_tells_stereotypes_from_their_opposites():
    assert "stereotypes 90.0%, anti-stereotypes 88.0%, unrelated sentences 7.0%" in card()
    assert "does not know what is a stereotype" in card()


def test_the_weights_are_those_of_the_best_epoch():
    assert "the weights are those of epoch 1 (mean F1 on the dev split 0.600)" in card()


def test_size_licence_and_sources_are_said():
    assert "Size: 5.4 MB, at most 12 asked, met." in card()
    assert "**missed**" in card(MAX_BYTES + 1)
    for source in ("toxic spans", "StereoSet", "CrowS-Pairs", "Wikipedia", "CC0", "CC BY-SA 4.0"):
        assert source in card()
