"""Requests against a shared model. python -m pytest tests/capture/test_engine.py"""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from sinklens.capture.engine import Engine
from sinklens.errors import BadIntervention, BadSelection, NotCaptured, RunCancelled
from sinklens.interventions import DropHeads, MaskKeys, ScaleColumns
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    names = ("gpt2", "llama", "gemma2", "gpt_oss", "t5", "bert")
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in names}


@pytest.fixture(scope="module")
def engine():
    return Engine()


def _request(folders, family="gpt2", **changes):
    return CaptureRequest(model=folders[family], text=TEXT, **changes)


@pytest.mark.parametrize("family", ["gpt2", "llama", "gemma2", "gpt_oss", "t5"])
def test_the_steps_reproduce_the_weight(engine, folders, family):
    capture = engine.capture(_request(folders, family))
    stream = capture.main_stream
    weights = engine.head_map(capture, stream, 1, 2).weights
    steps = engine.score_steps(capture, stream, 1, 2, query=9, key=3)
    final = steps.scaled if steps.capped is None else steps.capped
    final = final if steps.biased is None else steps.biased
    from_steps = np.where(steps.visible, np.exp(final - steps.log_denominator), 0)
    np.testing.assert_allclose(from_steps, np.nan_to_num(weights[9]), atol=1e-5)
    np.testing.assert_allclose(steps.weights, from_steps, atol=1e-5)


def test_maps_kept_by_the_plan_equal_maps_computed_from_vectors(engine, folders):
    kept = engine.capture(_request(folders, plan=CapturePlan(states=False, maps=(("self", 1, 2),))))
    later = engine.capture(_request(folders))
    np.testing.assert_allclose(
        kept.maps[("self", 1, 2)], engine.head_map(later, "self", 1, 2).weights, atol=1e-6
    )
    with pytest.raises(NotCaptured, match="were not kept"):
        engine.head_map(kept, "self", 0, 0)


def test_a_long_run_does_not_keep_vectors_over_the_limit(folders):
    engine = Engine(Settings(max_states_bytes=10))
    assert engine.capture(_request(folders)).states["self"] == ()


def test_an_edit_changes_the_loss_and_the_map(engine, folders):
    plain = engine.capture(_request(folders))
    edited = engine.capture(_request(folders, interventions=(MaskKeys(keys=(0,)),)))
    assert edited.loss != pytest.approx(plain.loss, abs=1e-4)
    assert (edited.profile().first_share == 0).all()
    assert np.nan_to_num(engine.head_map(edited, "self", 1, 1).weights)[:, 0].max() == 0


def test_edited_maps_from_vectors_equal_edited_maps_of_the_pass(engine, folders):
    edits = (ScaleColumns(keys=(0, 3), factor=0.25, heads=(1,)), MaskKeys(keys=(2,), layers=(1,)))
    plan = CapturePlan(maps=tuple(("self", layer, head) for layer in range(3) for head in range(4)))
    kept = engine.capture(_request(folders, interventions=edits, plan=plan))
    later = engine.capture(_request(folders, interventions=edits))
    for (stream, layer, head), weights in kept.maps.items():
        np.testing.assert_allclose(weights, engine.head_map(later, stream, layer, head).weights, atol=1e-6)


def test_dropping_heads_changes_the_output_but_not_their_weights(engine, folders):
    plain = engine.capture(_request(folders))
    edited = engine.capture(_request(folders, interventions=(DropHeads(pairs=((0, 1),)),)))
    np.testing.assert_allclose(edited.profile().received[0], plain.profile().received[0], atol=1e-6)
    assert (edited.profile().out_norm[0, 1] == 0).all()
    assert edited.loss != pytest.approx(plain.loss, abs=1e-4)


def test_no_edit_is_left_behind(engine, folders):
    before = engine.capture(_request(folders))
    engine.capture(_request(folders, interventions=(MaskKeys(keys=(0,)),)))
    after = engine.capture(_request(folders))
    np.testing.assert_array_equal(before.token_loss, after.token_loss)


def test_two_threads_on_one_model_do_not_see_each_others_edits(engine, folders):
    plain, edit = _request(folders), _request(folders, interventions=(MaskKeys(keys=(0,)),))
    expected = {request: engine.capture(request).token_loss for request in (plain, edit)}
    wrong, barrier = [], threading.Barrier(2)

    def run(request):
        barrier.wait()
        for _ in range(8):
            if not np.array_equal(engine.capture(request).token_loss, expected[request]):
                wrong.append(request)

    threads = [threading.Thread(target=run, args=(request,)) for request in (plain, edit)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert wrong == []


def test_outside_a_call_the_shared_model_is_the_plain_model(engine, folders):
    loaded = engine.model(folders["gpt2"])
    ids = torch.tensor([engine.tokenise(_request(folders)).ids])
    engine.capture(_request(folders, interventions=(MaskKeys(keys=(0,)),)))
    with torch.no_grad():
        ours = loaded.model(input_ids=ids).logits
    loaded.model.set_attn_implementation("eager")
    with torch.no_grad():
        eager = loaded.model(input_ids=ids).logits
    loaded.model.set_attn_implementation("sinklens")
    assert float((ours - eager).abs().max()) < 1e-4


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_cancelled_run_stops_between_layers(engine, folders, after):
    done = []
    with pytest.raises(RunCancelled):
        engine.capture(
            _request(folders),
            on_progress=lambda fraction, message: done.append(message),
            is_cancelled=lambda: len(done) > after,
        )
    assert len(done) == after + 1


def test_progress_rises_to_one(engine, folders):
    seen = []
    engine.capture(_request(folders), on_progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (MaskKeys(keys=(99,)), "token 99; this run has tokens 0 to 19"),
        (DropHeads(pairs=((7, 0),)), "layer 7; this run has layers 0 to 2"),
        (MaskKeys(keys=(0,), stream="cross"), "streams self"),
        (ScaleColumns(keys=(0,), factor=-1.0), "between 0 and 10; got -1.0"),
    ],
)
def test_an_edit_that_does_not_fit_is_named(engine, folders, edit, sentence):
    with pytest.raises(BadIntervention, match=sentence):
        engine.capture(_request(folders, interventions=(edit,)))


def test_a_head_outside_the_model_is_named(engine, folders):
    capture = engine.capture(_request(folders))
    with pytest.raises(BadSelection, match="head 0 to 3; got head 4"):
        engine.head_map(capture, "self", 0, 4)
    with pytest.raises(BadSelection, match="streams self; got 'cross'"):
        engine.head_map(capture, "cross", 0, 0)


def test_a_target_text_needs_a_decoder_of_its_own(engine, folders):
    with pytest.raises(BadSelection, match="leave the target text empty"):
        engine.capture(_request(folders, target="w1"))


def test_keys_follow_what_decides_the_result(engine, folders):
    key = engine.key(_request(folders))
    assert key == engine.key(_request(folders))
    others = [
        _request(folders, add_bos=False),
        _request(folders, plan=CapturePlan(states=False)),
        _request(folders, interventions=(MaskKeys(keys=(0,)),)),
        _request(folders, family="llama"),
    ]
    assert len({key, *map(engine.key, others)}) == 5


def test_a_causal_first_token_does_not_depend_on_the_rest_of_the_text(engine, folders):
    long = engine.capture(_request(folders))
    short = engine.capture(CaptureRequest(model=folders["gpt2"], text="w1 w2"))
    np.testing.assert_allclose(long.profile().v_norm[:, :, 0], short.profile().v_norm[:, :, 0], rtol=1e-5)
    np.testing.assert_allclose(long.hidden_norm[:, 0], short.hidden_norm[:, 0], rtol=1e-5)


def test_one_token_has_no_loss_but_a_profile(engine, folders):
    request = CaptureRequest(model=folders["gpt2"], text="w1", add_bos=False, special_tokens=False)
    capture = engine.capture(request)
    assert capture.loss is None
    assert capture.profile().first_share.tolist() == [[[1.0]] * 4] * 3


def test_arrays_of_a_capture_are_read_only(engine, folders):
    capture = engine.capture(_request(folders))
    with pytest.raises(ValueError, match="read-only"):
        capture.profile().received[0, 0, 0] = 1.0
