"""The tagger that comes with SinkLens. python -m pytest tests/bias/test_bundled_tagger.py"""

from __future__ import annotations

import json

import pytest
from safetensors import safe_open

from sinklens.analysis.bias_decision import decide
from sinklens.attribution_records import MAX_RESIDUAL
from sinklens.bias.gradients import integrated_gradients
from sinklens.bias.scored_text import score_bias
from sinklens.bias.token_classifier import BUNDLED, BUNDLED_FOLDER, find_detector, load_classifier
from sinklens.bias_records import CATEGORIES, GUS_LABELS
from sinklens.settings import Settings

FOLDER = Settings().models_dir / BUNDLED_FOLDER
MAX_BYTES = 12_000_000

pytestmark = pytest.mark.skipif(not (FOLDER / "model.safetensors").exists(), reason="not bundled")


@pytest.fixture(scope="module")
def tagger():
    return load_classifier(find_detector(BUNDLED, Settings()))


def test_it_is_small_and_has_nothing_that_could_run_code():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}
    with safe_open(FOLDER / "model.safetensors", framework="pt") as weights:
        names = weights.keys()
        assert {weights.get_slice(name).get_dtype() for name in names} == {"F16"}


def test_labels_thresholds_and_card_are_found(tagger):
    info = tagger.info
    assert (info.name, info.source) == (BUNDLED, "bundled")
    assert info.labels == GUS_LABELS
    assert info.categories == CATEGORIES
    assert info.thresholds_from == "from the checkpoint (thresholds.json)"
    assert info.card.startswith("# English bias tagger")


def test_the_card_shows_what_was_measured():
    measured = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))["test"]
    card = (FOLDER / "README.md").read_text("utf-8")
    for row in measured["categories"].values():
        assert f"| {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |" in card
    assert len(measured["labels"]) == 6
    for row in measured["labels"].values():
        assert f"| {row['ece']:.3f} |" in card


def test_every_category_is_found_far_better_than_by_marking_every_word():
    measured = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))["test"]["categories"]
    for row in measured.values():
        assert row["f1"] > 1.5 * row["f1_of_marking_every_word"]
        assert row["ece"] < 0.1


def test_a_general_statement_is_marked_and_plain_sentences_are_not(tagger):
    general = decide(tagger.read("I think that all gardeners are lazy."))
    assert {general.reading.words[word] for word in general.words_of("generalisation")} >= {"gardeners"}
    for text in ("The river rises in the hills and flows north.", "We met at the station at nine."):
        assert decide(tagger.read(text)).n_biased == 0


def test_its_bias_score_can_be_attributed(tagger):
    found = integrated_gradients(score_bias(tagger, "I think that all gardeners are lazy."), "mask")
    assert found.residual < MAX_RESIDUAL
