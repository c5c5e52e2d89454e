"""Run with `pytest tests/reproduce`."""

import asyncio

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

from sinklens.capture.engine import Engine
from sinklens.capture.identities import IDENTITIES, measure_identity
from sinklens.errors import BadSelection
from sinklens.records import CaptureRequest
from sinklens.reproduce.claims import FAIL, NEEDS_WEIGHTS, PASS, Claim
from sinklens.reproduce.identities import uniform_share, weight_free_claims
from sinklens.reproduce.measurements import (
    MEASUREMENTS,
    STATE_MEASUREMENTS,
    largest_after,
    largest_dimension_after,
)
from sinklens.reproduce.other_models import N_REPEATS, REPEATED, other_model_claims
from sinklens.reproduce.published import published_claims
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import save_tiny

TEXT = "w1 w2 w3 w4 w5 w6"


@pytest.mark.parametrize("claim", weight_free_claims(), ids=lambda claim: claim.key)
def test_every_identity_holds(claim):
    outcome = claim.judged(measure_identity(claim.measurement))
    assert outcome.state == PASS, f"{claim.title}: measured {outcome.measured}, expected {claim.expected}"


def test_every_claim_names_a_measurement_that_there_is():
    assert {claim.measurement for claim in weight_free_claims()} == set(IDENTITIES)
    published = (*published_claims(), *other_model_claims())
    assert {claim.measurement for claim in published} <= {*MEASUREMENTS, *STATE_MEASUREMENTS}
    keys = [claim.key for claim in (*weight_free_claims(), *published)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("model", "first"), REPEATED)
def test_a_repeated_text_says_one_word_as_often_as_the_published_one(model, first):
    claim = next(claim for claim in other_model_claims() if claim.key == f"repeated-{model}")
    assert claim.text.split() == ["the"] * N_REPEATS


def test_the_state_of_a_fixed_first_token_is_the_same_for_every_text(folder):
    engine = Engine(Settings())
    texts = ("w1 w2 w3", "w1 w5 w4 w2")
    first, second = (
        largest_after(1)(engine.residual(engine.capture(CaptureRequest(folder, text)))) for text in texts
    )
    assert first == pytest.approx(second, rel=1e-5)


def test_an_unknown_identity_is_refused():
    with pytest.raises(BadSelection, match="no identity 'nonsense'"):
        measure_identity("nonsense")


def test_uniform_attention_on_two_tokens_gives_the_first_three_quarters():
    assert uniform_share(2) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("measured", "state"), [(1.04, PASS), (1.06, FAIL), (float("nan"), FAIL), (float("inf"), FAIL)]
)
def test_a_number_passes_within_its_tolerance_only(measured, state):
    claim = Claim("k", "g", "t", expected=1.0, tolerance=0.05, unit="", source="", measurement="")
    assert claim.judged(measured).state == state


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(save_tiny("gpt2", tmp_path_factory.mktemp("models")))


def test_measurements_equal_plain_sums_over_the_maps(folder):
    engine = Engine(Settings())
    capture = engine.capture(CaptureRequest(folder, TEXT))
    info = capture.model
    maps = np.array(
        [
            [
                np.nan_to_num(engine.head_map(capture, "self", layer, head).weights)
                for head in range(info.n_heads)
            ]
            for layer in range(info.n_layers)
        ]
    )
    first = maps[..., 0].mean(-1)
    assert MEASUREMENTS["mean percent"](capture) == pytest.approx(100 * first.mean(), abs=1e-3)
    assert MEASUREMENTS["largest head percent"](capture) == pytest.approx(100 * first.max(), abs=1e-3)
    others = maps[..., 1:].mean((0, 1, 2)).mean()
    assert MEASUREMENTS["ratio"](capture) == pytest.approx(first.mean() / others, rel=1e-4)
    by_layer = 100 * first.mean(1)
    ends = by_layer[-3:].mean() - by_layer[:3].mean()
    assert MEASUREMENTS["progression"](capture) == pytest.approx(ends, abs=1e-3)


def test_the_largest_state_is_that_of_plain_hidden_states(folder):
    engine = Engine(Settings())
    capture = engine.capture(CaptureRequest(folder, TEXT))
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = model(torch.tensor([capture.prompt.ids]), output_hidden_states=True).hidden_states
    stream = engine.residual(capture)
    assert largest_after(0)(stream) == pytest.approx(states[1][0, 0].abs().max().item(), rel=1e-5)
    assert largest_dimension_after(0)(stream) == states[1][0, 0].abs().argmax().item()
    assert np.isnan(STATE_MEASUREMENTS["largest after block 9"](stream))


def test_the_service_fails_a_random_model_and_asks_for_missing_weights(folder, tmp_path):
    settings = Settings(cache_dir=tmp_path)
    service = InferenceService(Engine(settings), settings)

    async def outcomes():
        there = next(c for c in published_claims(folder) if c.measurement == "mean percent")
        missing = published_claims("./no-such-folder")[0]
        return [await service.check_claim(claim) for claim in (there, missing, weight_free_claims()[0])]

    random, missing, identity = asyncio.run(outcomes())
    service.close()
    assert random.state == FAIL
    assert random.measured is not None
    assert missing.state == NEEDS_WEIGHTS
    assert "no-such-folder" in missing.reason
    assert identity.state == PASS
