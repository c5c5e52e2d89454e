"""What is read back from stored vectors is what an edited pass computed, and passes do not mix.

python -m pytest tests/capture/test_edited_maps.py
"""

from __future__ import annotations

import threading

import numpy as np
import pytest

from sinklens import capture_file
from sinklens.capture.group_shares import group_shares
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    EvictAtRandom,
    KeepCache,
    MaskKeys,
    MoveAttention,
    OffByOneSoftmax,
    PatchContribution,
    QuantiseCache,
    ScaleColumns,
    SetDimensions,
    StaticVectors,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)
from sinklens.records import CapturePlan
from tests.captures import assert_same

VECTORS = StaticVectors.of(np.random.default_rng(0).normal(size=(3, 4, 8)))
EDITS = {
    "mask": (MaskKeys(keys=(1, 4), heads=(0, 3)),),
    "scale": (ScaleColumns(keys=(0,), factor=3.0),),
    "scale without giving back": (ScaleColumns(keys=(2,), factor=0.2, redistribute=False),),
    "values": (ZeroValues(keys=(1,), heads=(1,)),),
    "move": (MoveAttention(to_key=2, pairs=((0, 1), (2, 0))),),
    "drop": (DropHeads(pairs=((0, 1), (2, 3))),),
    "patch": (PatchContribution(keys=(0,), vectors=VECTORS, amount=0.5),),
    "off by one": (OffByOneSoftmax(pairs=((0, 1), (1, 2))),),
    "temperature": (Temperature(temperature=0.5, heads=(1, 2)),),
    "bias": (ZeroQueryBias(),),
    "cache": (KeepCache(n_sink=2, n_recent=3),),
    "random cache": (EvictAtRandom(n_kept=4, seed=3),),
    "bits": (QuantiseCache(n_bits=3, keep=(0,), heads=(0, 1)),),
    "state": (SetDimensions(layer=0, tokens=(0, 1), dimensions=(3, 5), values=(2.0, -8.0)),),
    "positions": (SwapPositions(first=1, second=5),),
    "tokens": (ChangeTokens(n_removed=1, prepend=(8, 9)),),
    "several": (
        KeepCache(n_sink=2, n_recent=6),
        QuantiseCache(n_bits=4),
        OffByOneSoftmax(),
        Temperature(temperature=2.0),
        MaskKeys(keys=(1,)),
        ScaleColumns(keys=(0,), factor=0.5),
    ),
}
ROTARY = {"cache counted anew": (KeepCache(n_sink=3, n_recent=4, positions="in-cache"),)}
CASES = [
    *(("gpt2", name, edits) for name, edits in EDITS.items()),
    *(("llama", name, edits) for name, edits in ROTARY.items()),
    *(("gpt_oss", name, EDITS[name]) for name in ("off by one", "temperature", "bits", "several")),
    ("gemma2", "temperature of layers", (Temperature(temperature=0.5, layers=(0, 2)),)),
    *(("llama", name, EDITS[name]) for name in ("values", "bits", "move", "patch")),
]
PLAN = CapturePlan(maps=tuple(("self", layer, head) for layer in range(3) for head in range(4)))


@pytest.mark.parametrize(
    ("family", "edits"),
    [(family, edits) for family, _, edits in CASES],
    ids=[f"{f} {n}" for f, n, _ in CASES],
)
def test_maps_and_steps_from_vectors_are_those_of_the_edited_pass(tiny_runs, family, edits):
    engine = tiny_runs.engine
    kept = tiny_runs.capture(family, *edits, plan=PLAN)
    later = tiny_runs.capture(family, *edits)
    assert not later.maps
    received = np.zeros_like(kept.profile().received)
    for (stream, layer, head), weights in kept.maps.items():
        np.testing.assert_allclose(weights, engine.head_map(later, stream, layer, head).weights, atol=1e-6)
        received[layer, head] = np.nansum(weights, axis=0)
        steps = engine.score_steps(later, stream, layer, head, query=11, key=2)
        np.testing.assert_allclose(steps.edited, np.nan_to_num(weights[11]), atol=1e-6)
        final = next(scores for scores in (steps.biased, steps.capped, steps.scaled) if scores is not None)
        softmax = np.where(steps.visible, np.exp(final - steps.log_denominator), 0)
        np.testing.assert_allclose(steps.weights, softmax, atol=1e-5)
    np.testing.assert_allclose(kept.profile().received, received, atol=1e-4)
    everyone = np.ones(len(later.prompt), bool)
    shares = group_shares(later, "self", everyone, everyone).share
    seen = kept.profile().row_sum[kept.profile().n_visible[:, None].repeat(4, 1) > 0].reshape(3, 4, -1)
    np.testing.assert_allclose(shares, seen.mean(-1), atol=1e-5)


@pytest.mark.parametrize("edits", [*EDITS.values()], ids=EDITS)
def test_the_residual_stream_is_that_of_the_edited_pass(tiny_runs, edits):
    edited = tiny_runs.capture("gpt2", *edits)
    stream = tiny_runs.engine.residual(edited)
    np.testing.assert_allclose(np.linalg.norm(stream.states, axis=-1), edited.hidden_norm, rtol=1e-5)


@pytest.mark.parametrize(
    ("family", "edits"), [("gpt2", EDITS["several"]), ("llama", ROTARY["cache counted anew"])]
)
def test_an_edited_capture_comes_back_from_its_file(tiny_runs, tmp_path, family, edits):
    capture = tiny_runs.capture(family, *edits)
    capture_file.save(capture, tmp_path / "run.safetensors")
    again = capture_file.load(tmp_path / "run.safetensors")
    assert_same(again, capture)
    ours, theirs = (tiny_runs.engine.head_map(run, "self", 2, 1).weights for run in (capture, again))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("family", "one", "other"),
    [
        ("llama", QuantiseCache(n_bits=3), KeepCache(n_sink=2, n_recent=4, positions="in-cache")),
        ("gpt2", ZeroQueryBias(), SetDimensions(layer=0, tokens=(0,), dimensions=(1,), values=(7.0,))),
    ],
)
def test_edits_of_two_threads_on_one_model_never_mix(tiny_runs, family, one, other):
    requests = [tiny_runs.request(family, edit) for edit in (one, other)]
    expected = [tiny_runs.engine.capture(request).token_loss for request in requests]
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    wrong, barrier = [], threading.Barrier(2)

    def run(at):
        barrier.wait()
        for _ in range(8):
            if not np.array_equal(tiny_runs.engine.capture(requests[at]).token_loss, expected[at]):
                wrong.append(requests[at])

    threads = [threading.Thread(target=run, args=(at,)) for at in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert wrong == []
