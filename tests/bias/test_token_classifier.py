"""python -m pytest tests/bias/test_token_classifier.py"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForTokenClassification, AutoTokenizer, PreTrainedTokenizerFast

from sinklens.analysis.bias_decision import decide
from sinklens.bias.token_classifier import BUNDLED, find_detector, load_classifier
from sinklens.bias_records import GUS_LABELS
from sinklens.errors import BadSelection, EmptyText, ModelNotFound, ModelRefused, NoOffsets, RunCancelled
from sinklens.settings import Settings
from tests.bias.tiny_classifiers import save_classifier
from tests.capture.tiny_models import save_tiny

GPT2_TOKENIZER = Path(__file__).parents[3] / "shared" / "data" / "tokenizers" / "gpt2"
TEXT = "w1 w2, w3 w4. w5!"


def piece_tokenizer() -> PreTrainedTokenizerFast:
    """Words are cut into a letter and a number; punctuation stands alone."""
    entries = ["<pad>", "<bos>", "<eos>", "<mask>", "<unk>", "w", ",", ".", "!", *map(str, range(10))]
    backend = Tokenizer(models.WordLevel({entry: i for i, entry in enumerate(entries)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Split("w", "isolated"),
        ]
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


def _load(folder, **choices):
    return load_classifier(find_detector(str(folder), Settings()), **choices)


@pytest.fixture(scope="module")
def gus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gus-net-tiny")
    return save_classifier(folder, tokenizer=piece_tokenizer())


def test_probabilities_of_words_are_the_largest_of_their_pieces(gus):
    reading = _load(gus).read(TEXT)
    assert reading.words == ("w1", "w2", "w3", "w4", "w5")
    assert reading.piece_labels == ("w", "1", "w", "2", ",", "w", "3", "w", "4", ".", "w", "5", "!")
    assert reading.piece_words.tolist() == [0, 0, 1, 1, -1, 2, 2, 3, 3, -1, 4, 4, -1]
    model, tokenizer = (
        AutoModelForTokenClassification.from_pretrained(gus),
        AutoTokenizer.from_pretrained(gus),
    )
    with torch.inference_mode():
        theirs = model(**tokenizer(TEXT, return_tensors="pt")).logits[0, 1:-1].sigmoid().numpy()
    np.testing.assert_allclose(reading.piece_probabilities, theirs, atol=1e-6)
    np.testing.assert_allclose(reading.probabilities[2], theirs[5:7].max(axis=0), atol=1e-6)


def test_punctuation_is_never_marked(gus):
    reading = _load(gus).read("w1 , !")
    assert decide(reading, dict.fromkeys(reading.detector.thresholds, 0.0)).words_of().tolist() == [0]


def test_thresholds_move_without_the_model(gus):
    classifier = _load(gus)
    reading = classifier.read(TEXT)
    classifier.model = None
    limit = float(np.median(reading.probabilities))
    assert decide(reading, dict.fromkeys(reading.detector.thresholds, limit)).n_biased > 0
    assert decide(reading, dict.fromkeys(reading.detector.thresholds, 1.1)).n_biased == 0


def test_a_long_text_is_read_in_parts_and_every_word_is_in_one(tmp_path):
    folder = save_classifier(tmp_path, tokenizer=piece_tokenizer(), max_position_embeddings=16)
    text = " ".join(f"w{i % 10}" for i in range(40))
    reading = _load(folder).read(text)
    assert len(reading.piece_labels) == 80
    assert (reading.probabilities > 0).all()
    assert "read in 6 parts" in reading.warnings[0]


def test_stopping_takes_effect_between_two_parts(tmp_path):
    folder = save_classifier(tmp_path, tokenizer=piece_tokenizer(), max_position_embeddings=16)
    done = []
    with pytest.raises(RunCancelled):
        _load(folder).read(
            " ".join(["w1"] * 40), lambda share, message: done.append(share), lambda: bool(done)
        )
    assert done == [1 / 6]


def test_a_gus_checkpoint_with_unnamed_labels_is_known_by_its_name(tmp_path):
    unnamed = tuple(f"LABEL_{i}" for i in range(7))
    folder = save_classifier(tmp_path / "gus-net-bert", labels=unnamed)
    info = _load(folder).info
    assert info.labels == GUS_LABELS
    assert info.activation == "sigmoid"
    assert info.thresholds["B-STEREO"] == 0.4071
    assert "published" in info.thresholds_from
    with pytest.raises(BadSelection, match="LABEL_0"):
        _load(save_classifier(tmp_path / "another", labels=unnamed))


@pytest.mark.parametrize("in_config", [True, False])
def test_thresholds_of_the_checkpoint_come_before_published_ones(tmp_path, in_config):
    folder, own = tmp_path / "gus-net-bert", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    save_classifier(folder, **({"thresholds": own} if in_config else {}))
    if not in_config:
        (folder / "thresholds.json").write_text(json.dumps(dict(zip(GUS_LABELS, own, strict=True))))
    info = _load(folder).info
    assert info.thresholds == dict(zip(GUS_LABELS[1:], own[1:], strict=True))
    assert "from the checkpoint" in info.thresholds_from
    assert info.slider_start("unfair") == pytest.approx(0.65)


@pytest.mark.parametrize("stored", [[0.5] * 6, [0.5] * 6 + [1.5], {"B-GEN": 0.5}, [None] * 7, 0.5])
def test_thresholds_that_make_no_sense_are_refused(tmp_path, stored):
    folder = save_classifier(tmp_path)
    (folder / "thresholds.json").write_text(json.dumps(stored))
    with pytest.raises(ModelRefused, match="between 0 and 1 was expected"):
        _load(folder)


def test_other_labels_are_mapped_by_the_user(tmp_path):
    folder = save_classifier(tmp_path, labels=("O", "B-HATE", "I-HATE", "GROUP"))
    with pytest.raises(BadSelection, match="O, B-HATE, I-HATE, GROUP"):
        _load(folder)
    classifier = _load(folder, label_map={"HATE": "unfair", "GROUP": "generalisation", "O": ""})
    assert classifier.info.category_of == {"B-HATE": "unfair", "I-HATE": "unfair", "GROUP": "generalisation"}
    assert classifier.info.categories == ("generalisation", "unfair")
    assert classifier.info.activation == "softmax"
    np.testing.assert_allclose(classifier.read("w1 w2").piece_probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        ({"LOVE": "unfair"}, "got 'LOVE'"),
        ({"GROUP": "nice"}, "got 'nice'"),
        ({"GROUP": ""}, "at least one label"),
        ({}, "at least one label"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(tmp_path, label_map, message):
    folder = save_classifier(tmp_path, labels=("O", "GROUP"))
    with pytest.raises(BadSelection, match=message):
        _load(folder, label_map=label_map)


def test_a_language_model_is_no_token_classifier(tmp_path):
    with pytest.raises(ModelRefused, match="no token classifier"):
        _load(save_tiny("bert", tmp_path), label_map={"LABEL_1": "unfair"})


def test_the_first_word_of_a_byte_level_text_is_read_as_all_others(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(GPT2_TOKENIZER)
    folder = save_classifier(tmp_path, "gpt2", tokenizer=tokenizer, vocab_size=len(tokenizer))
    reading = _load(folder).read("Birds sing")
    assert reading.piece_labels == ("·Birds", "·sing")
    assert reading.piece_words.tolist() == [0, 1]


def test_a_text_without_words_has_an_empty_reading(gus):
    reading = _load(gus).read(", . !")
    assert reading.n_words == 0
    assert decide(reading).spans == ()


def test_empty_text_and_tokenizers_without_offsets_are_refused(gus, tmp_path):
    with pytest.raises(EmptyText):
        _load(gus).read("  ")
    classifier = _load(save_classifier(tmp_path))
    classifier.tokenizer = SlowTokenizer(classifier.tokenizer)
    with pytest.raises(NoOffsets):
        classifier.read("w1 w2")


class SlowTokenizer:
    """A tokenizer that, like those without a fast form, cannot say where its tokens stand."""

    is_fast = False

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)

    def __call__(self, text, **choices):
        choices.pop("return_offsets_mapping", None)
        return self._tokenizer(text, **choices)


def test_a_bundled_tagger_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelNotFound, match="bundled tagger is not in"):
        find_detector(BUNDLED, Settings(models_dir=tmp_path))
