"""Nulls as real runs: other tokens in the same places, and a model that has learned nothing.

pytest tests/capture/test_matched_null.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sinklens.analysis.matched_null import null_reading, other_tokens, repeated_ids, shuffled_ids
from sinklens.capture.engine import Engine
from sinklens.errors import BadIntervention, ModelNotFound
from sinklens.random_twin import read_twin_name, twin_name
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: save_tiny(name, tmp_path_factory.mktemp(name)) for name in ("gpt2", "bert", "t5", "bloom")}


@pytest.mark.parametrize(("family", "stream"), [("gpt2", "self"), ("bert", "self"), ("t5", "encoder")])
def test_the_model_reads_exactly_the_ids_of_the_null(folders, family, stream):
    engine = Engine()
    request = CaptureRequest(str(folders[family]), TEXT)
    capture = engine.capture(request)
    for ids in (shuffled_ids(capture.prompt, 0), repeated_ids(capture.prompt, 0)):
        run = engine.capture(replace(request, interventions=(other_tokens(ids, stream),)))
        assert run.prompt.ids == ids


def test_a_shuffled_text_is_the_run_of_that_text(folders):
    """The same ids typed as a text give the same attention."""
    engine = Engine()
    request = CaptureRequest(str(folders["gpt2"]), TEXT)
    prompt = engine.tokenise(request)
    ids = shuffled_ids(prompt, 3)
    vocabulary = engine.model(request.model).tokenizer
    text = " ".join(vocabulary.convert_ids_to_tokens(list(ids[1:-1])))
    by_edit = engine.capture(replace(request, interventions=(other_tokens(ids),)))
    by_text = engine.capture(replace(request, text=text))
    assert by_text.prompt.ids == ids
    np.testing.assert_allclose(by_edit.profile().received, by_text.profile().received, atol=1e-5)


def test_a_repeated_token_without_positions_gets_one_over_t_exactly(folders):
    """Gu et al. 2025: with all tokens equal and no positions A[t, k] = 1 / t, so that nothing is a sink."""
    engine = Engine()
    request = CaptureRequest(str(folders["gpt2"]), TEXT)
    engine.model(request.model).model.transformer.wpe.weight.data.zero_()
    capture = engine.capture(request)
    run = engine.capture(replace(request, interventions=(other_tokens(repeated_ids(capture.prompt, 0)),)))
    found = null_reading(run, "repeated", 0, epsilon=0.3)
    assert found.share == pytest.approx(found.floor, rel=1e-5)
    n_tokens = len(run.prompt)
    rows = 1 / np.arange(1, n_tokens + 1)
    np.testing.assert_allclose(run.profile().first_share[1, 2], rows, rtol=1e-5)


def test_a_family_that_cannot_be_edited_says_so(folders):
    engine = Engine()
    request = CaptureRequest(str(folders["bloom"]), TEXT)
    ids = engine.tokenise(request).ids
    with pytest.raises(BadIntervention, match="eager hooks"):
        engine.capture(replace(request, interventions=(other_tokens(ids),)))


def test_a_twin_has_the_configuration_but_not_the_weights(folders):
    engine = Engine()
    name, twin = str(folders["gpt2"]), twin_name(str(folders["gpt2"]), 1)
    trained, untrained = engine.info(name), engine.info(twin)
    assert untrained.name == twin
    assert untrained.passed_checks
    assert untrained.card == {}
    assert untrained.revision != trained.revision
    assert (untrained.n_layers, untrained.n_parameters) == (trained.n_layers, trained.n_parameters)
    weights = [engine.model(each).model.transformer.h[0].mlp.c_fc.weight for each in (name, twin)]
    assert not torch.allclose(*weights)


def test_no_key_of_a_twin_is_that_of_the_model(folders):
    engine = Engine()
    request = CaptureRequest(str(folders["bert"]), TEXT)
    twins = [replace(request, model=twin_name(request.model, seed)) for seed in (0, 1)]
    assert len({engine.key(each) for each in (request, *twins)}) == 3


def test_a_seed_gives_the_same_weights_again_and_leaves_other_random_numbers_alone(folders):
    twin = twin_name(str(folders["bert"]), 4)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = Engine().model(twin).model.state_dict()
    assert torch.equal(torch.rand(3), expected)
    second = Engine().model(twin).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_twin_of_a_model_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(ModelNotFound, match="absent"):
        Engine().info(twin_name(str(tmp_path / "absent")))


@pytest.mark.parametrize("model", ["gpt2", "org/model (old)", "/a folder/x", "random weights of mine"])
def test_a_twins_name_is_read_back(model):
    assert read_twin_name(twin_name(model, 7)) == (model, 7)
    assert read_twin_name(model) is None
