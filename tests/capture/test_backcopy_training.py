"""Run with `pytest tests/capture/test_backcopy_training.py`."""

import numpy as np
import pytest
import torch

from sinklens.backcopy_records import ATTENTIONS, BackcopyRequest
from sinklens.capture.backcopy_model import BackcopyModel
from sinklens.capture.backcopy_training import first_stage, next_stage
from sinklens.errors import BadSelection, RunCancelled

SHORT = BackcopyRequest(n_steps=6, n_stages=3)


def _finished(request: BackcopyRequest):
    stage = first_stage(request)
    while not stage.is_finished:
        stage = next_stage(stage)
    return stage


def test_a_run_in_pieces_equals_a_run_in_one_piece():
    pieces, whole = _finished(SHORT), _finished(BackcopyRequest(n_steps=6, n_stages=1))
    for name, values in whole.state.items():
        assert np.abs(pieces.state[name] - values).max() < 1e-6, name
    assert [point.step for point in pieces.points] == [0, 2, 4, 6]


def test_equal_requests_give_equal_runs_and_other_seeds_others():
    assert _finished(SHORT).points == _finished(SHORT).points
    assert _finished(SHORT).points != _finished(BackcopyRequest(seed=1, n_steps=6, n_stages=3)).points


def test_an_untrained_model_knows_nothing_about_the_next_token():
    point = first_stage(SHORT).points[0]
    assert point.chain_loss > 3
    assert point.copy_loss > 3
    assert point.sink_share < 0.2


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_weights_are_causal_and_only_the_softmax_fills_every_row(attention):
    torch.manual_seed(0)
    model = BackcopyModel(attention)
    _, weights, _, _ = model.read(torch.randint(0, 20, (2, 9)))
    assert weights.triu(1).abs().max() == 0
    sums = weights.sum(-1)
    assert torch.allclose(sums, torch.ones_like(sums)) == (attention == "softmax")


def test_off_by_one_weights_are_softmax_weights_with_one_more_key_of_score_zero():
    torch.manual_seed(0)
    queries, keys = torch.randn(2, 1, 7, 64)
    powers = (queries @ keys.mT / 8).exp().tril()
    expected = powers / (1 + powers.sum(-1, keepdim=True))
    assert torch.allclose(BackcopyModel("off by one")._weights(queries, keys), expected, atol=1e-6)


def test_copying_is_learnt_with_a_sink_under_the_softmax_and_without_under_the_sigmoid():
    plain = _finished(BackcopyRequest(n_steps=120, n_stages=1)).points[-1]
    sigmoid = _finished(BackcopyRequest(attention="sigmoid", n_steps=120, n_stages=1)).points[-1]
    assert max(plain.copy_loss, sigmoid.copy_loss) < 1
    assert plain.sink_share > 0.25
    assert plain.empty_share == pytest.approx(0, abs=1e-6)
    assert sigmoid.sink_share < 0.1
    assert sigmoid.empty_share > 0.5


def test_nobody_waiting_stops_the_training():
    with pytest.raises(RunCancelled):
        next_stage(first_stage(SHORT), is_cancelled=lambda: True)


def test_an_unknown_attention_is_refused_in_a_sentence():
    with pytest.raises(BadSelection, match="softmax, off by one, sigmoid; got 'mean'"):
        BackcopyRequest(attention="mean")
