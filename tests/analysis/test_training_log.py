"""pytest tests/analysis/test_training_log.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.training_log import onset_sentence, training_log
from sinklens.errors import DamagedFile


def log_of(rates, **fields):
    points = [
        {"step": 10 * (i + 1), "n_tokens": 1e6 * (i + 1), "sink_rate": rate} | fields
        for i, rate in enumerate(rates)
    ]
    return training_log("demo", {"points": points})


def test_the_onset_is_the_first_point_at_half_the_final_rate_or_more():
    log = log_of([0.0, 0.1, 0.2, 0.15, 0.4])
    assert log.onset == 2
    assert onset_sentence(log) == (
        "demo: the sink rate ends at 40 % and first passes half of that at step 30, after 3.0 M tokens."
    )


def test_a_model_that_never_had_a_sink_has_no_onset():
    log = log_of([0.0, 0.3, 0.005])
    assert log.onset is None
    assert "no sink to speak of" in onset_sentence(log)


def test_layers_are_put_in_one_number_and_shares_by_layer_are_kept():
    fields = {"first_token_norm_ratio": [1, 5, 2], "value_drain": [0.4, 0.1], "layer_share": [0.2, 0.3]}
    log = log_of([0.0, 0.5], **fields)
    np.testing.assert_array_equal(log.first_norm, [5, 5])
    np.testing.assert_array_equal(log.value_drain, [0.1, 0.1])
    assert log.layer_shares["first token"].shape == (2, 2)


def test_what_a_log_does_not_hold_is_not_a_number():
    log = log_of([0.1, 0.2])
    assert np.isnan(log.loss).all()
    assert log.layer_shares == {}


def test_points_are_taken_in_the_order_of_their_steps():
    points = [{"step": 2, "n_tokens": 2, "sink_rate": 0.5}, {"step": 1, "n_tokens": 1, "sink_rate": 0.1}]
    assert training_log("demo", {"points": points}).sink_rate.tolist() == [0.1, 0.5]


@pytest.mark.parametrize("data", [{}, {"points": [{"step": 1}]}, {"points": None}])
def test_a_log_without_its_points_is_called_damaged(data):
    with pytest.raises(DamagedFile, match="training log of 'demo' cannot be read"):
        training_log("demo", data)
