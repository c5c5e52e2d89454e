"""The neurons of one block, against the same model run plainly by transformers with hooks of its own.

python -m pytest tests/capture/test_block_neurons.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.activations import ACT2FN

from tests.capture.plain_run import LAYER, TracedRuns, block_path, plain_run

GATED = {"llama": "mlp.{}_proj", "gemma2": "mlp.{}_proj", "qwen3": "mlp.{}_proj"}
PLAIN = {
    "gpt2": ("mlp", "mlp.c_fc"),
    "bert": ("intermediate", "intermediate.dense"),
    "opt": ("fc1", "fc1"),
    "gpt_neox": ("mlp", "mlp.dense_h_to_4h"),
    "bloom": ("mlp", "mlp.dense_h_to_4h"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return TracedRuns(tmp_path_factory)


@pytest.mark.parametrize("family", PLAIN)
def test_neurons_are_the_activation_function_of_the_up_projection(runs, family):
    engine, capture = runs[family]
    block, (_, up) = block_path(runs, family), PLAIN[family]
    _, _, seen = plain_run(capture, {f"{block}.{up}": "out"})
    before = seen[f"{block}.{up}"]
    neurons = engine.block_trace(capture, LAYER).neurons
    act = ACT2FN["gelu_new" if family == "bloom" else neurons.activation]
    check_neurons(neurons, act(before), before)
    assert not neurons.is_gated
    assert neurons.up is None


@pytest.mark.parametrize("family", GATED)
def test_gated_neurons_are_activated_gate_times_up(runs, family):
    engine, capture = runs[family]
    block = block_path(runs, family)
    gate, up = (f"{block}.{GATED[family].format(name)}" for name in ("gate", "up"))
    _, _, seen = plain_run(capture, {gate: "out", up: "out"})
    neurons = engine.block_trace(capture, LAYER).neurons
    check_neurons(neurons, ACT2FN[neurons.activation](seen[gate]) * seen[up], seen[gate])
    np.testing.assert_allclose(neurons.up, np.take_along_axis(seen[up].numpy(), neurons.ids, 1), atol=1e-5)
    assert neurons.is_gated


@pytest.mark.parametrize(("family", "fused"), [("phi3", "mlp.gate_up_proj"), ("modernbert", "mlp.Wi")])
def test_gate_and_up_of_one_projection_are_told_apart(runs, family, fused):
    engine, capture = runs[family]
    path = f"{block_path(runs, family)}.{fused}"
    _, _, seen = plain_run(capture, {path: "out"})
    gate, up = seen[path].chunk(2, dim=-1)
    neurons = engine.block_trace(capture, LAYER).neurons
    check_neurons(neurons, ACT2FN[neurons.activation](gate) * up, gate)


def check_neurons(neurons, expected: torch.Tensor, before: torch.Tensor) -> None:
    values = expected.numpy()
    assert neurons.n_neurons == values.shape[1]
    strongest = -np.sort(-np.abs(values), axis=1)[:, : neurons.ids.shape[1]]
    np.testing.assert_allclose(np.abs(neurons.values), strongest, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(neurons.values, np.take_along_axis(values, neurons.ids, 1), atol=1e-4)
    np.testing.assert_allclose(neurons.before, np.take_along_axis(before.numpy(), neurons.ids, 1), atol=1e-4)
    np.testing.assert_allclose(neurons.negative_share, (before < 0).float().mean(1), atol=1e-6)


@pytest.mark.parametrize(("family", "down"), [("gpt2", "mlp.c_proj"), ("llama", "mlp.down_proj")])
def test_what_a_neuron_writes_is_its_activation_along_its_row_of_the_down_projection(runs, family, down):
    engine, capture = runs[family]
    path = f"{block_path(runs, family)}.{down}"
    model, _, seen = plain_run(capture, {path: "in"})
    projection, neurons = model.get_submodule(path), engine.block_trace(capture, LAYER).neurons
    values = seen[path].clone()
    for token in (0, 7):
        one = torch.zeros_like(values[:1])
        neuron = int(neurons.ids[token, 3])
        one[0, neuron] = values[token, neuron]
        bias = projection.bias if projection.bias is not None else 0.0
        written = (projection(one) - bias).norm().item()
        assert neurons.write[token, 3] == pytest.approx(written, rel=1e-4)


@pytest.mark.parametrize(("family", "up"), [("opt", "fc1"), ("t5", "layer.2.DenseReluDense.wi")])
def test_a_relu_turns_off_exactly_what_is_below_zero(runs, family, up):
    engine, capture = runs[family]
    path = f"{block_path(runs, family)}.{up}"
    _, _, seen = plain_run(capture, {path: "out"})
    neurons = engine.block_trace(capture, LAYER).neurons
    np.testing.assert_allclose(neurons.zero_share, (seen[path] <= 0).float().mean(1), atol=1e-6)
    assert 0.2 < neurons.zero_share.mean() < 0.8


def test_experts_are_not_taken_for_one_layer_of_neurons(runs):
    engine, capture = runs["gpt_oss"]
    trace = engine.block_trace(capture, LAYER)
    assert trace.neurons is None
    assert trace.adds_up
