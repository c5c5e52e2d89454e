"""python -m pytest tests/bias/test_erasure.py"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.attribution_records import Attribution, AttributionTarget
from sinklens.bias.erasure import erasure_curves, leave_one_out
from sinklens.bias.scored_text import score_prediction
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, RunCancelled
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    engine, name = Engine(), str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2")))
    prompt = engine.tokenise(CaptureRequest(name, TEXT))
    return score_prediction(engine.model(name), prompt, AttributionTarget(position=18))


def _value_of_ids(scored, kept):
    """The number when tokens are replaced by padding in the ids themselves."""
    ids = torch.where(torch.from_numpy(kept), scored.ids, torch.tensor(scored.pad_id))
    with torch.inference_mode():
        return float(scored.value(scored.model(input_ids=ids[None]).logits)[0])


def _attribution(scores):
    return Attribution("by hand", np.asarray(scores, float), "", 0.0)


def test_leaving_a_token_out_changes_the_number_as_padding_in_its_place(scored):
    found, n_tokens = leave_one_out(scored), len(scored.ids)
    whole = _value_of_ids(scored, np.ones(n_tokens, bool))
    for token in (1, 7, 18):
        without = _value_of_ids(scored, np.arange(n_tokens) != token)
        assert found.scores[token] == pytest.approx(whole - without, abs=1e-4)
    assert (found.scores[[0, -1]] == 0).all()
    assert found.value == pytest.approx(whole, abs=1e-4)


def test_curves_begin_and_end_at_the_text_and_at_nothing(scored):
    attribution = leave_one_out(scored)
    (deleted,) = erasure_curves(scored, [attribution], "deletion", n_random=3)
    (inserted,) = erasure_curves(scored, [attribution], "insertion", n_random=3)
    assert (deleted.shares[0], deleted.shares[-1]) == (0, 1)
    for curve, first, last in [(deleted, "full", "empty"), (inserted, "empty", "full")]:
        assert curve.values[0] == pytest.approx(getattr(curve, first))
        assert curve.values[-1] == pytest.approx(getattr(curve, last))
        np.testing.assert_allclose(
            curve.random[:, [0, -1]], curve.values[[0, -1]][None].repeat(3, 0), atol=1e-5
        )
    assert deleted.full == pytest.approx(inserted.full, abs=1e-5)


def test_the_most_important_tokens_go_first_and_come_first(scored):
    scores = np.zeros(len(scored.ids))
    scores[[5, 9]] = [-3, 2]  # the size counts, not the sign
    kept = np.ones(len(scores), bool)
    kept[5] = False
    (deleted,) = erasure_curves(scored, [_attribution(scores)], "deletion", n_random=1)
    assert deleted.values[1] == pytest.approx(_value_of_ids(scored, kept), abs=1e-4)
    (inserted,) = erasure_curves(scored, [_attribution(scores)], "insertion", n_random=1)
    present = ~scored.replaceable
    present[5] = True
    assert inserted.values[1] == pytest.approx(_value_of_ids(scored, present), abs=1e-4)


def test_excluded_tokens_stay_whatever_their_score(scored):
    scores = np.zeros(len(scored.ids))
    scores[5] = 9
    is_sink = np.arange(len(scores)) == 5
    (curve,) = erasure_curves(scored, [_attribution(scores)], "deletion", is_excluded=is_sink, n_random=1)
    kept = ~scored.replaceable | is_sink
    assert curve.empty == pytest.approx(_value_of_ids(scored, kept), abs=1e-4)


def test_all_methods_are_held_against_the_same_random_orders(scored):
    one, other = erasure_curves(scored, [leave_one_out(scored), _attribution(np.arange(20))], n_random=4)
    np.testing.assert_array_equal(one.random, other.random)
    assert one.random.shape == (4, len(one.shares))
    again = erasure_curves(scored, [leave_one_out(scored)], n_random=4)[0]
    np.testing.assert_allclose(one.random, again.random, atol=1e-6)


def test_what_cannot_be_drawn_is_refused(scored):
    with pytest.raises(BadSelection, match="deletion or insertion; got 'sideways'"):
        erasure_curves(scored, [], "sideways")
    with pytest.raises(BadSelection, match="no token that could be replaced"):
        erasure_curves(scored, [], is_excluded=np.ones(20, bool))
    with pytest.raises(RunCancelled):
        leave_one_out(scored, is_cancelled=lambda: True)
