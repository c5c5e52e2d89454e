"""The scores of real attention taken apart, against the steps that the engine reads one by one.

pytest tests/capture/test_sink_cause.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinklens.analysis.sink_birth import sink_birth
from sinklens.analysis.sink_cause import head_cause
from sinklens.analysis.sink_consequence import head_consequence
from sinklens.capture.engine import Engine
from sinklens.interventions import SwapPositions, ZeroQueryBias
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import ENCODER_DECODER, TARGET, TEXT, save_tiny

FAMILIES = ("gpt2", "llama", "bert", "gemma2", "gpt_oss", "modernbert", "t5")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (engine, capture)"""

    class Runs(dict):
        def __missing__(self, family):
            folder = save_tiny(family, tmp_path_factory.mktemp(family))
            target = TARGET if family in ENCODER_DECODER else None
            engine = Engine()
            self[family] = engine, engine.capture(CaptureRequest(str(folder), TEXT, target=target))
            return self[family]

    return Runs()


def gap_of_steps(engine, capture, stream, layer, head, key) -> float:
    """The gap by its definition, from the scores that `score_steps` gives for every query."""
    gaps = []
    for query in range(capture.profile(stream).n_queries):
        steps = engine.score_steps(capture, stream, layer, head, query, key)
        scores = next(s for s in (steps.biased, steps.capped, steps.scaled) if s is not None)
        others = steps.visible.copy()
        others[key] = False
        if steps.visible[key] and others.any() and (stream == "cross" or query != key):
            gaps.append(scores[key] - scores[others].mean())
    return float(np.mean(gaps))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_of_the_gap_add_up_to_the_scores_of_the_model(runs, family):
    engine, capture = runs[family]
    for stream in capture.profiles:
        for layer, head, key in ((0, 0, 0), (1, 3, 2)):
            found = head_cause(capture, stream, layer, head, key)
            expected = gap_of_steps(engine, capture, stream, layer, head, key)
            assert found.gap == pytest.approx(expected, rel=1e-4, abs=1e-4)
            assert sum(found.parts.values()) == pytest.approx(found.gap, rel=1e-6, abs=1e-8)


def test_only_families_that_cap_or_bias_have_those_parts(runs):
    parts = {family: set(head_cause(runs[family][1], stream, 0, 0, 0).parts)
             for family, stream in (("gpt2", "self"), ("gemma2", "self"), ("t5", "encoder"))}  # fmt: skip
    assert parts["gpt2"] == {"direction", "length"}
    assert parts["gemma2"] == {"direction", "length", "cap"}
    assert parts["t5"] == {"direction", "length", "position bias"}


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_norms_of_the_cause_are_those_of_the_profile(runs, family):
    _, capture = runs[family]
    profile = capture.profile()
    found = head_cause(capture, "self", 1, 2, 0)
    assert found.k_norm.key == pytest.approx(float(profile.k_norm[1, 2, 0]), rel=1e-5)
    assert found.q_norm == pytest.approx(float(profile.q_norm[1, 2, 1:].mean()), rel=1e-5)
    ratio = float(profile.k_norm[1, 2, 0] / profile.k_norm[1, 2, 1:].mean())
    assert head_consequence(profile, 1, 2, 0).key_ratio == pytest.approx(ratio, rel=1e-5)


def test_taking_the_query_bias_out_takes_b_q_times_key_out_of_the_scores(runs):
    """Reference 1.19: Δ_j = b_Q · k_j, here of one head in layer 1, with the weights read from the model."""
    engine, capture = Engine(), runs["gpt2"][1]
    layer, head, key = 1, 2, 0
    attention = engine.model(capture.request.model).model.transformer.h[layer].attn
    attention.c_attn.bias.data[:32] = np.pi  # a fresh model has biases of zero
    request = capture.request
    before = engine.capture(request)
    edit = ZeroQueryBias(pairs=((layer, head),))
    after = engine.capture(replace(request, interventions=(edit,)))
    k = before.states["self"][layer].k[head].astype(float)
    bias = np.full(8, np.pi)
    delta = before.states["self"][layer].scaling * k @ bias
    n_tokens = len(delta)
    expected = np.mean([delta[key] - delta[1 : query + 1].mean() for query in range(1, n_tokens)])
    found = [head_cause(run, "self", layer, head, key).gap for run in (before, after)]
    assert found[0] - found[1] == pytest.approx(expected, rel=1e-3)


def test_swapping_a_position_with_itself_changes_nothing_and_with_another_does(runs):
    engine, capture = runs["bert"]
    gaps = []
    for second in (0, 5):
        request = replace(capture.request, interventions=(SwapPositions(first=0, second=second),))
        gaps.append(head_cause(engine.capture(request), "self", 1, 1, 0).gap)
    before = head_cause(capture, "self", 1, 1, 0).gap
    assert gaps[0] == pytest.approx(before, rel=1e-5)
    assert abs(gaps[1] - before) > 1e-3


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2"])
def test_writers_of_a_real_stream_add_up_to_the_norm_of_the_state(runs, family):
    engine, capture = runs[family]
    born = sink_birth(engine.residual(capture), 0)
    assert sum(writer.amount for writer in born.writers) == pytest.approx(born.norms[born.peak], rel=1e-4)


def test_a_post_norm_encoder_says_why_nobody_is_named(runs):
    engine, capture = runs["bert"]
    born = sink_birth(engine.residual(capture), 0)
    assert born.writers == ()
    assert born.note.startswith("Not additive")
