"""The logit lens against the models' own logits.

python -m pytest tests/capture/test_logit_lens.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf

from sinklens.capture import logit_lens as lens_module
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotCaptured, RunCancelled
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import (
    CONFIGS,
    ENCODER_DECODER,
    TARGET,
    TEXT,
    save_tiny,
    tiny_tokenizer,
)

FAMILIES = (
    "gpt2",
    "llama",
    "gemma2",
    "opt",
    "gpt_neox",
    "phi",
    "bloom",
    "bert",
    "distilbert",
    "albert",
    "electra",
    "modernbert",
    "t5",
    "bart",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (engine, capture, residual stream, lens)"""

    class Runs(dict):
        def __missing__(self, family):
            folder = save_tiny(family, tmp_path_factory.mktemp(family))
            engine = Engine()
            target = TARGET if family in ENCODER_DECODER else None
            capture = engine.capture(CaptureRequest(str(folder), TEXT, target=target))
            residual = engine.residual(capture)
            self[family] = engine, capture, residual, engine.logit_lens(capture, residual)
            return self[family]

    return Runs()


def own_logits(engine, capture) -> torch.Tensor:
    inputs = {"input_ids": torch.tensor([capture.prompt.ids])}
    if capture.target:
        inputs["decoder_input_ids"] = torch.tensor([capture.target.ids])
    with torch.no_grad():
        return engine.model(capture.request.model).model(**inputs).logits[0].float()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_state_gives_the_models_own_probabilities(runs, family):
    engine, capture, _, lens = runs[family]
    expected = own_logits(engine, capture).softmax(-1).numpy()
    np.testing.assert_array_equal(lens.ids[-1, :, 0], expected.argmax(-1))
    ours = np.take_along_axis(expected, lens.ids[-1], axis=-1)
    np.testing.assert_allclose(lens.probabilities[-1], ours, atol=1e-4)
    entropy = -(expected * np.log(np.maximum(expected, 1e-30))).sum(-1)
    np.testing.assert_allclose(lens.entropy[-1], entropy, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_logits_of_the_last_state_are_the_models_own(runs, family):
    engine, capture, residual, _ = runs[family]
    loaded = engine.model(capture.request.model)
    norm = lens_module.final_norm(loaded, residual)
    with torch.inference_mode():
        ours = lens_module.apply_head(loaded, norm(torch.from_numpy(residual.states[-1])))
    np.testing.assert_allclose(ours.numpy(), own_logits(engine, capture).numpy(), atol=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_the_winner_of_the_end_is_followed_and_has_rank_one_there(runs, family):
    lens = runs[family][3]
    assert (lens.followed_rank[-1] == 1).all()
    np.testing.assert_array_equal(lens.followed, lens.ids[-1, :, 0])
    np.testing.assert_allclose(lens.followed_probability[-1], lens.probabilities[-1, :, 0])
    np.testing.assert_allclose(lens.divergence[-1], 0, atol=1e-6)
    assert (lens.divergence[:-1] > 0).all()


def test_an_early_layer_is_the_final_norm_and_head_on_its_state(runs):
    engine, capture, residual, lens = runs["gpt2"]
    model = engine.model(capture.request.model).model
    with torch.no_grad():
        logs = model.lm_head(model.transformer.ln_f(torch.from_numpy(residual.states))).log_softmax(-1)
    final = logs[-1]
    np.testing.assert_allclose(
        lens.divergence, (final.exp() * (final - logs)).sum(-1).clamp_min(0).numpy(), atol=1e-4
    )
    best = logs[1].max(-1).values.exp().numpy()
    np.testing.assert_allclose(lens.probabilities[1, :, 0], best, atol=1e-5)


def test_a_chosen_token_is_followed_at_every_position(runs):
    engine, capture, residual, _ = runs["gpt2"]
    lens = engine.logit_lens(capture, residual, 30)
    expected = own_logits(engine, capture).softmax(-1).numpy()
    np.testing.assert_allclose(lens.followed_probability[-1], expected[:, 30], atol=1e-5)
    rank = (expected > expected[:, 30:31]).sum(-1) + 1
    np.testing.assert_array_equal(lens.followed_rank[-1], rank)
    assert lens.token_id == 30
    assert lens.labels[30] == "w25"


def test_blocks_of_positions_change_nothing(runs, monkeypatch):
    engine, capture, residual, lens = runs["llama"]
    monkeypatch.setattr(lens_module, "N_ROWS", 7)
    again = engine.logit_lens(capture, residual)
    np.testing.assert_array_equal(again.ids, lens.ids)
    np.testing.assert_allclose(again.divergence, lens.divergence, atol=1e-5)
    np.testing.assert_array_equal(again.followed_rank, lens.followed_rank)


def test_a_token_outside_the_vocabulary_is_refused(runs):
    engine, capture, residual, _ = runs["gpt2"]
    with pytest.raises(BadSelection, match="tokens 0 to 63; got 64"):
        engine.logit_lens(capture, residual, 64)


def test_a_model_without_a_head_says_so(tmp_path):
    torch.manual_seed(0)
    hf.AutoModel.from_config(CONFIGS["bert"]()).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(str(tmp_path), TEXT))
    residual = engine.residual(capture)
    assert residual.states.shape == (4, 20, 32)
    with pytest.raises(NotCaptured, match="no language-model head"):
        engine.logit_lens(capture, residual)


def test_a_norm_that_does_not_lead_to_the_heads_input_is_not_believed(runs):
    engine, capture, residual, _ = runs["gpt2"]
    odd = replace(residual, head_input=residual.head_input + 1)
    with pytest.raises(NotCaptured, match=r"final normalisation .* was not found"):
        engine.logit_lens(capture, odd)


def test_it_stops_between_two_blocks(runs):
    engine, capture, residual, _ = runs["gpt2"]
    with pytest.raises(RunCancelled):
        engine.logit_lens(capture, residual, None, lambda *_: None, lambda: True)
