"""Run with `pytest tests/models/test_masked_text.py`."""

import numpy as np
import pytest
import torch

from models.recipes.masked_text import MaskedHeldoutText, key_shares
from tests.models.masked_model import N_VOCAB, STREAM, TOKENS, tiny_bert


@pytest.fixture
def model():
    return tiny_bert()


def test_the_shares_of_all_keys_sum_to_one(model):
    rows = torch.from_numpy(STREAM[:64].astype(np.int64).reshape(2, 32))
    even = torch.arange(32).remainder(2).eq(0).expand(2, 32)
    shares = key_shares(model, rows, {"even": even, "odd": ~even})
    assert torch.allclose(shares["even"] + shares["odd"], torch.ones(2, 2, 4), atol=1e-5)


def test_a_point_of_the_log_names_each_kind_of_sink_token(model):
    point = MaskedHeldoutText(STREAM, TOKENS, n_tokens=32).point(model)
    assert {"cls_sink_rate", "sep_sink_rate", "punctuation_sink_rate"} <= point.keys()
    assert point["heldout_loss"] == pytest.approx(np.log(N_VOCAB), abs=0.5)
