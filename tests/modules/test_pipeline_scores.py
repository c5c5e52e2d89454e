"""The card of scaled attention, step by step.

python -m pytest tests/modules/test_pipeline_scores.py
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from modules.pipeline import Place
from modules.pipeline_scores import scores_at
from modules.pipeline_vectors import vectors_at
from modules.score_tables import scaling_words, score_finding, score_table, step_numbers
from sinklens.capture.engine import Engine
from sinklens.errors import NotCaptured
from sinklens.interventions import ScaleColumns
from sinklens.records import CapturePlan
from tests.capture.plain_run import TracedRuns

NBSP = "\xa0"


class Steps:
    """What the cards ask the service for, at once and from a real run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def score_steps(self, *at):
        return self.engine.score_steps(*at)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return TracedRuns(tmp_path_factory)


def scores_of(runs, family: str, others: tuple[int, ...] = (), **choices):
    engine, capture = runs[family]
    if choices:
        capture = engine.capture(replace(capture.request, **choices))
    return asyncio.run(scores_at(Steps(engine), Place(capture, "decoder", 1, 2, 6), others))


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "gemma2", "t5", "gpt_oss"])
def test_the_last_step_is_what_the_heads_map_shows(runs, family):
    scores = scores_of(runs, family, (0, 2, 4, 5))
    engine, capture = runs[family]
    weights = engine.head_map(capture, scores.place.stream, 1, 2).weights
    chosen = list(scores.tokens)
    last = step_numbers(scores)[-1]
    np.testing.assert_allclose(last.values, weights[np.ix_(chosen, chosen)], atol=1e-6)
    rest = np.nansum(weights[chosen], axis=1) - np.nansum(last.values, axis=1)
    np.testing.assert_allclose(last.others, rest, atol=1e-6)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "gemma2", "t5", "gpt_oss"])
def test_every_step_follows_from_the_one_before(runs, family):
    scores = scores_of(runs, family, (0, 2, 4, 5))
    state, chosen = scores.place.state, list(scores.tokens)
    steps = {step.name: step.values for step in step_numbers(scores)}
    group = 2 * len(state.k) // len(state.q)
    products = state.q[2][chosen] @ state.k[group][chosen].T
    np.testing.assert_allclose(steps["q·k"], products, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(steps["scaled"], steps["q·k"] * state.scaling, atol=1e-4)
    latest = steps["scaled"]
    if family == "gemma2":
        latest = 5.0 * np.tanh(latest / 5.0)
        np.testing.assert_allclose(steps["soft-capped"], latest, atol=1e-4)
    if family == "t5":
        latest = latest + state.bias[2][np.ix_(chosen, chosen)]
        np.testing.assert_allclose(steps["position bias"], latest, atol=1e-4)
    seen = ~np.isnan(steps["masked"])
    np.testing.assert_allclose(steps["masked"][seen], latest[seen], atol=1e-4)
    # Ratios of weights in a row are those of the exponentials; what they are shared among is elsewhere.
    for row, score in zip(steps["softmax"], latest, strict=True):
        keys = np.flatnonzero(~np.isnan(row) & (row > 1e-6))
        for one, other in pairwise(keys):
            assert row[one] / row[other] == pytest.approx(np.exp(score[one] - score[other]), rel=1e-2)


def test_without_a_choice_the_strongest_keys_of_the_token_are_shown(runs):
    scores = scores_of(runs, "gpt2")
    row = np.where(scores.own.visible, scores.own.edited, -1)
    best = np.argsort(-row)[:5]
    assert 6 in scores.tokens
    assert len(scores.tokens) == 5
    assert int(best[0]) in scores.tokens
    assert score_finding(scores).startswith(
        f"In head 1.2, w6 (6) gives most to w{best[0]} ({best[0]}): q·k = "
    )


def test_a_causal_head_hides_later_keys_and_a_bidirectional_one_nothing(runs):
    causal, free = (scores_of(runs, family, (2, 9)) for family in ("gpt2", "bert"))
    step = {step.name: step for step in step_numbers(causal)}["masked"]
    assert np.isnan(step.values).tolist() == [[False, True, True], [False, False, True], [False] * 3]
    assert "hidden" in str(score_table(causal, step, 3))
    step = {step.name: step for step in step_numbers(free)}["masked"]
    assert not np.isnan(step.values).any()
    assert step.words == "nothing is hidden from these queries"


def test_edits_of_weights_are_a_step_of_their_own(runs):
    edit = ScaleColumns(keys=(0,), factor=0.1)
    names = [step.name for step in step_numbers(scores_of(runs, "gpt2", (0,), interventions=(edit,)))]
    assert names == ["q·k", "scaled", "masked", "softmax", "edited"]


def test_the_factor_is_told_as_the_model_has_it():
    assert scaling_words(0.125, 64) == "÷ √64, that is × 0.125"
    assert scaling_words(1.0, 64).startswith("× 1: this model does not scale")
    assert scaling_words(0.0625, 64) == "× 0.0625: this model's own factor (÷ √64 would be × 0.125)"


@pytest.mark.parametrize(
    ("family", "plan", "words_of"),
    [("bloom", CapturePlan(), "finished weights only"), ("gpt2", CapturePlan(states=False), "not kept")],
)
def test_a_run_without_vectors_is_told_of(runs, family, plan, words_of):
    engine, capture = runs[family]
    capture = engine.capture(replace(capture.request, plan=plan))
    place = Place(capture, "decoder", 0, 0, 3)
    with pytest.raises(NotCaptured, match=words_of):
        vectors_at(place)
    with pytest.raises(NotCaptured, match=words_of):
        asyncio.run(scores_at(Steps(engine), place, ()))
