"""Maps averaged over heads. python -m pytest tests/capture/test_layer_maps.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.capture.engine import Engine
from sinklens.capture.layer_maps import layer_maps
from sinklens.errors import NotCaptured
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
