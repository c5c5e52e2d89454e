"""python -m pytest tests/bias/test_gradients.py"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients

from sinklens.analysis.received import attention_received
from sinklens.analysis.rollout import rollout
from sinklens.attribution_records import MAX_RESIDUAL, AttributionTarget
from sinklens.bias.gradients import N_STEPS_MAX, gradient_x_input, integrated_gradients
from sinklens.bias.relevance import attention_rollout, gradient_relevance, head_importance
from sinklens.bias.scored_text import score_bias, score_loss, score_prediction
from sinklens.bias.token_classifier import find_detector, load_classifier
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotCaptured, RunCancelled, TextTooLong
from sinklens.records import CaptureRequest
from sinklens.settings import Settings
from tests.bias.tiny_classifiers import save_classifier
from tests.capture.tiny_models import TEXT, save_tiny

FAMILIES = ("gpt2", "llama", "gemma2", "bert", "modernbert")


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    names = (*FAMILIES, "t5", "gpt_oss")
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in names}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    folder = save_classifier(tmp_path_factory.mktemp("classifier"))
    return load_classifier(find_detector(str(folder), Settings()))


def _prediction(engine, folders, family, **target):
    loaded = engine.model(folders[family])
    prompt = engine.tokenise(CaptureRequest(folders[family], TEXT))
    return score_prediction(loaded, prompt, AttributionTarget(**target))


def _loss(engine, folders, family):
    loaded = engine.model(folders[family])
    return score_loss(loaded, engine.tokenise(CaptureRequest(folders[family], TEXT)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("baseline", ["pad", "mean"])
def test_integrated_gradients_add_up_to_the_change_from_the_baseline(engine, folders, family, baseline):
    scored = _prediction(engine, folders, family, position=9)
    found = integrated_gradients(scored, baseline)
    assert found.is_complete
    assert found.scores.sum() == pytest.approx(found.value - found.baseline_value, rel=MAX_RESIDUAL)
    assert abs(found.value - found.baseline_value) > 0.01


def test_a_model_that_switches_between_experts_is_not_complete_and_says_so(engine, folders):
    found = integrated_gradients(_prediction(engine, folders, "gpt_oss", position=9), "pad")
    assert found.n_steps == N_STEPS_MAX
    assert not found.is_complete


def test_special_tokens_are_kept_in_the_baseline_and_get_no_score(engine, folders):
    scored = _prediction(engine, folders, "bert", position=4)
    found = integrated_gradients(scored, "mask")
    np.testing.assert_allclose(found.scores[[0, 4, -1]], 0, atol=1e-12)
    assert (np.abs(found.scores[[1, 2, 3]]) > 0).all()


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_they_are_captums_layer_integrated_gradients_on_the_word_embeddings(engine, folders, family):
    scored = _prediction(engine, folders, family, position=9)
    ours = integrated_gradients(scored, "pad")
    ids, replaced = scored.ids[None], scored.ids.clone()[None]
    replaced[:, torch.from_numpy(scored.replaceable)] = scored.pad_id
    with scored.differentiable():
        layer = scored.model.get_input_embeddings()
        theirs = LayerIntegratedGradients(
            lambda given: scored.value(scored.model(input_ids=given).logits.float()), layer
        ).attribute(ids, baselines=replaced, n_steps=ours.n_steps)
    np.testing.assert_allclose(ours.scores, theirs[0].sum(-1).detach().numpy(), atol=1e-5)


def test_the_loss_and_the_bias_score_are_attributed_too(engine, folders, classifier):
    for scored in (_loss(engine, folders, "gpt2"), score_bias(classifier, TEXT)):
        found = integrated_gradients(scored, "mean")
        assert found.residual < MAX_RESIDUAL
        assert found.target == scored.sentence


def test_the_numbers_are_what_the_model_says(engine, folders, classifier):
    capture = engine.capture(CaptureRequest(folders["gpt2"], TEXT))
    loss = _loss(engine, folders, "gpt2")
    assert loss.of_many([loss.embeddings()])[0] == pytest.approx(capture.loss, abs=1e-5)
    position = 7
    token_id = int(capture.predictions.ids[position, 2])
    scored = _prediction(engine, folders, "gpt2", position=position, token_id=token_id)
    expected = np.log(capture.predictions.probabilities[position, 2])
    assert scored.of_many([scored.embeddings()])[0] == pytest.approx(expected, abs=1e-4)
    masked = engine.masked_predictions(engine.capture(CaptureRequest(folders["bert"], TEXT)), (5,))
    scored = _prediction(engine, folders, "bert", position=5)
    expected = np.log(masked.probabilities[0, 0])
    assert scored.of_many([scored.embeddings()])[0] == pytest.approx(expected, abs=1e-4)
    bias = score_bias(classifier, TEXT)
    expected = classifier.read(TEXT).piece_probabilities[:, 1:].sum()
    assert bias.of_many([bias.embeddings()])[0] == pytest.approx(expected, rel=1e-5)
    one = score_bias(classifier, TEXT, "unfair")
    expected = classifier.read(TEXT).piece_probabilities[:, 5:].sum()
    assert one.of_many([one.embeddings()])[0] == pytest.approx(expected, rel=1e-5)


def test_gradient_x_input_is_the_slope_along_each_embedding(engine, folders):
    scored = _prediction(engine, folders, "llama", position=9)
    found, embeddings, step = gradient_x_input(scored), scored.embeddings(), 1e-2
    for token in (0, 3, 9, 12):
        up, down = embeddings.clone(), embeddings.clone()
        up[token] *= 1 + step
        down[token] *= 1 - step
        values = scored.of_many([up, down])
        assert found.scores[token] == pytest.approx((values[0] - values[1]) / (2 * step), abs=2e-2)
    np.testing.assert_allclose(found.scores[10:], 0, atol=1e-6)  # what comes later cannot matter


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_gradient_weighted_attention_follows_its_recursion(engine, folders, family):
    scored = _prediction(engine, folders, family, position=9)
    found = gradient_relevance(scored)
    with scored.differentiable():
        outputs = scored.model(input_ids=scored.ids[None], output_attentions=True)
        for attention in outputs.attentions:
            attention.retain_grad()
        outputs.logits[0, 9].log_softmax(-1)[int(outputs.logits[0, 9].argmax())].backward()
    n_tokens = len(scored.ids)
    relevance = [[float(i == j) for j in range(n_tokens)] for i in range(n_tokens)]
    for attention in outputs.attentions:
        positive = (attention.grad * attention).clamp_min(0)[0].mean(0).tolist()
        relevance = [
            [
                relevance[i][j] + sum(positive[i][m] * relevance[m][j] for m in range(n_tokens))
                for j in range(n_tokens)
            ]
            for i in range(n_tokens)
        ]
    expected = np.array(relevance[9])
    expected[9] -= 1
    np.testing.assert_allclose(found.scores, expected, atol=1e-5)
    scored.model.zero_grad(set_to_none=True)


def test_rollout_and_head_importance_are_those_of_the_capture(engine, folders):
    scored = _prediction(engine, folders, "gpt2", position=9)
    capture = engine.capture(CaptureRequest(folders["gpt2"], TEXT))
    expected = rollout(engine.layer_maps(capture, "self"))[-1, 9]
    np.testing.assert_allclose(attention_rollout(scored).scores, expected, atol=1e-5)
    received = attention_received(capture.profile(), "eligible")
    np.testing.assert_allclose(head_importance(scored), received, atol=1e-5)


def test_nothing_stays_behind_on_the_shared_model(engine, folders):
    loaded = engine.model(folders["gpt2"])
    before = loaded.model.config._attn_implementation
    integrated_gradients(_prediction(engine, folders, "gpt2"), "pad")
    gradient_relevance(_prediction(engine, folders, "gpt2"))
    assert loaded.model.config._attn_implementation == before
    assert all(parameter.grad is None for parameter in loaded.model.parameters())


def test_a_stop_takes_effect(engine, folders):
    with pytest.raises(RunCancelled):
        integrated_gradients(_prediction(engine, folders, "gpt2"), "pad", is_cancelled=lambda: True)


@pytest.mark.parametrize(
    ("target", "message"),
    [({"position": 99}, "tokens 0 to 19; got position 99"), ({"token_id": 64}, "entries 0 to 63; got 64")],
)
def test_places_that_are_not_there_are_refused(engine, folders, target, message):
    with pytest.raises(BadSelection, match=message):
        _prediction(engine, folders, "gpt2", **target)


def test_what_has_no_such_number_is_said(engine, folders, classifier):
    with pytest.raises(NotCaptured, match="encoder-decoder"):
        _prediction(engine, folders, "t5")
    with pytest.raises(NotCaptured, match="masked model has no loss"):
        _loss(engine, folders, "bert")
    scored = _prediction(engine, folders, "gpt2")
    with pytest.raises(BadSelection, match="no mask token"):
        scored.baseline("mask")
    with pytest.raises(BadSelection, match="pad, mask, mean; got 'zero'"):
        scored.baseline("zero")
    with pytest.raises(BadSelection, match="got 'rude'"):
        score_bias(classifier, TEXT, "rude")
    with pytest.raises(TextTooLong, match="within one pass"):
        score_bias(classifier, " ".join(["w1"] * 80))
