"""A text in a batch gives what it gives alone, in every family that shares a pass."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sinklens.capture.engine import Engine
from sinklens.capture.group_attention import N_GROUP_CELLS, groups
from sinklens.capture.group_layers import GroupLayers
from sinklens.capture.profile_builder import ProfileBuilder
from sinklens.capture.scores import ScoreRules
from sinklens.capture.tally import PER_KEY, PER_QUERY
from sinklens.capture.text_batch import capture_texts, fits_a_batch
from sinklens.capture.visibility import Visibility
from sinklens.interventions import DropHeads, MaskKeys, SetDimensions, ZeroQueryBias
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import Profile
from tests.capture.tiny_models import EAGER_ONLY, ENCODER_DECODER, INTERFACE, save_tiny

TEXTS = (
    "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w1 w2 w3 w4 w20 w21",
    "w7 w7 w9",
    "w30 w31 w32 w33 w34 w35 w36 w30 w31 w32 w33",
    "w40 w41 w42",
)
PLAN = CapturePlan(states=True, mean_maps=False, thumbnails=False)
WITH_MAPS = CapturePlan(states=True, mean_maps=True, thumbnails=False)
"""Averaged maps are kept text by text, so that attention is taken apart instead of grouped."""
FAMILIES = [name for name in INTERFACE if name not in ENCODER_DECODER]


def both_ways(folder, interventions=(), plan=PLAN, texts=TEXTS):
    """(texts of one batch, the same captured one by one)"""
    engine, name = Engine(), str(folder)
    loaded = engine.model(name)
    requests = [CaptureRequest(name, text, plan=plan, interventions=interventions) for text in texts]
    prompts = [engine.tokenise(request) for request in requests]
    together = list(capture_texts(loaded, requests[0], prompts, keeps_residual=True))
    return together, [engine.capture(request) for request in requests], engine


def assert_equal_profiles(ours: Profile, alone: Profile) -> None:
    for entry in dataclasses.fields(Profile):
        a, b = getattr(ours, entry.name), getattr(alone, entry.name)
        if isinstance(b, np.ndarray):
            # A cell within rounding of a threshold may fall to either side of it.
            n_off = 1 if entry.name in ("n_below_uniform", "argmax_count") else 0
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 + n_off, err_msg=entry.name)
        else:
            assert a == b, entry.name


@pytest.mark.parametrize("plan", [PLAN, WITH_MAPS], ids=["grouped", "text by text"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_of_a_batch_gives_what_it_gives_alone(family, plan, tmp_path):
    together, alone, engine = both_ways(save_tiny(family, tmp_path), plan=plan)
    for text, single in zip(together, alone, strict=True):
        assert_equal_profiles(text.capture.profile(), single.profile())
        np.testing.assert_allclose(text.capture.hidden_norm, single.hidden_norm, rtol=2e-4, atol=1e-4)
        assert (text.capture.token_loss is None) == (single.token_loss is None)
        if single.token_loss is not None:
            np.testing.assert_allclose(text.capture.token_loss, single.token_loss, rtol=1e-3, atol=1e-4)
        residual = engine.residual(single)
        np.testing.assert_allclose(text.states, residual.states, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_of_one_length_share_the_layers_that_can_be_shared(family, tmp_path):
    texts = ("w1 w2 w3 w4 w5", "w9 w8 w7 w6 w5", "w1 w1 w1 w1 w1")
    together, alone, _ = both_ways(save_tiny(family, tmp_path), texts=texts)
    for text, single in zip(together, alone, strict=True):
        assert_equal_profiles(text.capture.profile(), single.profile())


def test_a_layer_that_came_text_by_text_stays_when_others_are_shared():
    builders = [ProfileBuilder("self", n_layers_max=3, keep_states=False) for _ in range(2)]
    lengths, rules, rng = (4, 2), ScoreRules(1.0, is_causal=True), np.random.default_rng(0)
    received = rng.random((3, 2, 1, 4)).astype(np.float32)
    counts = {name: torch.zeros(2, 1, 4) for name in (*PER_KEY, *PER_QUERY)}
    layers = GroupLayers(lengths, builders)
    for layer in (0, 2, 1):
        given = counts | {"received": torch.from_numpy(received[layer]), "n_below_uniform": torch.ones(2, 1)}
        if layer == 2:
            layers.add(given, dict.fromkeys(lengths, rules))
            continue
        for index, (builder, n) in enumerate(zip(builders, lengths, strict=True)):
            own = {name: values[index, ..., :n] for name, values in given.items()}
            tally = SimpleNamespace(
                per_key={name: own[name] for name in PER_KEY},
                per_query={name: own[name] for name in PER_QUERY},
                n_below_uniform=given["n_below_uniform"][index],
                pen=None,
                head_sum=None,
                maps={},
            )
            builder.add_layer(tally, rules, Visibility.of(rules, n, n), {})
    for index, (builder, n) in enumerate(zip(builders, lengths, strict=True)):
        profile = builder.profile()
        np.testing.assert_array_equal(profile.received, received[[0, 2, 1], index, :, :n])
        np.testing.assert_array_equal(profile.n_visible, np.tile(np.arange(1, n + 1), (3, 1)))
        assert profile.received.flags.c_contiguous
        assert profile.is_causal


def test_texts_longer_than_a_block_and_than_the_tail_are_counted_right(tmp_path):
    from tests.tiny_gpt2 import WORDS, save_tiny_gpt2

    texts = [" ".join(WORDS[(i * j) % 14] for j in range(n)) for i, n in enumerate((190, 180, 65, 64, 30), 1)]
    together, alone, _ = both_ways(save_tiny_gpt2(tmp_path, n_heads=8), texts=texts)
    for text, single in zip(together, alone, strict=True):
        assert_equal_profiles(text.capture.profile(), single.profile())


def test_groups_are_neighbours_and_hold_no_more_than_they_may():
    lengths = [200, 190, 60, 50, 50, 10, 9]
    found = list(groups(lengths, 8))
    assert [place.stop for place in found] == [place.start for place in found[1:]] + [7]
    for place in found:
        part = lengths[place]
        assert len(part) == 1 or len(part) * 8 * max(part) ** 2 <= N_GROUP_CELLS
    assert len(found) < 7


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_edits_hold_for_every_text_of_a_batch(family, tmp_path):
    edits = (
        MaskKeys(keys=(0,)),
        DropHeads(pairs=((1, 2),)),
        SetDimensions(layer=0, tokens=(1,), dimensions=(3,)),
    )
    together, alone, _ = both_ways(save_tiny(family, tmp_path), edits)
    for text, single in zip(together, alone, strict=True):
        assert_equal_profiles(text.capture.profile(), single.profile())
        assert text.capture.request.interventions == edits


def test_the_same_batch_gives_the_same_bits_again(tmp_path):
    folder = save_tiny("gpt2", tmp_path)
    first, second = both_ways(folder)[0], both_ways(folder)[0]
    for a, b in zip(first, second, strict=True):
        assert a.capture.profile().received.tobytes() == b.capture.profile().received.tobytes()
        assert a.capture.token_loss.tobytes() == b.capture.token_loss.tobytes()


def test_no_hook_stays_behind_on_the_shared_model(tmp_path):
    together, _, engine = both_ways(save_tiny("gpt2", tmp_path))
    block = engine.model(together[0].capture.request.model).model.transformer.h[0]
    assert not block._forward_pre_hooks


@pytest.mark.parametrize("family", [*ENCODER_DECODER, *EAGER_ONLY])
def test_models_that_cannot_share_a_pass_say_so(family, tmp_path):
    assert not fits_a_batch(Engine().model(str(save_tiny(family, tmp_path))), ())


def test_edits_of_projections_cannot_share_a_pass(tmp_path):
    assert not fits_a_batch(Engine().model(str(save_tiny("gpt2", tmp_path))), (ZeroQueryBias(),))
