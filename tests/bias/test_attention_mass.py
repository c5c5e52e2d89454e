"""python -m pytest tests/bias/test_attention_mass.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.bias_decision import decide
from sinklens.analysis.bias_ratio import bias_attention_ratio
from sinklens.bias.attention_mass import attention_mass, text_units
from sinklens.bias.token_classifier import find_detector, load_classifier
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotCaptured
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.settings import Settings
from tests.bias.readings import reading_of
from tests.bias.test_token_classifier import piece_tokenizer
from tests.bias.tiny_classifiers import save_classifier
from tests.capture.tiny_models import save_tiny, tiny_tokenizer

TEXT = "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10"


@pytest.fixture(scope="module")
def engine():
    return Engine()


def _capture(engine, folder, family="gpt2", tokenizer=None, text=TEXT, **request):
    name = str(save_tiny(family, folder, tokenizer=tokenizer))
    return engine.capture(CaptureRequest(model=name, text=text, **request))


@pytest.mark.parametrize("family", ["gpt2", "bert", "mistral"])
@pytest.mark.parametrize("specials", ["included", "excluded"])
def test_the_ratio_is_that_of_the_full_maps(engine, tmp_path, family, specials):
    capture = _capture(engine, tmp_path, family)
    units = text_units(capture.prompt, reading_of(TEXT, {}))
    mass = attention_mass(capture, units, specials=specials)
    biased = units.units_of(np.isin(np.arange(10), [2, 5, 6]))
    positions = np.flatnonzero(biased)
    special = np.array([token.is_special for token in capture.prompt.tokens])
    for layer, head in [(0, 1), (2, 3)]:
        weights = engine.head_map(capture, "self", layer, head).weights.astype(np.float64)
        seen = ~np.isnan(weights)
        if specials == "excluded":
            seen &= ~special & ~special[:, None]
        kept = np.where(seen, weights, 0.0)
        kept /= np.maximum(kept.sum(axis=1, keepdims=True), 1e-30)
        rows = seen.sum(axis=1) > 1
        uniform = (seen / np.maximum(seen.sum(axis=1, keepdims=True), 1))[rows][:, positions].sum()
        expected = kept[rows][:, positions].sum() / uniform
        assert bias_attention_ratio(mass, biased)[layer, head] == pytest.approx(expected, rel=1e-4)


def test_words_of_a_detector_with_another_tokenizer_lie_over_the_models_tokens(engine, tmp_path):
    folder = save_classifier(tmp_path / "detector", tokenizer=piece_tokenizer())
    reading = load_classifier(find_detector(str(folder), Settings())).read(TEXT)
    capture = _capture(engine, tmp_path / "model")
    units = text_units(capture.prompt, reading)
    assert units.labels == ("<bos>", *(f"w{i}" for i in range(1, 11)), "<eos>")
    assert units.words.tolist() == [-1, *range(10), -1]
    decision = decide(reading, dict.fromkeys(reading.detector.thresholds, 0.0))
    assert units.units_of(decision.biased).tolist() == [False, *[True] * 10, False]


def test_a_word_of_several_tokens_is_one_unit_and_gives_its_value_to_all(engine, tmp_path):
    prompt = _capture(engine, tmp_path, tokenizer=piece_tokenizer(), text="w1 w2, w3").prompt
    units = text_units(prompt, reading_of("w1 w2, w3", {}))
    assert units.labels == ("<bos>", "w1", "w2", ",", "w3", "<eos>")
    assert units.tokens == ((0,), (1, 2), (3, 4), (5,), (6, 7), (8,))
    np.testing.assert_array_equal(units.by_token([0.1, 0.2, 0.3], 9), [0, 0.1, 0.1, 0.2, 0.2, 0, 0.3, 0.3, 0])


def test_words_that_the_model_did_not_read_are_counted(engine, tmp_path):
    text = " ".join(f"w{i % 20}" for i in range(100))
    capture = _capture(engine, tmp_path, text=text, long_text="first")
    units = text_units(capture.prompt, reading_of(text, {}))
    assert len(capture.prompt) == 64
    assert units.n_words_missing == 100 - 62


def test_what_cannot_be_counted_is_refused(engine, tmp_path):
    capture = _capture(engine, tmp_path / "gpt2")
    with pytest.raises(BadSelection, match="another text"):
        text_units(capture.prompt, reading_of("w1", {}))
    units = text_units(capture.prompt, reading_of(TEXT, {}))
    other = engine.capture(CaptureRequest(capture.request.model, TEXT, add_bos=False))
    with pytest.raises(BadSelection, match="cover 12 tokens; the run has 11"):
        attention_mass(other, units)
    bare = engine.capture(CaptureRequest(capture.request.model, TEXT, plan=CapturePlan(states=False)))
    with pytest.raises(NotCaptured):
        attention_mass(bare, units)
    t5 = _capture(engine, tmp_path / "t5", "t5", tokenizer=tiny_tokenizer())
    t5_units = text_units(t5.prompt, reading_of(TEXT, {}))
    with pytest.raises(NotCaptured, match="two texts"):
        attention_mass(t5, t5_units, "cross")
