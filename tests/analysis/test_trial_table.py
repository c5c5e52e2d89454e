"""Tables of trials against numbers that can be added up by hand.

python -m pytest tests/analysis/test_trial_table.py
"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.trial_table import (
    change_beyond_controls,
    loss_change,
    perplexity,
    trial_table,
)
from tests.analysis.effects import effect, report


def test_the_change_of_several_texts_is_the_mean_of_their_means():
    effects = [effect(change, text=text, n=n) for text, (change, n) in enumerate([(1, 4), (2, 8), (3, 99)])]
    found = loss_change(effects)
    assert found.mean == pytest.approx(2.0)
    assert (found.n, found.over) == (3, "texts")


def test_with_few_texts_the_interval_is_over_tokens():
    found = loss_change([effect(np.arange(8.0)), effect(np.arange(8.0), text=1)])
    assert (found.n, found.over) == (16, "tokens")
    assert found.mean == pytest.approx(3.5)
    assert found.low < 3.5 < found.high


def test_beyond_controls_each_text_is_held_against_its_own_controls():
    effects = [effect(1 + text, text=text) for text in range(3)]
    controls = [effect(text + c, name=f"c{c}", of="mask", text=text) for text in range(3) for c in (0.0, 0.5)]
    found = change_beyond_controls(effects, controls)
    # Every text: (1 + text) - (text + 0.25), so nothing of the spread between texts is left.
    assert (found.mean, found.low, found.high) == pytest.approx((0.75, 0.75, 0.75))
    assert found.over == "texts"


def test_beyond_controls_of_one_text_is_paired_by_token():
    by_token = np.arange(8.0)
    found = change_beyond_controls([effect(by_token + 1)], [effect(by_token, name="c", of="mask")])
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.n, found.over) == (8, "tokens")


def test_only_tokens_that_all_of_them_predict_are_paired():
    edit = effect([5.0, 1.0, 2.0], n=3, tokens=np.array([9, 1, 2]))
    control = effect([0.5, 0.0, 7.0], name="c", of="mask", n=3, tokens=np.array([2, 1, 3]))
    found = change_beyond_controls([edit], [control])
    assert (found.mean, found.n) == (pytest.approx((1.0 - 0.0 + 2.0 - 0.5) / 2), 2)


def test_a_text_whose_controls_were_skipped_counts_nowhere_beyond_controls():
    effects = [effect(1.0, text=text) for text in range(4)]
    controls = [effect(0.5, name="c", of="mask", text=text) for text in range(3)]
    assert change_beyond_controls(effects, controls).n == 3
    nothing = change_beyond_controls(effects, [])
    assert nothing.n == 0
    assert np.isnan(nothing.mean)


def test_the_table_has_every_edit_followed_by_its_controls():
    effects = [
        e
        for text in range(3)
        for e in (
            effect(0.5, text=text),
            effect(0.25, name="mask: random key", of="mask", text=text),
            effect(0.0, name="heat", text=text),
        )
    ]
    table = trial_table(report(*effects))
    assert table["arm"].tolist() == ["mask", "mask: random key", "heat"]
    assert table["kind"].tolist() == ["edit", "control", "edit"]
    row = table.iloc[0]
    assert (row.loss_before, row.loss_after, row.change) == pytest.approx((2.0, 2.5, 0.5))
    assert (row.perplexity_before, row.perplexity_after) == pytest.approx((np.exp(2.0), np.exp(2.5)))
    assert (row.beyond, row.beyond_low, row.beyond_high) == pytest.approx((0.25, 0.25, 0.25))
    assert (row.kl, row.top_changed, row.top_overlap) == pytest.approx((0.5, 0.5, 0.8))
    assert (row.turned, row.stretched) == pytest.approx((0.2, 2.0))
    assert (row.n_texts, row.n_tokens) == (3, 24)
    assert np.isnan(table["beyond"][1:]).all()


def test_perplexity_is_the_exponential_of_the_loss_until_nobody_could_read_it():
    assert perplexity(np.log(30.0)) == pytest.approx(30.0)
    assert perplexity(51.0) == float("inf")
    assert perplexity(1e6) == float("inf")
