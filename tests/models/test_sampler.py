"""Run with `pytest tests/models/test_sampler.py`."""

import numpy as np
import pytest

from models.recipes.repeats import RepeatPlan, repeat_once, repeat_to_end
from models.recipes.sampler import RowPlan, RowSampler

FIRST_ID = 0
STREAM = np.arange(1, 60_001, dtype=np.uint16)  # every token differs from every other


def sampler(repeat_share: float, **plan) -> RowSampler:
    repeats = RepeatPlan(((0, repeat_share),), **plan)
    return RowSampler(STREAM, RowPlan(repeats=repeats), FIRST_ID, seed=3)


def test_every_row_begins_with_the_first_position_token():
    rows = sampler(repeat_share=0.5).batch(step=7)
    assert rows.shape == (8, 256)
    assert (rows[:, 0] == FIRST_ID).all()


def test_rows_without_repeats_are_stretches_of_the_stream():
    rows = sampler(repeat_share=0.0).batch(step=0)
    assert (np.diff(rows[:, 1:], axis=1) == 1).all()


def test_one_epoch_reads_every_window_once():
    source = sampler(repeat_share=0.0)
    starts = [source.plain_text(number)[0] for number in range(len(source.windows))]
    assert len(set(starts)) == len(source.windows) == len(STREAM) // 255


def test_after_its_distinct_rows_a_run_reads_the_first_again():
    plan = RowPlan(n_distinct_rows=20, repeats=RepeatPlan(((0, 0.0),)))
    source = RowSampler(STREAM, plan, FIRST_ID, seed=3)
    assert (source.plain_text(20) == source.plain_text(0)).all()
    assert (source.plain_text(0) == sampler(repeat_share=0.0).plain_text(0)).all()


def test_every_repeating_row_says_something_twice():
    rows = sampler(repeat_share=1.0, noise_share=0.0).batch(step=0)
    assert all(len(np.unique(row)) < len(row) for row in rows)


def test_a_batch_depends_on_seed_and_step_alone():
    one, other = sampler(repeat_share=0.5), sampler(repeat_share=0.5)
    other.batch(step=4)
    assert (one.batch(step=5) == other.batch(step=5)).all()
    assert (one.batch(step=5) != one.batch(step=6)).any()


@pytest.mark.parametrize(("step", "share"), [(0, 0.3), (9, 0.3), (10, 0.6), (500, 0.1)])
def test_the_share_of_repeating_rows_follows_its_stages(step, share):
    plan = RepeatPlan(((0, 0.3), (10, 0.6), (20, 0.1)))
    assert plan.share_at(step) == share


def test_a_segment_is_repeated_until_the_row_ends():
    row = repeat_to_end(np.arange(10), start=2, length=3)
    assert row.tolist() == [0, 1, 2, 3, 4, 2, 3, 4, 2, 3]


def test_a_segment_is_repeated_once_after_a_gap():
    row = repeat_once(np.arange(10), start=1, length=3, gap=2)
    assert row.tolist() == [0, 1, 2, 3, 4, 5, 1, 2, 3, 9]
