"""Sums over relations against plain eager attention. python -m pytest tests/capture/test_relation_sums.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.relations import PairRelations
from sinklens.capture.engine import Engine
from sinklens.capture.relation_sums import relation_sums
from sinklens.errors import NotCaptured
from sinklens.interventions import MaskKeys
from sinklens.records import CapturePlan, CaptureRequest
from tests.capture.test_families import eager_outputs, reference_maps
from tests.capture.tiny_models import ENCODER_DECODER, TARGET, TEXT, save_tiny

FAMILIES = ("bert", "gpt2", "mistral", "modernbert", "gpt_oss", "gpt_neo", "t5")
"""Both directions, causal, causal window, window to both sides, learned sinks, eager hooks, three streams."""


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.mark.parametrize("family", FAMILIES)
def test_sums_are_those_over_the_models_own_eager_maps(engine, tmp_path, family):
    capture = capture_of(engine, family, tmp_path)
    outputs = eager_outputs(family, capture)
    for stream, profile in capture.profiles.items():
        maps = np.stack(reference_maps(outputs, stream))
        relations = relations_of(capture, stream)
        sinks = np.arange(profile.n_keys) < 2
        sets = np.arange(profile.n_keys)[None] % 3 == 0
        sums = relation_sums(capture, stream, relations, sets, sinks)
        np.testing.assert_allclose(sums.sink_mass, maps[..., :2].sum(-1), atol=1e-5)
        np.testing.assert_allclose(sums.key_sets[..., 0], maps[..., ::3].sum(-1), atol=1e-5)
        if relations is not None:
            matrix = relations.rows(slice(0, profile.n_queries))
            np.testing.assert_allclose(sums.pairs, np.einsum("lhqk,rqk->lhqr", maps, matrix), atol=1e-4)
            matrix[:, :, :2] = 0
            np.testing.assert_allclose(sums.pairs_rest, np.einsum("lhqk,rqk->lhqr", maps, matrix), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_even_head_sees_what_the_layer_sees(engine, tmp_path, family):
    capture = capture_of(engine, family, tmp_path)
    outputs = eager_outputs(family, capture)
    for stream, profile in capture.profiles.items():
        visible = (np.stack(reference_maps(outputs, stream)) > 0).any(1)
        sinks = np.arange(profile.n_keys) == 0
        sums = relation_sums(capture, stream, None, ~sinks[None], sinks)
        np.testing.assert_array_equal(sums.n_rest, visible[:, :, 1:].sum(-1))
        np.testing.assert_allclose(sums.even_key_sets[..., 0], (sums.n_rest > 0).astype(float), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_head_of_every_family_gets_a_type(engine, tmp_path, family):
    capture = capture_of(engine, family, tmp_path)
    for stream, profile in capture.profiles.items():
        table = engine.head_profiles(capture, stream).table
        assert len(table) == profile.n_layers * profile.n_heads
        assert table["reason"].str.endswith(".").all()
        assert ("previous" in table) == (stream != "cross")


def test_an_edited_run_is_read_as_edited(engine, tmp_path):
    save_tiny("gpt2", tmp_path)
    edit = MaskKeys(keys=(0,))
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT, interventions=(edit,)))
    first = np.arange(capture.profile().n_keys)[None] == 0
    sums = relation_sums(capture, "self", None, first, ~first[0])
    assert sums.key_sets.max() == 0


def test_a_capture_without_vectors_says_so(engine, tmp_path):
    save_tiny("gpt2", tmp_path)
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT, plan=CapturePlan(states=False)))
    with pytest.raises(NotCaptured, match="vectors of this run were not kept"):
        engine.head_profiles(capture, "self")


def capture_of(engine, family, folder):
    save_tiny(family, folder)
    target = TARGET if family in ENCODER_DECODER else None
    return engine.capture(CaptureRequest(model=str(folder), text=TEXT, target=target))


def relations_of(capture, stream):
    if stream == "cross":
        return None
    prompt = capture.key_prompt(stream)
    return PairRelations.of(
        prompt.ids, [t.is_special for t in prompt.tokens], is_causal=capture.profile(stream).is_causal
    )
