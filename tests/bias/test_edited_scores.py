"""Items under many edits at once, against the same items under one edit after the other.

python -m pytest tests/bias/test_edited_scores.py
"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.bias.edited_scores import score_item_under, score_items_under
from sinklens.bias.sentence_score import score_item
from sinklens.capture.engine import Engine
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadIntervention, NotCaptured, RunCancelled
from sinklens.interventions import ChangeTokens, DropHeads
from tests.capture.tiny_models import save_tiny

PAIR = ContrastItem("CrowS-Pairs", "1", "g", "", "w1 w2 w3 w4", "w1 w9 w3 w4")
TRIPLE = ContrastItem("StereoSet", "2", "g", "t", "w3 w4", "w3 w5 w6", "w7", context="w1 w2")
EDITS = ((), (DropHeads(pairs=((0, 0),)),), (DropHeads(pairs=((0, 1), (1, 2))),))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    engine = Engine()
    return {
        name: engine.model(str(save_tiny(name, tmp_path_factory.mktemp(name))))
        for name in ("gpt2", "bert", "llama", "t5")
    }


@pytest.mark.parametrize("family", ["gpt2", "bert", "llama"])
@pytest.mark.parametrize("item", [PAIR, TRIPLE], ids=["pair", "triple"])
def test_every_edit_gives_what_it_gives_alone(loaded, family, item):
    together = score_item_under(loaded[family], item, EDITS)
    for edits, found in zip(EDITS, together, strict=True):
        alone = score_item(loaded[family], item, edits)
        assert (found.item, found.n_tokens, found.how) == (alone.item, alone.n_tokens, alone.how)
        assert found.scores == pytest.approx(alone.scores, abs=1e-4)
    values = [found.scores["stereotype"] for found in together]
    assert len(set(np.round(values, 6))) == len(EDITS)


def test_more_edits_than_a_batch_holds_are_scored_in_order(loaded, monkeypatch):
    whole = score_item_under(loaded["gpt2"], PAIR, EDITS)
    monkeypatch.setattr("sinklens.bias.edited_scores.n_copies", lambda *_: 2)
    parts = score_item_under(loaded["gpt2"], PAIR, EDITS)
    assert [one.preference for one in parts] == pytest.approx([one.preference for one in whole], abs=1e-5)


def test_items_that_cannot_be_read_are_left_out_under_all_edits(loaded):
    empty = ContrastItem("StereoSet", "3", "g", "t", "", "w1", "w2")
    scores, left_out = score_items_under(loaded["gpt2"], (PAIR, empty, TRIPLE), EDITS)
    assert [[one.item for one in own] for own in scores] == [[PAIR, TRIPLE]] * len(EDITS)
    assert [one.identifier for one in left_out] == ["3"]


def test_what_cannot_be_scored_is_told(loaded):
    with pytest.raises(BadIntervention, match="edits of attention only"):
        score_items_under(loaded["gpt2"], (PAIR,), ((ChangeTokens(n_removed=1),),))
    with pytest.raises(BadIntervention):
        score_items_under(loaded["gpt2"], (PAIR,), ((DropHeads(pairs=((9, 9),)),),))
    with pytest.raises(NotCaptured, match="two texts"):
        score_items_under(loaded["t5"], (PAIR,), EDITS)
    with pytest.raises(RunCancelled):
        score_items_under(loaded["gpt2"], (PAIR,), EDITS, is_cancelled=lambda: True)
