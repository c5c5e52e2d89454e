"""A model that was trained with the off-by-one softmax. python -m pytest tests/capture/test_off_by_one.py"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as hf

from models.recipes.attention import OFF_BY_ONE_WEIGHTS
from sinklens.analysis.sink_summary import main_finding
from sinklens.analysis.sinks import LEARNED_SINK_INDEX, sink_table
from sinklens.capture.engine import Engine
from sinklens.capture.off_by_one import REFERENCE
from sinklens.interventions import OffByOneSoftmax
from sinklens.records import CaptureRequest
from tests.capture.dense_attention import plain_losses, plain_states
from tests.capture.tiny_models import TEXT, save_tiny, tiny_model

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT-2 whose configuration says how it was trained, as that of demo-gpt2-off-by-one does."""
    folder = save_tiny("gpt2", tmp_path_factory.mktemp("off-by-one"))
    model = tiny_model("gpt2")
    model.config.softmax_off_by_one = True
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def capture(engine, folder):
    return engine.capture(CaptureRequest(folder, TEXT))


def test_the_model_computes_it_without_any_edit(engine, folder, capture):
    model = hf.AutoModelForCausalLM.from_pretrained(folder, attn_implementation=OFF_BY_ONE_WEIGHTS).eval()
    ids = capture.prompt.ids
    np.testing.assert_allclose(capture.token_loss, plain_losses(model, ids), atol=1e-4)
    head_input = torch.tensor(engine.residual(capture).head_input)
    torch.testing.assert_close(head_input, plain_states(model, ids), **CLOSE)
    with torch.no_grad():
        maps = model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    for head in range(4):
        ours = engine.head_map(capture, "self", 1, head).weights
        np.testing.assert_allclose(np.nan_to_num(ours), maps[1][0, head], atol=1e-5)
    assert (capture.profile().row_sum < 1).all()


def test_the_facts_of_the_model_say_so(capture):
    assert capture.model.is_off_by_one
    assert capture.model.has_sink_logits
    assert not capture.model.has_learned_sinks


def test_the_self_check_compares_with_attention_that_knows_it(capture):
    checks = {check.name: check for check in capture.model.checks}
    assert capture.model.passed_checks
    assert all(check.passed for check in checks.values())
    assert "one more key of score 0" in checks["same output"].sentence
    assert "off-by-one" in checks["rows"].sentence


def test_a_model_without_it_is_compared_with_its_own_attention(tiny_runs):
    info = tiny_runs.capture("gpt2").model
    sentence = next(check.sentence for check in info.checks if check.name == "same output")
    assert sentence.startswith("The output equals the model's own")
    assert not info.is_off_by_one
    assert not info.has_sink_logits


def test_learned_sinks_are_not_off_by_one(tiny_runs):
    info = tiny_runs.capture("gpt_oss").model
    assert info.has_learned_sinks
    assert not info.is_off_by_one


def test_the_reference_is_the_softmax_of_the_recipes(folder):
    model = hf.AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = [1, *range(5, 30)]
    states = []
    for name in (REFERENCE, OFF_BY_ONE_WEIGHTS, "eager"):
        model.set_attn_implementation(name)
        states.append(plain_states(model, ids))
    torch.testing.assert_close(states[0], states[1], **CLOSE)
    assert (states[0] - states[2]).abs().max() > 1e-2


@pytest.mark.parametrize("family", ["llama", "bert"])
def test_the_reference_takes_grouped_queries_and_both_directions(tiny_runs, family):
    edited = tiny_runs.capture(family, OffByOneSoftmax())
    expected = plain_states(tiny_runs.plain(family, REFERENCE), edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)


def test_the_edit_changes_nothing_in_such_a_model(engine, folder, capture):
    edited = engine.capture(CaptureRequest(folder, TEXT, interventions=(OffByOneSoftmax(),)))
    np.testing.assert_array_equal(edited.token_loss, capture.token_loss)


@pytest.mark.parametrize("is_edit", [False, True])
def test_the_sink_table_names_the_sink_and_what_it_takes(tiny_runs, capture, is_edit):
    run = tiny_runs.capture("gpt2", OffByOneSoftmax()) if is_edit else capture
    row = sink_table(run).iloc[-1]
    assert (row["index"], row["token"]) == (LEARNED_SINK_INDEX, "off-by-one sink")
    assert row["received"] == pytest.approx(float((1 - run.profile().row_sum).mean()), abs=1e-6)
    assert row["reason"] in main_finding(sink_table(run))
