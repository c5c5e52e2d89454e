"""Every family against its own plain eager attention: weights, logits, norms and visibility.

python -m pytest tests/capture/test_families.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as hf

from sinklens.capture.engine import Engine
from sinklens.errors import BadIntervention, ModelRefused
from sinklens.interventions import MaskKeys
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import (
    CONFIGS,
    EAGER_ONLY,
    ENCODER_DECODER,
    INTERFACE,
    MASKED,
    TARGET,
    TEXT,
    save_tiny,
    tiny_model,
)

TOLERANCE = 1e-5
ALL = (*INTERFACE, *EAGER_ONLY)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Captures of all families, each made once: family -> (capture, engine, eager outputs)."""

    class Runs(dict):
        def __missing__(self, family):
            self[family] = _run(family, tmp_path_factory.mktemp(family))
            return self[family]

    return Runs()


def _run(family: str, folder):
    save_tiny(family, folder)
    engine = Engine()
    target = TARGET if family in ENCODER_DECODER else None
    capture = engine.capture(CaptureRequest(model=str(folder), text=TEXT, target=target))
    return capture, engine, eager_outputs(family, capture)


def eager_outputs(family: str, capture):
    """The reference: a second copy of the model with plain eager attention."""
    model = tiny_model(family).eval()
    if family in EAGER_ONLY:
        model.config._attn_implementation = "eager"
    else:
        model.set_attn_implementation("eager")
    inputs = {"input_ids": torch.tensor([capture.prompt.ids])}
    if capture.target:
        inputs["decoder_input_ids"] = torch.tensor([capture.target.ids])
    with torch.no_grad():
        return model(**inputs, output_attentions=True, output_hidden_states=True)


def reference_maps(outputs, stream: str) -> list[np.ndarray]:
    name = {"self": "attentions", "encoder": "encoder_attentions", "decoder": "decoder_attentions"}
    layers = outputs["cross_attentions" if stream == "cross" else name[stream]]
    return [layer[0].numpy() for layer in layers]


@pytest.mark.parametrize("family", ALL)
def test_every_map_equals_plain_eager_attention(runs, family):
    capture, engine, outputs = runs[family]
    for stream, profile in capture.profiles.items():
        reference = reference_maps(outputs, stream)
        assert len(reference) == profile.n_layers
        for layer, expected in enumerate(reference):
            for head in range(profile.n_heads):
                ours = engine.head_map(capture, stream, layer, head).weights
                assert np.abs(np.nan_to_num(ours) - expected[head]).max() <= TOLERANCE
                assert (expected[head][np.isnan(ours)] == 0).all()


@pytest.mark.parametrize("family", ALL)
def test_profile_sums_equal_sums_over_the_eager_maps(runs, family):
    capture, _, outputs = runs[family]
    for stream, profile in capture.profiles.items():
        maps = np.stack(reference_maps(outputs, stream))
        np.testing.assert_allclose(profile.received, maps.sum(2), atol=1e-4)
        np.testing.assert_allclose(profile.first_share, maps[..., 0], atol=TOLERANCE)
        np.testing.assert_allclose(profile.last_row, maps[:, :, -1], atol=TOLERANCE)
        np.testing.assert_allclose(profile.row_max, maps.max(-1), atol=TOLERANCE)
        np.testing.assert_allclose(profile.sum_squares, (maps**2).sum(-1), atol=1e-4)
        entropy = -(maps * np.log(np.where(maps > 0, maps, 1))).sum(-1)
        np.testing.assert_allclose(profile.entropy, entropy, atol=1e-3)
        np.testing.assert_array_equal(profile.n_visible, (maps > 0).any(1).sum(-1))


@pytest.mark.parametrize("family", [name for name in ALL if name not in MASKED])
def test_losses_come_from_the_models_own_logits(runs, family):
    capture, _, outputs = runs[family]
    ids = torch.tensor((capture.target or capture.prompt).ids)
    expected = torch.nn.functional.cross_entropy(outputs.logits[0, :-1], ids[1:], reduction="none")
    np.testing.assert_allclose(capture.token_loss, expected.numpy(), atol=1e-4)
    best = outputs.logits[0].argmax(-1).numpy()
    np.testing.assert_array_equal(capture.predictions.ids[:, 0], best)


@pytest.mark.parametrize("family", MASKED)
def test_masked_predictions_equal_a_pass_with_that_token_masked(runs, family):
    capture, engine, _ = runs[family]
    ids = torch.tensor([capture.prompt.ids])
    ids[0, 4] = 3
    model = tiny_model(family)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        expected = model(input_ids=ids).logits[0, 4].softmax(-1)
    ours = engine.masked_predictions(capture, (4,))
    assert ours.ids[0, 0] == int(expected.argmax())
    assert ours.probabilities[0, 0] == pytest.approx(float(expected.max()), abs=1e-5)


@pytest.mark.parametrize("family", INTERFACE)
def test_residual_norms_equal_the_models_hidden_states(runs, family):
    capture, _, outputs = runs[family]
    states = outputs["decoder_hidden_states" if capture.target else "hidden_states"]
    # The last state of transformers is taken after the final normalisation where there is one.
    expected = np.stack([state[0].norm(dim=-1).numpy() for state in states[:-1]])
    np.testing.assert_allclose(capture.hidden_norm[:-1], expected, rtol=1e-4)


@pytest.mark.parametrize("family", INTERFACE)
def test_the_self_check_passes(runs, family):
    capture, _, _ = runs[family]
    assert {check.name for check in capture.model.checks} >= {"attention captured", "rows", "same output"}
    assert all(check.passed for check in capture.model.checks), capture.model.checks


@pytest.mark.parametrize("family", INTERFACE)
def test_one_unit_of_weight_writes_v_times_the_output_projection(runs, family):
    capture, _, _ = runs[family]
    for profile in capture.profiles.values():
        assert np.isfinite(profile.vo_norm).all()
        assert (profile.vo_norm > 0).all()


def test_gpt_oss_reports_the_mass_of_its_learned_sinks(runs):
    capture, _, outputs = runs["gpt_oss"]
    maps = np.stack(reference_maps(outputs, "self"))
    assert capture.model.has_learned_sinks
    assert (capture.profile().row_sum < 0.999).any()
    np.testing.assert_allclose(capture.profile().row_sum, maps.sum(-1), atol=1e-5)


@pytest.mark.parametrize("family", EAGER_ONLY)
def test_eager_families_refuse_edits_with_a_sentence(runs, family):
    capture, engine, _ = runs[family]
    request = CaptureRequest(model=capture.request.model, text=TEXT, interventions=(MaskKeys(keys=(0,)),))
    with pytest.raises(BadIntervention, match="can be shown but not edited"):
        engine.capture(request)
    assert np.isnan(capture.profile().v_norm).all()


def test_a_model_without_attention_is_refused(tmp_path):
    save_tiny("mamba", tmp_path)
    with pytest.raises(ModelRefused, match="has no attention that can be shown"):
        Engine().info(str(tmp_path))


def test_every_family_of_the_catalogue_is_one_that_transformers_knows():
    assert all(name in hf.CONFIG_MAPPING for name in CONFIGS)
