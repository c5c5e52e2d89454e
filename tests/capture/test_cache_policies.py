"""Cache policies on tiny models: identities, a plain pass for every window, refusals.

python -m pytest tests/capture/test_cache_policies.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.cache_records import CachePolicy, CacheRequest
from sinklens.capture import cache_policies
from sinklens.capture.cache_coverage import cache_coverage
from sinklens.capture.cache_policies import policy_loss
from sinklens.capture.engine import Engine
from sinklens.capture.passkey import N_KEY_TOKENS, N_KEYS, drawn_keys
from sinklens.errors import BadIntervention, BadSelection, NotCaptured, RunCancelled
from sinklens.records import CapturePlan, CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma2", "gpt_oss")
SIZE = 6
LONG = " ".join([TEXT, TEXT])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """family -> (engine, folder)"""

    class Models(dict):
        def __missing__(self, family):
            self[family] = Engine(), str(save_tiny(family, tmp_path_factory.mktemp(family)))
            return self[family]

    return Models()


def asked(models, family, text=TEXT, size=SIZE, **choices):
    engine, folder = models[family]
    return engine, CacheRequest(folder, text, size, **choices)


def loss_of(models, family, policy, text=TEXT):
    engine, request = asked(models, family, text)
    return engine.policy_loss(request, policy).loss


def plain_loss(engine, folder, ids) -> np.ndarray:
    """The loss of every next token by transformers alone."""
    model = engine.model(folder).model
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_dense_policy_is_the_models_own_loss(models, family):
    engine, request = asked(models, family)
    ids = engine.cache_plan(request).prompt.ids
    own = plain_loss(engine, request.model, list(ids))
    np.testing.assert_allclose(loss_of(models, family, CachePolicy("dense")), own, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("kind", "n_sink"), [("sinks", 0), ("sinks", 3), ("random", 0), ("recompute", 0)])
def test_a_cache_that_holds_the_whole_text_equals_dense(models, family, kind, n_sink):
    dense = loss_of(models, family, CachePolicy("dense"))
    roomy = loss_of(models, family, CachePolicy(kind, len(dense) + 1, n_sink))
    np.testing.assert_allclose(roomy, dense, atol=1e-5)


def test_positions_counted_in_a_cache_that_never_drops_are_the_original_ones(models):
    dense = loss_of(models, "llama", CachePolicy("dense"))
    counted = loss_of(models, "llama", CachePolicy("sinks", len(dense) + 1, 2, "in-cache"))
    np.testing.assert_allclose(counted, dense, atol=1e-4)


@pytest.mark.parametrize(("kind", "n_sink"), [("sinks", 0), ("sinks", 2), ("random", 0), ("recompute", 0)])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_until_the_cache_is_full_every_policy_equals_dense(models, family, kind, n_sink):
    dense = loss_of(models, family, CachePolicy("dense"))
    found = loss_of(models, family, CachePolicy(kind, SIZE, n_sink))
    np.testing.assert_allclose(found[:SIZE], dense[:SIZE], atol=1e-4)
    assert np.abs(found[SIZE:] - dense[SIZE:]).max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_recomputed_window_is_a_plain_pass_over_the_last_tokens_for_every_position(models, family):
    engine, request = asked(models, family)
    ids = list(engine.cache_plan(request).prompt.ids)
    found = loss_of(models, family, CachePolicy("recompute", SIZE))
    expected = [
        plain_loss(engine, request.model, ids[max(0, t + 1 - SIZE) : t + 2])[-1] for t in range(len(ids) - 1)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_no_first_token_is_the_window_alone_whatever_the_positions_are_called(models):
    window = loss_of(models, "llama", CachePolicy("sinks", SIZE, 0))
    assert np.array_equal(window, loss_of(models, "llama", CachePolicy("sinks", SIZE, 0, "in-cache")))


def test_a_plan_holds_every_number_of_first_tokens_in_both_positions(models):
    engine, request = asked(models, "llama")
    plan = engine.cache_plan(request)
    names = [policy.name for policy in plan.policies]
    assert names == [
        "dense",
        "0 + 6",
        "1 + 5, original positions",
        "1 + 5, in-cache positions",
        "2 + 4, original positions",
        "2 + 4, in-cache positions",
        "4 + 2, original positions",
        "4 + 2, in-cache positions",
        "random eviction, 6",
        "recomputed window, 6",
    ]
    assert [skipped.reason for skipped in plan.skipped] == [
        "a cache of 6 has no room for 8 first tokens and a recent one"
    ]


def test_learned_positions_cannot_be_counted_anew_and_the_plan_says_so(models):
    engine, request = asked(models, "gpt2", n_sinks=(0, 4))
    plan = engine.cache_plan(request)
    assert not any(policy.positions == "in-cache" for policy in plan.policies)
    (skipped,) = plan.skipped
    assert skipped.name == "in-cache positions"
    assert "has learned positions, which are part of the cached keys" in skipped.reason


def test_a_sliding_window_of_the_models_own_is_told(models):
    engine, request = asked(models, "mistral")
    assert "sliding window of 5 tokens of its own" in engine.cache_plan(request).notes[0]


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_a_model_that_reads_everything_at_once_has_no_cache(models, family):
    engine, request = asked(models, family)
    with pytest.raises(BadIntervention, match="belongs to causal decoders"):
        engine.cache_plan(request)


def test_a_family_whose_attention_cannot_be_edited_is_refused(models):
    engine, request = asked(models, "bloom")
    with pytest.raises(BadIntervention, match="can be shown but not edited"):
        engine.cache_plan(request)


def beyond(models, family):
    """A text over the model's own length."""
    engine, folder = models[family]
    n_words = engine.model(folder).info.n_tokens_max + 8
    text = " ".join((LONG.split() * n_words)[:n_words])
    return engine, CacheRequest(folder, text, SIZE, with_recompute=False, beyond_limit=True)


def test_rotary_positions_go_beyond_the_models_length_and_the_plan_says_so(models):
    engine, request = beyond(models, "llama")
    plan = engine.cache_plan(request)
    n_own = engine.model(request.model).info.n_tokens_max
    assert len(plan.prompt) > n_own
    assert f"the model's own length is {n_own:,}" in plan.notes[0]
    loss = engine.policy_loss(request, CachePolicy("dense")).loss
    assert loss == pytest.approx(plain_loss(engine, request.model, plan.prompt.ids), abs=1e-4)


def test_learned_positions_end_with_the_models_length(models):
    engine, request = beyond(models, "gpt2")
    with pytest.raises(BadIntervention, match=r"has learned positions and knows \d+ of them; the text has"):
        engine.cache_plan(request)


@pytest.mark.parametrize(("size", "sentence"), [(20, "never has to drop one"), (1, "at least 2 tokens")])
def test_a_cache_that_drops_nothing_or_holds_nothing_is_refused(models, size, sentence):
    engine, request = asked(models, "llama", size=size)
    with pytest.raises(BadIntervention, match=sentence):
        engine.cache_plan(request)


def test_a_stop_is_heard_between_two_batches_of_windows(models, monkeypatch):
    monkeypatch.setattr(cache_policies, "n_copies", lambda info, n_tokens: 4)
    engine, folder = models["llama"]
    prompt = engine.tokenise(CaptureRequest(folder, TEXT))
    told = []
    with pytest.raises(RunCancelled):
        policy_loss(
            engine.model(folder),
            CachePolicy("recompute", SIZE),
            prompt,
            lambda fraction, message: told.append(fraction),
            lambda: len(told) > 1,
        )
    assert told == [0.0, 4 / 13]


def test_a_key_stands_early_and_again_at_the_end_and_costs_the_same_where_nothing_is_copied(models):
    engine, request = asked(models, "llama", LONG)
    plan = engine.cache_plan(request)
    probe = engine.passkey(request, plan)
    assert probe.policy.name == "4 + 2, in-cache positions"
    assert probe.distance == len(plan.prompt) - N_KEY_TOKENS - 5
    assert probe.seen.shape == probe.unseen.shape == probe.streamed.shape == (N_KEYS, N_KEY_TOKENS - 1)
    assert np.abs(probe.seen - probe.unseen).max() > 1e-6


@pytest.mark.parametrize("positions", ["original", "in-cache"])
def test_what_no_layer_can_pass_on_any_more_cannot_change_a_later_loss(models, positions):
    """Three layers with four recent tokens reach nine tokens back, and the two first ones."""
    policy = CachePolicy("sinks", SIZE, 2, positions)
    words = LONG.split()
    words[3] = "w50"
    here, there = (loss_of(models, "llama", policy, text) for text in (LONG, " ".join(words)))
    far = 4 + 9 + 1
    assert np.array_equal(here[far:], there[far:])
    assert np.abs(here[4:far] - there[4:far]).max() > 1e-4
    dense = [loss_of(models, "llama", CachePolicy("dense"), text) for text in (LONG, " ".join(words))]
    assert np.abs(dense[0][far:] - dense[1][far:]).max() > 1e-4


def test_keys_repeat_no_token_and_none_of_the_text(models):
    engine, folder = models["llama"]
    prompt = engine.tokenise(CaptureRequest(folder, TEXT))
    keys = drawn_keys(engine.model(folder), prompt, 0)
    assert len(np.unique(keys)) == keys.size
    assert not set(keys.ravel().tolist()) & set(prompt.ids)


def test_a_text_too_short_for_a_key_says_how_long_it_must_be(models):
    engine, request = asked(models, "llama")
    with pytest.raises(BadIntervention, match="would need at least 23 tokens and has 20"):
        engine.passkey(request, engine.cache_plan(request))


@pytest.fixture(scope="module")
def uniform(tmp_path_factory):
    """A capture whose heads all attend evenly: keys are zero, so that every score is."""
    engine = Engine()
    folder = str(save_tiny("llama", tmp_path_factory.mktemp("uniform")))
    loaded = engine.model(folder)
    with torch.no_grad():
        for layer in loaded.model.model.layers:
            layer.self_attn.k_proj.weight.zero_()
    return engine.capture(CaptureRequest(folder, TEXT))


def test_coverage_of_uniform_attention_is_its_floor_and_the_closed_form(uniform):
    n_sink, n_recent, n_last = 2, 3, 4
    found = cache_coverage(uniform, "self", n_sink, n_recent, n_last)
    n_tokens = len(uniform.prompt)
    losing = np.arange(n_sink + n_recent, n_tokens)
    share = ((n_sink + n_recent) / (losing + 1)).mean()
    np.testing.assert_allclose(found.heads, share, atol=1e-6)
    np.testing.assert_allclose(found.heads_floor, share, atol=1e-12)
    lazy = ((n_sink + n_recent) / np.arange(n_tokens - n_last + 1, n_tokens + 1)).mean()
    np.testing.assert_allclose(found.lazy, lazy, atol=1e-6)
    np.testing.assert_allclose(found.lazy_floor, lazy, atol=1e-12)
    assert found.n_queries == len(losing)


@pytest.mark.parametrize("family", ["llama", "gpt_oss", "mistral", "bloom"])
def test_coverage_is_one_minus_the_mass_on_what_is_dropped(models, family):
    engine, folder = models[family]
    capture = engine.capture(CaptureRequest(folder, TEXT))
    found = engine.cache_coverage(capture, "self", 1, 4)
    weights = engine.head_map(capture, "self", 1, 2).weights
    queries, keys = np.indices(weights.shape)
    dropped = np.where((keys >= 1) & (keys <= queries - 4), np.nan_to_num(weights), 0).sum(1)
    losing = (((keys >= 1) & (keys <= queries - 4)) & ~np.isnan(weights)).any(1)
    assert found.heads[1, 2] == pytest.approx(1 - dropped[losing].mean(), abs=1e-6)


def test_coverage_needs_maps_or_vectors(models):
    engine, folder = models["llama"]
    plan = CapturePlan(states=False)
    capture = engine.capture(CaptureRequest(folder, TEXT, plan=plan))
    with pytest.raises(NotCaptured):
        engine.cache_coverage(capture, "self", 1, 4)


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_coverage_of_attention_that_is_not_causal_is_refused(models, family):
    engine, folder = models[family]
    capture = engine.capture(CaptureRequest(folder, TEXT))
    with pytest.raises(BadSelection, match="belongs to causal attention"):
        engine.cache_coverage(capture, capture.main_stream, 1, 4)


def test_coverage_of_a_cache_that_holds_everything_is_refused(models):
    engine, folder = models["llama"]
    capture = engine.capture(CaptureRequest(folder, TEXT))
    with pytest.raises(BadSelection, match="holds all of the 20 tokens"):
        engine.cache_coverage(capture, "self", 4, 16)
