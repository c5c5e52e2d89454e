"""Norms of what is written, against the vectors written out. pytest tests/capture/test_norm_maps.py"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture.architecture import output_weight
from sinklens.capture.engine import Engine
from sinklens.capture.norm_maps import norm_maps
from sinklens.errors import NotCaptured
from sinklens.records import CapturePlan, CaptureRequest
from tests.capture.tiny_models import TARGET, TEXT, save_tiny

FAMILIES = ("gpt2", "llama", "gpt_neox", "bert", "gemma2")


@pytest.fixture(scope="module")
def engine():
    return Engine()


def norms_of(engine, family, tmp_path, **choices):
    capture = engine.capture(CaptureRequest(str(save_tiny(family, tmp_path)), TEXT, **choices))
    loaded = engine.model(capture.request.model)
    stream = capture.main_stream
    return loaded, capture, norm_maps(loaded, capture, engine.residual(capture), stream)


@pytest.mark.parametrize("family", FAMILIES)
def test_norms_are_those_of_the_vectors_that_each_position_receives(engine, tmp_path, family):
    loaded, capture, maps = norms_of(engine, family, tmp_path)
    states = engine.residual(capture).states
    names = list(loaded.attention_names.values())
    for layer, state in enumerate(capture.states["self"]):
        n_heads, head_dim = len(state.q), state.v.shape[2]
        weight = output_weight(loaded.model, names[layer], n_heads * head_dim).detach().float().numpy()
        received = np.zeros((*maps.shape[1:], weight.shape[1]))
        for head in range(n_heads):
            a = np.nan_to_num(engine.head_map(capture, "self", layer, head).weights)
            v = state.v[head // (n_heads // len(state.v))]
            written = v @ weight[head * head_dim : (head + 1) * head_dim]
            received += a[..., None] * written[None]
        at = np.arange(maps.shape[1])
        received[at, at] += states[layer]
        np.testing.assert_allclose(maps[layer], np.linalg.norm(received, axis=-1), rtol=1e-3, atol=1e-4)


def test_a_run_without_vectors_is_told_of(engine, tmp_path):
    with pytest.raises(NotCaptured, match="kept no value vectors"):
        norms_of(engine, "gpt2", tmp_path, plan=CapturePlan(states=False))


def test_streams_beside_the_residual_are_refused(engine, tmp_path):
    folder = save_tiny("t5", tmp_path)
    capture = engine.capture(CaptureRequest(str(folder), TEXT, target=TARGET))
    loaded, residual = engine.model(str(folder)), engine.residual(capture)
    with pytest.raises(NotCaptured, match="got 'cross'"):
        norm_maps(loaded, capture, residual, "cross")
    assert torch.isfinite(torch.from_numpy(norm_maps(loaded, capture, residual, "decoder"))).all()
