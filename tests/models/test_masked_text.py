"""Run with `pytest tests/models/test_masked_text.py`."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from models.recipes.masked_text import (
    NOT_GUESSED,
    EncoderTokens,
    MaskedHeldoutText,
    MaskedRowSampler,
    key_shares,
    masked,
)
from models.recipes.sampler import RowPlan

N_VOCAB = 60
TOKENS = EncoderTokens(cls=2, sep=3, mask=4, n_vocab=N_VOCAB, n_special=5, punctuation=(5, 6))
STREAM = np.arange(4000, dtype=np.uint16) % (N_VOCAB - 5) + 5


@pytest.fixture
def model() -> BertForMaskedLM:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=N_VOCAB,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=32,
    )
    config._attn_implementation = "eager"
    return BertForMaskedLM(config).eval()


def test_a_row_stands_between_its_two_special_tokens():
    sampler = MaskedRowSampler(STREAM, RowPlan(n_rows=4, n_tokens=32), TOKENS, seed=1)
    inputs, _ = sampler.batch(step=3)
    assert inputs.shape == (4, 32)
    assert (inputs[:, 0] == TOKENS.cls).all()
    assert (inputs[:, -1] == TOKENS.sep).all()


def test_what_is_not_guessed_is_left_as_it_was():
    rows = np.tile(STREAM[:1000], (20, 1)).astype(np.int64)
    inputs, labels = masked(rows, TOKENS, np.random.default_rng(0))
    left = labels == NOT_GUESSED
    assert (inputs[left] == rows[left]).all()
    assert (labels[~left] == rows[~left]).all()


def test_guessed_tokens_are_masked_kept_or_replaced_in_their_shares():
    rows = np.tile(STREAM[:1000], (40, 1)).astype(np.int64)
    inputs, labels = masked(rows, TOKENS, np.random.default_rng(0))
    guessed = labels != NOT_GUESSED
    assert guessed.mean() == pytest.approx(0.15, abs=0.01)
    assert (inputs[guessed] == TOKENS.mask).mean() == pytest.approx(0.8, abs=0.02)
    assert (inputs[guessed] == rows[guessed]).mean() == pytest.approx(0.1, abs=0.02)


def test_the_shares_of_all_keys_sum_to_one(model):
    rows = torch.from_numpy(STREAM[:64].astype(np.int64).reshape(2, 32))
    even = torch.arange(32).remainder(2).eq(0).expand(2, 32)
    shares = key_shares(model, rows, {"even": even, "odd": ~even})
    assert torch.allclose(shares["even"] + shares["odd"], torch.ones(2, 2, 4), atol=1e-5)


def test_a_point_of_the_log_names_each_kind_of_sink_token(model):
    point = MaskedHeldoutText(STREAM, TOKENS, n_tokens=32).point(model)
    assert {"cls_sink_rate", "sep_sink_rate", "punctuation_sink_rate"} <= point.keys()
    assert point["heldout_loss"] == pytest.approx(np.log(N_VOCAB), abs=0.5)
