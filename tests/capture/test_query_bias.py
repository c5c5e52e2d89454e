"""Queries without their bias against the same model with the bias weights zeroed.

python -m pytest tests/capture/test_query_bias.py
"""

from __future__ import annotations

import re

import pytest
import torch

from sinklens.errors import BadIntervention
from sinklens.interventions import ZeroQueryBias
from tests.capture.dense_attention import plain_states

CLOSE = {"atol": 1e-4, "rtol": 1e-4}
N_HEADS, HEAD_DIM = 4, 8
QUERIES = re.compile(r"\.(query|q_proj|q_lin)\.bias$")
FAMILIES = ("gpt2", "bert", "roberta", "distilbert", "albert", "opt", "qwen2", "phi", "gpt_oss", "gpt_neox")


def zero_biases(model, heads=range(N_HEADS), layers=None, part: str = "") -> int:
    """Zero the biases of queries in the weights; the number of projections that were touched."""
    biases = {name: p for name, p in model.named_parameters() if _rows(name) is not None and part in name}
    for layer, (name, bias) in enumerate(biases.items()):
        if layers is None or layer in layers:
            rows = _rows(name)
            with torch.no_grad():
                bias[torch.cat([rows[head] for head in heads])] = 0
    return len(biases)


def _rows(name: str) -> torch.Tensor | None:
    """(H, D) rows of a bias that belong to queries."""
    if name.endswith("query_key_value.bias"):
        return torch.arange(3 * N_HEADS * HEAD_DIM).view(N_HEADS, 3, HEAD_DIM)[:, 0]
    is_query = name.endswith("attn.c_attn.bias") or QUERIES.search(name)
    return torch.arange(N_HEADS * HEAD_DIM).view(N_HEADS, HEAD_DIM) if is_query else None


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_model_with_the_bias_weights_zeroed(tiny_runs, family):
    plain, edited = tiny_runs.capture(family), tiny_runs.capture(family, ZeroQueryBias())
    model = tiny_runs.plain(family)
    assert zero_biases(model) == (1 if family == "albert" else 3)
    expected = plain_states(model, edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)
    assert (tiny_runs.states(plain) - expected).abs().max() > 1e-2


@pytest.mark.parametrize("family", ["gpt2", "bert", "qwen2", "gpt_neox"])
def test_single_heads_of_single_layers_lose_their_bias(tiny_runs, family):
    edits = (ZeroQueryBias(layers=(0, 2), heads=(1, 3)), ZeroQueryBias(layers=(2,), heads=(0,)))
    edited, model = tiny_runs.capture(family, *edits), tiny_runs.plain(family)
    zero_biases(model, heads=(1, 3), layers=(0, 2))
    zero_biases(model, heads=(0,), layers=(2,))
    expected = plain_states(model, edited.prompt.ids)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)


@pytest.mark.parametrize(
    ("stream", "part"),
    [("encoder", "encoder.layers"), ("decoder", "decoder.layers"), ("cross", "encoder_attn")],
)
def test_streams_of_an_encoder_decoder_are_told_apart(tiny_runs, stream, part):
    edited, model = tiny_runs.capture("bart", ZeroQueryBias(stream=stream)), tiny_runs.plain("bart")
    kinds = {"encoder": part, "decoder": "self_attn", "cross": "encoder_attn"}
    for name, bias in model.named_parameters():
        if part in name and kinds[stream] in name and QUERIES.search(name):
            with torch.no_grad():
                bias.zero_()
    target = torch.tensor([edited.target.ids])
    expected = plain_states(model, edited.prompt.ids, decoder_input_ids=target)
    torch.testing.assert_close(tiny_runs.states(edited), expected, **CLOSE)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_families_without_a_bias_are_refused_with_a_sentence(tiny_runs, family):
    with pytest.raises(BadIntervention, match="No bias was found in the queries"):
        tiny_runs.capture(family, ZeroQueryBias())


def test_the_shared_model_keeps_its_bias(tiny_runs):
    before = tiny_runs.capture("gpt2").token_loss.tolist()
    tiny_runs.capture("gpt2", ZeroQueryBias())
    assert tiny_runs.capture("gpt2").token_loss.tolist() == before
