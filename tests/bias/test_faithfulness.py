"""python -m pytest tests/bias/test_faithfulness.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.rank_agreement import agreement_table, rank_correlation
from sinklens.analysis.rollout import norm_shares, rollout
from sinklens.attribution_records import AttributionTarget
from sinklens.bias.faithfulness import faithfulness_report
from sinklens.bias.scored_text import score_prediction
from sinklens.capture.engine import Engine
from sinklens.errors import RunCancelled
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

METHODS = ["integrated gradients", "gradient x input", "leave one out", "gradient-weighted attention"]
METHODS += ["attention rollout", "norm-weighted rollout"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Engine, capture and scored text of a tiny decoder."""
    engine, name = Engine(), str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2")))
    capture = engine.capture(CaptureRequest(name, TEXT))
    return (
        engine,
        capture,
        score_prediction(engine.model(name), capture.prompt, AttributionTarget(position=15)),
    )


@pytest.fixture(scope="module")
def report(run):
    engine, capture, scored = run
    norms = engine.norm_maps(capture, engine.residual(capture), "self")
    return faithfulness_report(scored, tuple(capture.prompt.labels), norm_maps=norms)


def test_every_method_attributes_the_same_number(report, run):
    assert [found.method for found in report.attributions] == METHODS
    values = [found.value for found in report.attributions]
    np.testing.assert_allclose(values, values[0], atol=1e-4)
    assert {found.target for found in report.attributions} == {run[2].sentence}
    assert all(found.scores.shape == (20,) for found in report.attributions)
    assert report.left_out == ()


def test_no_method_gives_importance_to_what_comes_later(report):
    for found in report.attributions:
        np.testing.assert_allclose(found.scores[16:], 0, atol=1e-6, err_msg=found.method)


def test_norm_weighted_rollout_reads_the_row_of_the_prediction(report, run):
    engine, capture, _ = run
    norms = engine.norm_maps(capture, engine.residual(capture), "self")
    expected = rollout(norm_shares(norms), residual_share=0.0)[-1, 15]
    np.testing.assert_allclose(report.attribution("norm-weighted rollout").scores, expected, atol=1e-9)


def test_every_method_has_both_curves_and_agreement_with_every_head(report):
    assert [curve.order for curve in report.curves] == ["deletion"] * 6 + ["insertion"] * 6
    assert report.head_importance.shape == (3, 4, 20)
    found = rank_correlation(report.head_importance, report.attribution("leave one out").importance)
    assert found.rho.shape == (3, 4)
    table = agreement_table(report.importance, k=5, is_sink=report.is_special)
    assert len(table) == 15
    assert table["rbo"].between(0, 1).all()


def test_progress_only_rises_and_a_stop_takes_effect(run):
    _, capture, scored = run
    shares = []
    faithfulness_report(
        scored, tuple(capture.prompt.labels), on_progress=lambda share, _: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with pytest.raises(RunCancelled):
        faithfulness_report(scored, (), is_cancelled=lambda: True)


def test_methods_that_do_not_apply_are_listed_with_their_reason(tmp_path):
    engine, name = Engine(), str(save_tiny("bloom", tmp_path))
    prompt = engine.tokenise(CaptureRequest(name, TEXT))
    scored = score_prediction(engine.model(name), prompt, AttributionTarget())
    found = faithfulness_report(scored, tuple(prompt.labels), with_curves=False)
    names = [one.method for one in found.attributions]
    assert {"integrated gradients", "leave one out"} <= set(names)
    assert len(names) + len(found.left_out) == 5
    assert found.curves == ()
