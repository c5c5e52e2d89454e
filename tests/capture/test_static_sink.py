"""Static vectors for patches, against plain eager attention. pytest tests/capture/test_static_sink.py"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinklens.capture.engine import Engine
from sinklens.capture.static_sink import output_weights, random_twin, static_vectors
from sinklens.errors import BadSelection, NotCaptured
from sinklens.interventions import ChangeTokens, PatchContribution, StaticVectors
from sinklens.records import CapturePlan, CaptureRequest
from tests.capture.plain_attention import FAMILIES, plain_layers
from tests.capture.tiny_models import TARGET, TEXT, save_tiny

OTHER = "w31 w7 w7 w50 w2 w9 w10"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """family -> (engine, folder of the model)"""
    engine = Engine()

    class Models(dict):
        def __missing__(self, family):
            self[family] = engine, str(save_tiny(family, tmp_path_factory.mktemp(family)))
            return self[family]

    return Models()


def captures_of(models, family, texts=(TEXT, OTHER), **choices):
    engine, folder = models[family]
    target = TARGET if family == "t5" else None
    requests = [CaptureRequest(folder, text, target=target, **choices) for text in texts]
    return engine.model(folder), [engine.capture(request) for request in requests]


def stream_of(family):
    return "decoder" if family == "t5" else "self"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("keys", [(0,), (0, 3)])
def test_a_static_vector_is_the_mean_of_what_queries_outside_of_the_set_receive(models, family, keys):
    loaded, captures = captures_of(models, family)
    vectors = static_vectors(loaded, captures, keys, stream_of(family))
    received = [[] for _ in vectors]
    for capture in captures:
        target = capture.target.ids if capture.target else None
        for layer, plain in enumerate(plain_layers(models[family][1], family, capture.prompt.ids, target)):
            c = np.einsum("hqs,hsd->qhd", plain.weights[:, :, list(keys)], plain.values[:, list(keys)])
            sees = plain.weights[:, :, list(keys)].sum((0, 2)) > 0
            received[layer] += [c[i] for i in range(len(c)) if sees[i] and i not in keys]
    expected = np.stack([np.mean(layer, axis=0) for layer in received])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_text_with_one_query_is_patched_by_its_own_contribution_without_a_change(models):
    loaded, (capture,) = captures_of(models, "llama", ("w5",), special_tokens=False, add_bos=True)
    assert len(capture.prompt) == 2
    vectors = StaticVectors.of(static_vectors(loaded, [capture], (0,)))
    engine = models["llama"][0]
    patched = engine.capture(edited(capture, PatchContribution(keys=(0,), vectors=vectors)))
    np.testing.assert_allclose(patched.hidden_norm, capture.hidden_norm, rtol=1e-5)
    np.testing.assert_allclose(
        patched.predictions.probabilities, capture.predictions.probabilities, atol=1e-5
    )


def edited(capture, *edits):
    return replace(capture.request, interventions=edits)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_a_patch_with_the_texts_own_mean_keeps_the_mean_of_the_first_layers_heads(models, family):
    loaded, (capture,) = captures_of(models, family, (TEXT,))
    engine = models[family][0]
    vectors = static_vectors(loaded, [capture], (0,))
    patch = PatchContribution(keys=(0,), vectors=StaticVectors.of(vectors), layers=(0,))
    plain, patched = (
        engine.residual(engine.capture(edited(capture, *edits))).head_outputs["attention"][0]
        for edits in ((), (patch,))
    )
    np.testing.assert_allclose(patched[1:].mean(0), plain[1:].mean(0), atol=1e-5)
    np.testing.assert_array_equal(patched[0], plain[0])
    assert np.abs(patched[1:] - plain[1:]).max() > 1e-3


def test_queries_of_all_texts_count_alike(models):
    loaded, captures = captures_of(models, "gpt2")
    both, *single = (static_vectors(loaded, some, (0,)) for some in (captures, captures[:1], captures[1:]))
    n = [len(capture.prompt) - 1 for capture in captures]
    np.testing.assert_allclose(both, (n[0] * single[0] + n[1] * single[1]) / sum(n), atol=1e-6)


def test_another_first_token_gives_another_vector(models):
    engine = models["gpt2"][0]
    loaded, (capture,) = captures_of(models, "gpt2", (TEXT,))
    other = engine.capture(edited(capture, ChangeTokens(replace_first_by=17)))
    means = [static_vectors(loaded, [run], (0,)) for run in (capture, other)]
    assert np.abs(means[0] - means[1]).max() > 1e-2


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "t5"])
@pytest.mark.parametrize("by", ["head", "layer"])
def test_a_random_twin_writes_as_much_in_another_direction(models, family, by):
    loaded, captures = captures_of(models, family)
    vectors = static_vectors(loaded, captures, (0,), stream_of(family))
    twin = random_twin(loaded, vectors, stream_of(family), seed=3, by=by)
    weights = np.stack(output_weights(loaded, stream_of(family), vectors.shape))
    wrote, writes = (np.einsum("lhd,lhdk->lhk", v.astype(np.float64), weights) for v in (vectors, twin))
    if by == "layer":
        wrote, writes = wrote.sum(1), writes.sum(1)
    sizes = np.linalg.norm(wrote, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(writes, axis=-1), sizes, rtol=1e-4)
    cosines = (wrote * writes).sum(-1) / sizes**2
    assert np.abs(cosines).max() < 0.95
    np.testing.assert_array_equal(twin, random_twin(loaded, vectors, stream_of(family), seed=3, by=by))
    assert not np.array_equal(twin, random_twin(loaded, vectors, stream_of(family), seed=4, by=by))


def test_a_twin_of_nothing_is_nothing(models):
    loaded, captures = captures_of(models, "gpt2")
    zero = np.zeros_like(static_vectors(loaded, captures, (0,)))
    np.testing.assert_array_equal(random_twin(loaded, zero), zero)


def test_refusals_are_sentences(models):
    loaded, captures = captures_of(models, "gpt2")
    with pytest.raises(BadSelection, match="at least one calibration text"):
        static_vectors(loaded, [], (0,))
    with pytest.raises(BadSelection, match="Token 15 is not in a text of 9 tokens"):
        static_vectors(loaded, captures, (15,))
    with pytest.raises(BadSelection, match="No token was chosen"):
        static_vectors(loaded, captures, ())
    with pytest.raises(BadSelection, match="by head or by layer"):
        random_twin(loaded, np.zeros((3, 4, 8)), by="text")
    with pytest.raises(BadSelection, match="was read by"):
        static_vectors(captures_of(models, "llama")[0], captures, (0,))


def test_a_text_of_one_token_has_no_query_to_learn_from(models):
    loaded, captures = captures_of(models, "gpt2", ("w5",), special_tokens=False, add_bos=False)
    with pytest.raises(BadSelection, match="No query looks back"):
        static_vectors(loaded, captures, (0,))


def test_a_run_that_kept_no_vectors_is_told_of(models):
    loaded, captures = captures_of(models, "gpt2", plan=CapturePlan(states=False))
    with pytest.raises(NotCaptured, match="vectors of this run were not kept"):
        static_vectors(loaded, captures, (0,))


def test_families_with_finished_weights_only_are_not_applicable(models):
    loaded, captures = captures_of(models, "falcon")
    with pytest.raises(NotCaptured, match="Not applicable: the family 'falcon'"):
        static_vectors(loaded, captures, (0,))
