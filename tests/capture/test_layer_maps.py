"""Maps averaged over heads. python -m pytest tests/capture/test_layer_maps.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.capture.engine import Engine
from sinklens.capture.layer_maps import layer_maps, layer_visibility
from sinklens.errors import BadSelection, NotCaptured
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.mark.parametrize("family", ["gpt2", "mistral", "bert", "gpt_neo"])
def test_their_mean_is_the_mean_map_of_the_profile(tmp_path, family):
    save_tiny(family, tmp_path)
    capture = Engine().capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    mean = np.nan_to_num(capture.profile().mean_map)
    np.testing.assert_allclose(layer_maps(capture).mean(0), mean, atol=1e-6)


def test_a_text_that_is_too_long_for_whole_maps_is_refused_with_the_numbers(tmp_path):
    save_tiny("gpt2", tmp_path)
    capture = Engine().capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    with pytest.raises(NotCaptured, match="up to 10 tokens; this text has 20"):
        layer_maps(capture, n_tokens_max=10)


@pytest.mark.parametrize("family", ["gpt2", "mistral", "bert", "gpt_neo"])
def test_what_a_layer_sees_is_what_its_heads_see(tmp_path, family):
    """gpt_neo keeps finished maps; mistral looks through a window."""
    save_tiny(family, tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    visible = layer_visibility(capture)
    for layer in range(capture.model.n_layers):
        expected = ~np.isnan(engine.head_map(capture, "self", layer, 1).weights)
        np.testing.assert_array_equal(visible[layer], expected)
    np.testing.assert_array_equal(visible.sum(2), capture.profile().n_visible)


@pytest.mark.parametrize("family", ["gpt2", "mistral", "bert"])
def test_the_mean_of_chosen_heads_is_the_mean_of_their_maps(tmp_path, family):
    save_tiny(family, tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    heads = (0, 1), (2, 3), (1, 0)
    maps = np.stack([engine.head_map(capture, "self", *place).weights for place in heads])
    mean = engine.mean_map(capture, "self", heads)
    np.testing.assert_allclose(np.nan_to_num(mean), np.nan_to_num(maps).mean(0), atol=1e-7)
    np.testing.assert_array_equal(np.isnan(mean), np.isnan(maps).all(0))


def test_no_chosen_head_is_told_in_a_sentence(tmp_path):
    save_tiny("gpt2", tmp_path)
    engine = Engine()
    capture = engine.capture(CaptureRequest(model=str(tmp_path), text=TEXT))
    with pytest.raises(BadSelection, match="No head is chosen"):
        engine.mean_map(capture, "self", ())
