"""What sinks contribute, against plain eager attention. pytest tests/capture/test_sink_contribution.py"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinklens.analysis.sink_geometry import geometry
from sinklens.capture.engine import Engine
from sinklens.capture.sink_contribution import NO_QUERY, contributions
from sinklens.errors import BadSelection, NotCaptured, RunCancelled
from sinklens.geometry_records import SinkRule
from sinklens.records import CaptureRequest
from tests.capture.plain_attention import FAMILIES, plain_layers
from tests.capture.tiny_models import TARGET, TEXT, save_tiny

FIRST = SinkRule(found=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """family -> (engine, request)"""
    engine = Engine()

    class Models(dict):
        def __missing__(self, family):
            folder = str(save_tiny(family, tmp_path_factory.mktemp(family)))
            target = TARGET if family in ("t5", "bart") else None
            self[family] = engine, CaptureRequest(folder, TEXT, target=target)
            return self[family]

    return Models()


def stream_of(family):
    return "decoder" if family in ("t5", "bart") else "self"


def rows_of(loaded, capture, stream, keys, layer):
    """queries, c (n, d), r (n, d) of a whole layer"""
    blocks = list(contributions(loaded, capture, stream, keys, layer))
    parts = [(block.queries, block.total.numpy(), block.rest.numpy()) for block in blocks]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("keys", [(0,), (0, 4)])
def test_contribution_and_rest_make_the_models_own_output_before_the_bias(models, family, keys):
    engine, request = models[family]
    capture, loaded = engine.capture(request), engine.model(request.model)
    target = capture.target.ids if capture.target else None
    for layer, plain in enumerate(plain_layers(request.model, family, capture.prompt.ids, target)):
        queries, c, rest = rows_of(loaded, capture, stream_of(family), keys, layer)
        np.testing.assert_allclose(c + rest + plain.bias, plain.output[queries], atol=1e-4)
        expected = np.einsum(
            "hqs,hsd,hdk->qk", plain.weights[:, :, list(keys)], plain.values[:, list(keys)], plain.projection
        )
        np.testing.assert_allclose(c, expected[queries], atol=1e-4)


@pytest.mark.parametrize("family", [*FAMILIES, "gemma2", "gpt_oss", "albert", "modernbert", "bart"])
def test_the_measures_are_those_of_the_contributions_written_out(models, family):
    engine, request = models[family]
    stream, rule = stream_of(family), SinkRule(found=False, added=(4,))
    found = geometry(engine.sink_statistics(request, stream, rule).sums)
    capture, loaded = engine.capture(request), engine.model(request.model)
    for layer in range(len(found.n_queries)):
        _, c, rest = rows_of(loaded, capture, stream, (0, 4), layer)
        c = c.astype(np.float64)
        mu = c.mean(0)
        cosines = c @ mu / np.linalg.norm(c, axis=1) / np.linalg.norm(mu)
        spread = ((c - mu) ** 2).sum(1).mean() / (mu @ mu)
        assert found.n_queries[layer] == len(c)
        assert found.directionality[layer] == pytest.approx(cosines.mean(), abs=1e-6)
        assert found.relative_variance[layer] == pytest.approx(spread, rel=1e-4)
        ratio = np.linalg.norm(mu) / np.linalg.norm(rest, axis=1).mean()
        assert found.norm_ratio[layer] == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_the_variation_of_the_weight_is_that_of_the_heads_maps(models, family):
    engine, request = models[family]
    found = geometry(engine.sink_statistics(request, "self", FIRST).sums)
    capture = engine.capture(request)
    for layer, head in np.ndindex(found.weight.shape):
        column = engine.head_map(capture, "self", layer, head).weights[1:, 0]
        assert found.weight[layer, head] == pytest.approx(column.mean(), rel=1e-5)
        assert found.weight_variation[layer, head] == pytest.approx(column.std() / column.mean(), rel=1e-4)


def test_one_heads_part_is_the_weight_times_the_norm_of_the_sinks_one_vector(models):
    engine, request = models["llama"]
    found = geometry(engine.sink_statistics(request, "self", FIRST).sums)
    profile = engine.capture(request).profile()
    expected = profile.first_share[..., 1:].mean(-1) * profile.vo_norm[..., 0]
    np.testing.assert_allclose(found.head_norm, expected, rtol=1e-4)


def test_queries_outside_of_a_sliding_window_are_not_counted(models):
    engine, request = models["mistral"]
    sums = engine.sink_statistics(request, "self", FIRST).sums
    assert set(sums.n_queries) == {4.0}  # the window is 5 with the query itself


def test_another_first_token_is_told_and_changes_the_mean(models):
    engine, request = models["gpt2"]
    own = engine.sink_statistics(request, "self", FIRST)
    other = engine.sink_statistics(request, "self", FIRST, "w40")
    assert (own.first_label, own.is_replaced) == ("<bos>", False)
    assert (other.first_label, other.is_replaced) == ("w40", True)
    assert other.n_tokens == own.n_tokens
    assert np.abs(geometry(own.sums).mean - geometry(other.sums).mean).max() > 1e-2


def test_a_first_token_that_is_none_is_refused_in_a_sentence(models):
    engine, request = models["gpt2"]
    with pytest.raises(BadSelection, match="“w1 w2” is 2 tokens here"):
        engine.sink_statistics(request, "self", FIRST, "w1 w2")
    with pytest.raises(BadSelection, match="tokens 0 to 63; got 700"):
        engine.sink_statistics(request, "self", FIRST, 700)


def test_in_an_encoder_decoder_the_encoders_first_token_is_replaced(models):
    engine, request = models["t5"]
    for stream in ("encoder", "cross"):
        found = engine.sink_statistics(request, stream, FIRST, "w40")
        assert (found.first_label, found.is_replaced) == ("w40", True)
    queries = engine.sink_statistics(request, "cross", FIRST).sums.n_queries
    assert set(queries) == {float(len(engine.capture(request).target))}  # all of them, the first included


def test_without_a_sink_token_0_stands_in_and_this_is_told(models):
    engine, request = models["gpt2"]
    found = engine.sink_statistics(replace(request, text="w1 w2"), "self", SinkRule())
    assert (found.sinks, found.is_found) == ((0,), False)


def test_a_text_without_a_query_is_told_of(models):
    engine, request = models["gpt2"]
    short = replace(request, text="w1", special_tokens=False, add_bos=False)
    with pytest.raises(BadSelection) as raised:
        engine.sink_statistics(short, "self", FIRST)
    assert str(raised.value) == NO_QUERY
    with pytest.raises(BadSelection, match="Token 99 is not in a text of"):
        engine.sink_statistics(request, "self", SinkRule(added=(99,)))


def test_eager_families_are_not_applicable(models):
    engine, request = models["bloom"]
    with pytest.raises(NotCaptured, match="Not applicable: the family 'bloom'"):
        engine.sink_statistics(request, "self", FIRST)


def test_an_unknown_output_projection_is_not_applicable(models, monkeypatch):
    engine, request = models["llama"]
    monkeypatch.setattr("sinklens.capture.static_sink.output_weight", lambda *_: None)
    with pytest.raises(NotCaptured, match="output projection of the family 'llama' was not found"):
        engine.sink_statistics(request, "self", FIRST)


def test_a_stop_ends_it_between_two_layers(models):
    engine, request = models["gpt2"]
    seen = []
    with pytest.raises(RunCancelled):
        engine.sink_statistics(
            request, "self", FIRST, None, lambda share, _: seen.append(share), lambda: len(seen) >= 5
        )
    assert 0.5 < max(seen) < 1
