"""Run with `pytest tests/models/test_masked_rows.py`."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.recipes.masked_rows import (
    NOT_GUESSED,
    MaskedRowPlan,
    MaskedRowSampler,
    masked,
    masked_loss,
    n_guessed,
)
from models.recipes.repeats import RepeatPlan
from tests.models.masked_model import N_VOCAB, STREAM, TOKENS, tiny_bert

PLAN = MaskedRowPlan(n_rows=4, n_tokens=32)


def test_a_row_stands_between_its_two_special_tokens():
    inputs, _ = MaskedRowSampler(STREAM, PLAN, TOKENS, seed=1).batch(step=3)
    assert inputs.shape == (4, 32)
    assert (inputs[:, 0] == TOKENS.cls).all()
    assert (inputs[:, -1] == TOKENS.sep).all()


def test_rows_of_an_early_stage_are_short_and_more_in_number():
    plan = replace(PLAN, length_stages=((0, 8), (5, 32)))
    sampler = MaskedRowSampler(STREAM, plan, TOKENS, seed=1)
    assert sampler.batch(step=4)[0].shape == (16, 8)
    assert sampler.batch(step=5)[0].shape == (4, 32)


def test_rows_repeat_a_segment_from_the_step_at_which_they_are_to():
    plan = replace(PLAN, repeats=RepeatPlan(((0, 0.0), (5, 1.0)), noise_share=0.0, max_segment=10))
    sampler = MaskedRowSampler(np.arange(5, 4000, dtype=np.uint16), plan, TOKENS, seed=1)

    def n_distinct(step: int) -> int:
        inputs, labels = sampler.batch(step)
        rows = np.where(labels == NOT_GUESSED, inputs, labels)[:, 1:-1]
        return min(len(np.unique(row)) for row in rows)

    assert n_distinct(4) == 30
    assert n_distinct(5) < 30


def test_a_batch_depends_on_seed_and_step_alone():
    one, other = (MaskedRowSampler(STREAM, PLAN, TOKENS, seed=1) for _ in range(2))
    other.batch(step=4)
    assert (one.batch(step=5) == other.batch(step=5)).all()


def test_what_is_not_guessed_is_left_as_it_was():
    rows = np.tile(STREAM[:1000], (20, 1)).astype(np.int64)
    inputs, labels = masked(rows, TOKENS, 0.15, np.random.default_rng(0))
    left = labels == NOT_GUESSED
    assert (inputs[left] == rows[left]).all()
    assert (labels[~left] == rows[~left]).all()


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_guessed_tokens_are_masked_kept_or_replaced_in_their_shares(share):
    rows = np.tile(STREAM[:1000], (40, 1)).astype(np.int64)
    inputs, labels = masked(rows, TOKENS, share, np.random.default_rng(0))
    guessed = labels != NOT_GUESSED
    assert (guessed.sum(1) == n_guessed(1000, share)).all()
    assert (inputs[guessed] == TOKENS.mask).mean() == pytest.approx(0.8, abs=0.02)
    assert (inputs[guessed] == rows[guessed]).mean() == pytest.approx(0.1, abs=0.02)


def test_special_tokens_are_never_guessed():
    rows = np.tile(STREAM[:20], (50, 1)).astype(np.int64)
    _, labels = masked(rows, TOKENS, 0.5, np.random.default_rng(0))
    assert (labels[:, [0, -1]] == NOT_GUESSED).all()


def test_the_loss_is_the_cross_entropy_of_the_tokens_to_be_guessed():
    model = tiny_bert()
    batch = torch.from_numpy(MaskedRowSampler(STREAM, PLAN, TOKENS, seed=1).batch(step=0))
    logits = model(input_ids=batch[0]).logits
    plain = F.cross_entropy(logits.flatten(0, 1), batch[1].flatten(), ignore_index=NOT_GUESSED)
    assert masked_loss(model, batch, PLAN.mask_share).item() == pytest.approx(plain.item(), rel=1e-5)
    assert plain.item() == pytest.approx(np.log(N_VOCAB), abs=0.5)
