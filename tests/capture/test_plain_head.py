"""The head applied directly against the model's own forward.

python -m pytest tests/capture/test_plain_head.py
"""

from __future__ import annotations

import pytest
import torch

from sinklens.capture.engine import Engine
from sinklens.capture.plain_head import HeadCall, logits_of
from sinklens.capture.prediction import apply_head
from tests.capture.tiny_models import EAGER_ONLY, INTERFACE, save_tiny

TRANSFORMED = ("bert", "roberta", "distilbert", "albert", "electra", "modernbert")
SCALED, CAPPED = ("t5",), ("gemma2",)
NOT_PLAIN = (*TRANSFORMED, *SCALED, *CAPPED)


@pytest.mark.parametrize("family", [*INTERFACE, *EAGER_ONLY])
def test_logits_are_those_of_the_models_own_forward(family, tmp_path):
    engine = Engine()
    loaded = engine.model(str(save_tiny(family, tmp_path)))
    states = torch.randn(5, loaded.info.hidden_size, generator=torch.Generator().manual_seed(1))
    own = logits_of(loaded.model, loaded.call(HeadCall, substitute=states[None]))[0]
    torch.testing.assert_close(apply_head(loaded, states), own, rtol=0, atol=1e-5)
    assert (loaded.plain_head is None) == (family in NOT_PLAIN)
