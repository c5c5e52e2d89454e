"""Run with `pytest tests/models/test_schedule.py`."""

import itertools

import pytest

from models.recipes.schedule import Schedule

OPEN = Schedule(peak=1.0, n_warmup=10, final_share=0.1)


def test_the_rate_rises_evenly_to_its_peak():
    assert [OPEN.rate(step) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])


def test_an_open_run_stays_at_its_peak():
    assert OPEN.rate(100_000) == 1.0
    assert OPEN.n_steps is None


def test_the_decay_ends_at_its_share_of_the_peak():
    closed = OPEN.decaying_from(step=50, n_decay=10)
    assert closed.n_steps == 60
    assert closed.rate(49) == 1.0
    assert closed.rate(54) == pytest.approx(0.55)
    assert closed.rate(59) == pytest.approx(0.1)


def test_the_decay_falls_by_the_same_amount_at_every_step():
    closed = OPEN.decaying_from(step=50, n_decay=10)
    rates = [closed.rate(step) for step in range(49, 60)]
    falls = [before - after for before, after in itertools.pairwise(rates)]
    assert falls == pytest.approx([0.09] * 10)
