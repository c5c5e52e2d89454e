"""Direct logit attribution against the models' own logits, and against parts computed by hand.

python -m pytest tests/capture/test_logit_attribution.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers as hf

from sinklens.capture import head_parts, linear_head, logit_attribution
from sinklens.capture.engine import Engine
from sinklens.capture.linear_norm import LinearNorm
from sinklens.errors import BadSelection, NotCaptured
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.residual_records import LogitQuestion
from tests.capture.tiny_models import (
    CONFIGS,
    EAGER_ONLY,
    ENCODER_DECODER,
    INTERFACE,
    TARGET,
    TEXT,
    tiny_model,
    tiny_tokenizer,
)

POST_NORM = ("bert", "roberta", "distilbert", "albert", "electra", "bart")
OWN_VOCABULARY = ("qwen2",)
ALL = tuple(
    family
    for family in (*INTERFACE, *EAGER_ONLY)
    if family not in (*POST_NORM, *OWN_VOCABULARY, "modernbert")
)
AT = 4


def save_with_biases(family, folder):
    """A tiny model whose norms and biases are not the plain ones and zeros of a fresh model."""
    model = tiny_model(family)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (engine, capture, residual stream)"""

    class Runs(dict):
        def __missing__(self, family):
            folder = save_with_biases(family, tmp_path_factory.mktemp(family))
            engine = Engine()
            target = TARGET if family in ENCODER_DECODER else None
            capture = engine.capture(CaptureRequest(str(folder), TEXT, target=target))
            self[family] = engine, capture, engine.residual(capture)
            return self[family]

    return Runs()


def own_logits(engine, capture) -> torch.Tensor:
    """(T, V) of a plain pass, before Gemma 2's cap."""
    inputs = {"input_ids": torch.tensor([capture.prompt.ids])}
    if capture.target:
        inputs["decoder_input_ids"] = torch.tensor([capture.target.ids])
    model = engine.model(capture.request.model).model
    with torch.no_grad():
        logits = model(**inputs).logits[0].double()
    cap = getattr(model.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.atanh(logits / cap)


@pytest.mark.parametrize("family", ALL)
def test_heads_layers_embeddings_and_biases_add_up_to_the_models_own_logit(runs, family):
    engine, capture, residual = runs[family]
    own = own_logits(engine, capture)[AT]
    found = engine.logit_attribution(capture, residual, LogitQuestion(AT))
    assert found.token_id == int(own.argmax())
    assert found.logit == pytest.approx(float(own.max()), abs=1e-3)
    heads = sum(values.sum() for values in found.heads.values())
    biases = sum(values.sum() for values in found.projection_bias.values())
    feed_forward = found.writes["feed-forward"].sum()
    total = heads + biases + feed_forward + found.embeddings + found.norm_bias + found.head_bias
    assert total == pytest.approx(float(own.max()), abs=1e-3)
    assert found.total == pytest.approx(total)


@pytest.mark.parametrize("family", ALL)
def test_every_head_has_a_share_of_its_own(runs, family):
    engine, capture, residual = runs[family]
    found = engine.logit_attribution(capture, residual, LogitQuestion(AT))
    model = capture.model
    wanted = ["attention", "cross-attention"] if family in ENCODER_DECODER else ["attention"]
    assert list(found.heads) == wanted
    assert all(values.shape == (model.n_layers, model.n_heads) for values in found.heads.values())
    assert all((np.abs(values) > 0).all() for values in found.heads.values())
    assert found.note == ""


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "t5", "phi"])
def test_against_the_mean_and_against_a_token_the_parts_add_up_to_the_difference(runs, family):
    engine, capture, residual = runs[family]
    own = own_logits(engine, capture)[AT]
    mean = engine.logit_attribution(capture, residual, LogitQuestion(AT, "w7", "mean"))
    assert mean.total == pytest.approx(float(own[12] - own.mean()), abs=1e-3)
    other = engine.logit_attribution(capture, residual, LogitQuestion(AT, 12, "token", "w20"))
    assert other.total == pytest.approx(float(own[12] - own[25]), abs=1e-3)
    assert (other.token_id, other.against_id) == (12, 25)
    second = engine.logit_attribution(capture, residual, LogitQuestion(AT, None, "runner-up"))
    best = own.topk(2)
    assert [second.token_id, second.against_id] == best.indices.tolist()
    assert second.total == pytest.approx(float(best.values[0] - best.values[1]), abs=1e-3)


def test_a_heads_share_is_what_the_logit_loses_when_its_output_is_taken_away_at_a_frozen_scale(runs):
    """By hand: LayerNorm with the variance of the whole state, the head's write subtracted before it."""
    engine, capture, residual = runs["gpt2"]
    found = engine.logit_attribution(capture, residual, LogitQuestion(AT))
    model = engine.model(capture.request.model).model
    norm, layer, head = model.transformer.ln_f, 1, 2
    last = torch.tensor(residual.states[-1, AT])
    deviation = (last.var(unbiased=False) + norm.eps).sqrt()
    weight = model.transformer.h[layer].attn.c_proj.weight[8 * head : 8 * head + 8]
    write = torch.tensor(residual.head_outputs["attention"][layer, AT, head]) @ weight

    def logit(state):
        hidden = (state - state.mean()) / deviation * norm.weight + norm.bias
        return float(hidden @ model.lm_head.weight[found.token_id])

    with torch.no_grad():
        assert found.heads["attention"][layer, head] == pytest.approx(
            logit(last) - logit(last - write), abs=1e-4
        )


def test_head_outputs_are_what_the_maps_mix_from_the_values(runs):
    engine, capture, residual = runs["llama"]
    for head in range(4):
        weights = np.nan_to_num(engine.head_map(capture, "self", 1, head).weights)
        mixed = weights @ capture.states["self"][1].v[head // 2]
        np.testing.assert_allclose(residual.head_outputs["attention"][1, :, head], mixed, atol=1e-5)


def test_a_dropped_head_adds_nothing(runs):
    engine, capture, _ = runs["gpt2"]
    edit = DropHeads(pairs=((1, 2),))
    edited = engine.capture(CaptureRequest(capture.request.model, TEXT, interventions=(edit,)))
    found = engine.logit_attribution(edited, engine.residual(edited), LogitQuestion(AT))
    assert found.heads["attention"][1, 2] == 0
    assert found.total == pytest.approx(found.logit, abs=1e-3)


def test_the_cap_of_gemma_2_comes_after_the_sum(runs):
    engine, capture, residual = runs["gemma2"]
    found = engine.logit_attribution(capture, residual, LogitQuestion(AT))
    capped = found.softcap * np.tanh(found.total / found.softcap)
    model = engine.model(capture.request.model).model
    with torch.no_grad():
        given = model(torch.tensor([capture.prompt.ids])).logits[0, AT]
    assert capped == pytest.approx(float(given.max()), abs=1e-4)
    np.testing.assert_allclose(found.probabilities, given.softmax(-1).topk(10).values, atol=1e-5)


@pytest.mark.parametrize(("family", "is_centred"), [("gpt2", True), ("llama", False), ("t5", False)])
def test_it_is_known_whether_the_final_norm_subtracts_the_mean(runs, family, is_centred):
    engine, capture, residual = runs[family]
    found = engine.logit_attribution(capture, residual, LogitQuestion(AT))
    assert found.is_centred is is_centred


@pytest.mark.parametrize("family", POST_NORM)
def test_post_norm_families_say_why_there_are_no_shares(runs, family):
    engine, capture, residual = runs[family]
    with pytest.raises(NotCaptured, match="normalises the sum after every sub-layer"):
        engine.logit_attribution(capture, residual, LogitQuestion(0))


def test_a_head_that_transforms_what_it_reads_is_no_matrix(runs):
    engine, capture, residual = runs["modernbert"]
    assert residual.is_additive
    with pytest.raises(NotCaptured, match="prediction head of the family 'modernbert' transforms"):
        engine.logit_attribution(capture, residual, LogitQuestion(0))


def test_a_model_without_a_head_says_so(tmp_path):
    torch.manual_seed(0)
    hf.AutoModel.from_config(CONFIGS["gpt2"]()).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(str(tmp_path), TEXT))
    with pytest.raises(NotCaptured, match="no language-model head"):
        engine.logit_attribution(capture, engine.residual(capture), LogitQuestion(0))


def test_without_output_projections_the_layers_are_told_all_the_same(runs):
    engine, capture, residual = runs["gpt2"]
    found = engine.logit_attribution(capture, replace(residual, head_outputs={}), LogitQuestion(AT))
    assert found.heads == {}
    assert found.note == head_parts.NO_PROJECTION.format(family="gpt2")
    assert found.total == pytest.approx(found.logit, abs=1e-3)


def test_heads_that_do_not_add_up_are_not_believed(runs):
    engine, capture, residual = runs["gpt2"]
    wrong = {"attention": residual.head_outputs["attention"] * 1.1}
    found = engine.logit_attribution(capture, replace(residual, head_outputs=wrong), LogitQuestion(AT))
    assert (found.heads, found.note) == ({}, head_parts.NOT_A_SUM)


def test_words_of_several_tokens_and_ids_outside_the_vocabulary_are_refused(runs):
    engine, capture, residual = runs["gpt2"]
    for wanted, sentence in (
        ("w1 w2", "“w1 w2” is 2 tokens here: “w1”, “w2”. Type one of them"),
        ("", "Type one token"),
        (64, "tokens 0 to 63; got 64"),
    ):
        with pytest.raises(BadSelection, match=sentence):
            engine.logit_attribution(capture, residual, LogitQuestion(AT, wanted))
    with pytest.raises(BadSelection, match="tokens 0 to 19; got position 20"):
        engine.logit_attribution(capture, residual, LogitQuestion(20))


def test_something_that_is_no_norm_is_not_taken_for_one():
    bent = LinearNorm.of(torch.tanh, 8)
    with pytest.raises(NotCaptured, match="not linear even at a frozen scale"):
        bent.pulled_back(torch.ones(8).double(), torch.linspace(-2, 3, 8).double())


@pytest.mark.parametrize("width", [7, 8])
@pytest.mark.parametrize("kind", [torch.nn.LayerNorm, torch.nn.RMSNorm])
def test_a_frozen_norm_reads_as_the_norm_does(kind, width):
    torch.manual_seed(0)
    module = kind(width)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    x, direction = torch.randn(width).double(), torch.randn(width).double()
    found, constant = LinearNorm.of(module.requires_grad_(False), width).pulled_back(direction, x)
    read = float(direction @ module(x.float()).double())
    assert float(found @ x) + constant == pytest.approx(read, abs=1e-4)


def test_the_check_of_the_head_uses_the_models_own_logits(runs, monkeypatch):
    engine, capture, residual = runs["llama"]
    real = linear_head.apply_head
    monkeypatch.setattr(linear_head, "apply_head", lambda loaded, hidden: real(loaded, hidden) ** 3)
    with pytest.raises(NotCaptured, match="transforms a state non-linearly"):
        logit_attribution.logit_attribution(engine.model(capture.request.model), residual, LogitQuestion(AT))
