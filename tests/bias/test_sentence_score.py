"""python -m pytest tests/bias/test_sentence_score.py"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.bias.sentence_score import key_of, score_item, score_items
from sinklens.capture.engine import Engine
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadIntervention, NotCaptured, RunCancelled
from sinklens.interventions import ChangeTokens, DropHeads
from tests.capture.tiny_models import save_tiny

PAIR = ContrastItem("CrowS-Pairs", "1", "g", "", "w1 w2 w3 w4", "w1 w9 w3 w4")
TRIPLE = ContrastItem("StereoSet", "2", "g", "t", "w3 w4", "w3 w5 w6", "w7", context="w1 w2")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    engine = Engine()
    return {
        name: engine.model(str(save_tiny(name, tmp_path_factory.mktemp(name))))
        for name in ("gpt2", "bert", "t5")
    }


def _causal(loaded, words):
    """(n,) log probability of every word after <bos> and those before it."""
    ids = torch.tensor([[1, *(5 + word for word in words), 2]])
    with torch.inference_mode():
        logs = loaded.model(input_ids=ids).logits[0].log_softmax(-1)
    return logs[range(len(words)), ids[0, 1:-1]].double().numpy()


def _masked(loaded, words):
    """(n,) log probability of every word where it alone is masked."""
    found = []
    for place in range(len(words)):
        ids = torch.tensor([[1, *(5 + word for word in words), 2]])
        actual = int(ids[0, place + 1])
        ids[0, place + 1] = loaded.tokenizer.mask_token_id
        with torch.inference_mode():
            found.append(float(loaded.model(input_ids=ids).logits[0, place + 1].log_softmax(-1)[actual]))
    return np.array(found)


def test_decoders_score_a_pair_by_the_sum_over_all_its_tokens(loaded):
    found = score_item(loaded["gpt2"], PAIR)
    assert found.scores["stereotype"] == pytest.approx(_causal(loaded["gpt2"], [1, 2, 3, 4]).sum(), abs=1e-4)
    assert found.how == "causal, sum"
    assert found.preference == found.scores["stereotype"] - found.scores["anti_stereotype"]


def test_masked_models_score_a_pair_over_the_tokens_that_both_share(loaded):
    found = score_item(loaded["bert"], PAIR)
    expected = _masked(loaded["bert"], [1, 9, 3, 4])[[0, 2, 3]].sum()
    assert found.scores["anti_stereotype"] == pytest.approx(expected, abs=1e-4)
    assert found.n_tokens == {"stereotype": 3, "anti_stereotype": 3}


@pytest.mark.parametrize(("family", "score"), [("gpt2", _causal), ("bert", _masked)])
def test_sets_with_an_unrelated_version_take_the_mean_over_its_own_tokens(loaded, family, score):
    found = score_item(loaded[family], TRIPLE)
    expected = score(loaded[family], [1, 2, 3, 5, 6])[2:].mean()
    assert found.scores["anti_stereotype"] == pytest.approx(expected, abs=1e-4)
    assert found.n_tokens == {"stereotype": 2, "anti_stereotype": 3, "unrelated": 1}


def test_a_run_goes_on_where_it_was_stopped(loaded):
    scored, items = [], (PAIR, TRIPLE)
    with pytest.raises(RunCancelled):
        score_items(loaded["gpt2"], items, is_cancelled=lambda: bool(scored), on_score=scored.append)
    known, new = {key_of(one.item): one for one in scored}, []
    found, left_out = score_items(loaded["gpt2"], items, known, on_score=new.append)
    assert [one.item for one in found] == [PAIR, TRIPLE]
    assert found[0] is scored[0]
    assert [one.item for one in new] == [TRIPLE]
    assert left_out == ()


def test_items_that_cannot_be_read_are_listed(loaded):
    long = ContrastItem("CrowS-Pairs", "3", "g", "", "w1 " * 99, "w2 " * 99)
    apart = ContrastItem("CrowS-Pairs", "4", "g", "", "w1", "w2")
    found, left_out = score_items(loaded["bert"], (long, PAIR, apart))
    assert [one.item for one in found] == [PAIR]
    assert [one.identifier for one in left_out] == ["3", "4"]
    assert "tokens; this model takes" in left_out[0].reason
    assert "without a token to score" in left_out[1].reason


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_a_dropped_head_changes_the_scores_as_it_changes_the_model(loaded, family):
    edit = DropHeads(pairs=((1, 2),))
    plain, edited = score_item(loaded[family], PAIR), score_item(loaded[family], PAIR, (edit,))
    assert edited.scores["stereotype"] != pytest.approx(plain.scores["stereotype"], abs=1e-4)
    empty = score_item(loaded[family], PAIR, (DropHeads(pairs=()),))
    assert empty.scores == pytest.approx(plain.scores, abs=1e-4)
    with pytest.raises(BadIntervention, match="layer 9"):
        score_item(loaded[family], PAIR, (DropHeads(pairs=((9, 0),)),))
    with pytest.raises(BadIntervention, match="their own tokens"):
        score_item(loaded[family], PAIR, (ChangeTokens(n_removed=1),))


def test_models_that_read_two_texts_are_refused(loaded):
    with pytest.raises(NotCaptured, match="encoder-decoder"):
        score_items(loaded["t5"], (PAIR,))
