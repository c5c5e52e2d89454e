"""Run with `pytest tests/analysis/test_backcopy_task.py`."""

import numpy as np
import pytest

from sinklens.analysis.backcopy_task import FIRST, N_SYMBOLS, N_TOKENS, BackcopyTask


@pytest.fixture(scope="module")
def task() -> BackcopyTask:
    return BackcopyTask.of_seed()


@pytest.fixture(scope="module")
def rows(task) -> np.ndarray:
    return task.rows(200, np.random.default_rng(0))


def test_after_a_trigger_the_token_before_it_comes_again(task, rows):
    seen = 0
    for row in rows:
        for at in range(2, N_TOKENS):
            if row[at] in task.triggers:
                assert row[at + 1] == row[at - 1]
                seen += 1
    assert seen > 1_000


def test_elsewhere_only_followers_in_the_chain_come(task, rows):
    inputs, following = rows[:, 1:-1], rows[:, 2:]
    decided = ~task.is_trigger(rows[:, :-1])[:, 1:]
    assert (task.transitions[inputs[decided], following[decided]] > 0).all()


def test_every_row_opens_with_the_first_token_and_no_other_is_one(rows):
    assert (rows[:, 0] == FIRST).all()
    assert (rows[:, 1:] < N_SYMBOLS).all()


def test_the_stationary_distribution_stays_under_the_chain(task):
    assert task.stationary @ task.transitions == pytest.approx(task.stationary)
    assert task.stationary.sum() == pytest.approx(1)
    assert set(task.triggers) == set(np.argsort(task.stationary)[-3:])


def test_a_chain_without_choice_has_entropy_rate_zero():
    shift = np.roll(np.eye(N_SYMBOLS), 1, axis=1)
    certain = BackcopyTask(shift)
    assert certain.entropy_rate(certain.rows(5, np.random.default_rng(0))) == 0


def test_an_even_chain_has_the_entropy_of_its_symbols():
    even = BackcopyTask(np.full((N_SYMBOLS, N_SYMBOLS), 1 / N_SYMBOLS))
    assert even.entropy_rate(even.rows(5, np.random.default_rng(0))) == pytest.approx(np.log(N_SYMBOLS))


def test_labels_mark_triggers(task):
    row = np.array([FIRST, task.triggers[0], next(s for s in range(N_SYMBOLS) if s not in task.triggers)])
    first, trigger, plain = task.labels(row)
    assert first == "first"
    assert trigger.endswith("*")
    assert len(plain) == 1
