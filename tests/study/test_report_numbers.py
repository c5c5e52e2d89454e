"""The numbers of a report, against closed forms and scipy.

python -m pytest tests/study/test_report_numbers.py
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sinklens.analysis.interval import mean_interval
from sinklens.study.report_numbers import (
    N_BOOTSTRAPPED,
    by_category,
    curve_of,
    definition_rows,
    effect_rows,
    head_spread,
    interval_of,
    spread_of,
    summary,
    write_number,
)
from sinklens.study.report_pairs import (
    EVERY,
    control_tests,
    model_tests,
    position_tests,
    sign_flip_p,
)
from tests.study.report_rows import heads_of, run, runs_of


def test_a_spread_has_mean_sd_ends_and_the_interval_of_the_library():
    values = np.array([0.1, 0.4, 0.2, 0.9, np.nan])
    spread = spread_of(values)
    assert (spread.n, spread.low, spread.high) == (4, 0.1, 0.9)
    assert spread.mean == pytest.approx(0.4)
    assert spread.sd == pytest.approx(np.std([0.1, 0.4, 0.2, 0.9], ddof=1))
    assert spread.interval == mean_interval(values, "texts", 0)


def test_no_number_at_all_is_a_spread_of_nothing():
    spread = spread_of(np.array([np.nan]))
    assert spread.n == 0
    assert math.isnan(spread.mean)


def test_with_very_many_texts_the_interval_is_the_normal_one_and_near_the_bootstrap():
    values = np.random.default_rng(3).exponential(size=N_BOOTSTRAPPED + 1)
    normal, bootstrap = interval_of(values), mean_interval(values, "texts")
    assert normal.method == "normal"
    assert normal.low == pytest.approx(bootstrap.low, rel=0.01)
    assert normal.high == pytest.approx(bootstrap.high, rel=0.01)


def test_the_summary_counts_unedited_rows_only():
    rows = [run(0, first_share=0.2), run(1, first_share=0.4), run(0, condition="drop", first_share=0.9)]
    assert summary(runs_of(rows))["m", "first_share"].mean == pytest.approx(0.3)


def test_a_measure_that_the_study_did_not_ask_for_has_no_row():
    assert ("m", "entropy") not in summary(runs_of([run(0, first_share=0.2)]))


def test_categories_keep_their_texts_apart():
    rows = [run(i, first_excess=0.1 * i) | {"category": "code" if i % 2 else "prose"} for i in range(4)]
    found = by_category(runs_of(rows), "first_excess")
    assert found["m", "prose"].mean == pytest.approx(0.1)
    assert found["m", "code"].mean == pytest.approx(0.2)


def test_a_definition_counts_its_sinks_among_the_texts_that_have_a_verdict():
    verdicts = [True, False, None]
    rows = [
        run(i, by_explorer=0.5, by_explorer_floor=0.1, by_explorer_is_sink=v) for i, v in enumerate(verdicts)
    ]
    (row,) = definition_rows(runs_of(rows), "m")
    assert (row.definition.key, row.n_sink, row.n_judged) == ("explorer", 1, 2)
    assert row.floor == pytest.approx(0.1)


def test_a_curve_of_lists_of_different_length_counts_who_is_there():
    curve = curve_of([np.array([1.0, 2.0]), np.array([3.0]), np.array([np.nan, 4.0])])
    np.testing.assert_array_equal(curve.n, [2, 2])
    np.testing.assert_allclose(curve.mean, [2.0, 3.0])
    np.testing.assert_allclose(curve.low, [1.2, 2.2])


def test_a_head_is_averaged_over_texts_and_a_layer_over_its_heads_first():
    share = {
        (t, layer, head): 0.1 * t + 0.2 * layer + 0.05 * head
        for t in range(3)
        for layer in range(2)
        for head in range(2)
    }
    rows = [
        run(t) | {"layer": layer, "head": head, "first_token_share": v}
        for (t, layer, head), v in share.items()
    ]
    found = head_spread(heads_of(rows), "first_token_share")
    np.testing.assert_allclose(found.mean, [[0.1, 0.15], [0.3, 0.35]], atol=1e-6)
    np.testing.assert_allclose(found.sd, 0.1, atol=1e-6)
    np.testing.assert_allclose(found.curve.mean, [0.125, 0.325], atol=1e-6)
    assert (found.n == 3).all()


def test_an_edit_is_held_against_its_control_text_by_text():
    rows = [run(t, condition="drop", loss_change=1.0 + t) for t in range(4)]
    rows += [
        run(t, condition="drop: random heads", loss_change=0.5 * t) | {"seed": s}
        for t in range(4)
        for s in (1, 2)
    ]
    edit, control = effect_rows(runs_of(rows), "loss_change")
    assert (edit.kind, control.kind, control.of) == ("edit", "control", "drop")
    assert edit.against is None
    assert control.spread.n == 4
    assert control.against.mean == pytest.approx(2.5 - 0.75)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.41, "share", "41 %"), (2.5, "times", "2.5 ×"), (12.345, "points", "12.3 points"),
     (math.nan, "nats", "–"), (12_345.6, "", "12,346")],
)  # fmt: skip
def test_numbers_are_written_with_their_unit(value, unit, text):
    assert write_number(unit)(value).replace("\N{NO-BREAK SPACE}", " ") == text


# --- paired tests -----------------------------------------------------------------------------------


def test_the_exact_p_of_equal_signs_is_two_in_two_to_the_n():
    assert sign_flip_p(np.full(5, 0.3)) == pytest.approx(2 / 2**5)


@pytest.mark.parametrize("n", [6, 12])
def test_the_exact_p_is_that_of_scipy(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    outcome = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(values) == pytest.approx(outcome.pvalue)


def test_the_drawn_p_is_near_the_exact_one_and_never_zero():
    values = np.random.default_rng(1).normal(0.5, 1, 30)
    assert sign_flip_p(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert sign_flip_p(np.full(60, 1.0)) == pytest.approx(1e-4)


def test_two_pairs_are_too_few():
    assert math.isnan(sign_flip_p(np.array([1.0, 2.0])))


def test_models_are_compared_on_the_texts_that_both_have_read():
    rows = [run(t, "a", first_excess=0.5 + 0.1 * t) for t in range(5)]
    rows += [run(t, "b", first_excess=0.1 * t) for t in range(4)]
    (test,) = model_tests(runs_of(rows), "first_excess")
    assert (test.category, test.difference.n) == (EVERY, 4)
    assert test.difference.mean == pytest.approx(0.5)
    assert test.p == pytest.approx(2 / 2**4)


def test_with_categories_every_one_has_a_row_and_all_are_corrected_together():
    rows = [
        run(t, m, first_excess=0.1 * (m == "a") + 0.01 * t) | {"category": "xy"[t % 2]}
        for t in range(10)
        for m in "ab"
    ]
    tests = model_tests(runs_of(rows), "first_excess")
    assert [test.category for test in tests] == [EVERY, "x", "y"]
    np.testing.assert_allclose([test.p for test in tests], [2 / 2**10, 2 / 2**5, 2 / 2**5])
    np.testing.assert_allclose([test.p_corrected for test in tests], [3 * 2 / 2**10, 4 / 2**5, 4 / 2**5])


def test_positions_are_compared_within_each_text():
    rows = [run(t, received_by_position=[0.6, 0.1, 0.2]) for t in range(4)]
    tests = position_tests(runs_of(rows))
    assert [test.second for test in tests] == ["position 1", "position 2"]
    assert tests[0].difference.mean == pytest.approx(0.5)


def test_a_control_is_tested_against_the_edit_that_it_belongs_to():
    rows = [run(t, condition=c, loss_change=v) for t in range(4) for c, v in (("e", 1.0), ("e: r", 0.25))]
    (test,) = control_tests(runs_of(rows), "loss_change")
    assert (test.first, test.second, test.difference.mean) == ("e", "e: r", 0.75)
