"""Trials as files: what stands in them is what was measured, and JSON can hold it.

python -m pytest tests/analysis/test_trial_export.py
"""

from __future__ import annotations

import json

import numpy as np

from sinklens.analysis.plain_data import plain
from sinklens.analysis.trial_export import trial_export, trial_frame
from sinklens.trial_records import Skipped
from tests.analysis.effects import effect, report


def trial():
    effects = [effect(0.5 + text, text=text) for text in range(3)]
    effects += [effect(90.0, name="mask: random key", of="mask", text=text) for text in range(3)]
    return report(*effects, skipped=[Skipped("heat", 3, "It has no control.")])


def test_every_row_of_the_table_says_what_was_done_to_which_model():
    frame = trial_frame(trial())
    assert frame["arm"].tolist() == ["mask", "mask: random key"]
    assert set(frame["done"]) == {"mask tokens 0 as keys in all layers, all heads"}
    assert set(frame["model"]) == {"hand-made"}
    assert set(frame["bos"]) == {"as the tokenizer does"}


def test_a_trial_is_plain_json_with_every_loss_text_and_reason():
    data = json.loads(json.dumps(trial_export(trial(), "It costs."), allow_nan=False))
    assert data["finding"] == "It costs."
    assert [text["text"] for text in data["texts"]] == ["one", "two", "three", "four"]
    assert len(data["effects"]) == 6
    assert data["effects"][0]["loss_after"] == [2.5] * 8
    assert data["effects"][0]["tokens"] == list(range(1, 9))
    assert data["skipped"] == [{"arm": "heat", "text_index": 3, "reason": "It has no control."}]


def test_a_perplexity_that_overflows_is_no_number_in_json():
    arms = trial_export(trial())["arms"]
    assert arms[1]["perplexity_after"] is None
    assert arms[0]["perplexity_before"] == round(float(np.exp(2.0)), 6)


def test_plain_data_has_lists_for_arrays_and_nothing_for_what_is_not_finite():
    assert plain({"a": np.array([1.0, np.nan]), "b": (np.int64(3), np.inf), "c": np.bool_(True)}) == {
        "a": [1.0, None],
        "b": [3, None],
        "c": True,
    }
