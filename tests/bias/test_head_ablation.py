"""python -m pytest tests/bias/test_head_ablation.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.head_ablation import (
    ablation_arms,
    ablation_request,
    ablation_table,
    elbow,
    ranked_heads,
)
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.trial_records import joined
from tests.capture.tiny_models import TEXT, save_tiny


def test_heads_are_ranked_by_value_and_unknown_ones_left_out():
    values = np.array([[1.0, np.nan, 3.0], [2.0, 3.0, 0.5]])
    assert ranked_heads(values) == ((0, 2), (1, 1), (1, 0), (0, 0), (1, 2))


def test_arms_drop_the_first_heads_alone_and_together():
    arms = ablation_arms(((1, 2), (0, 3), (2, 0)), n_single=2, joint_sizes=(2, 3, 9))
    assert [arm.name for arm in arms] == ["head 1.2", "head 0.3", "first 2 heads", "first 3 heads"]
    assert arms[2].interventions == (DropHeads(pairs=((1, 2), (0, 3))),)
    with pytest.raises(BadSelection, match="at least one head"):
        ablation_arms(())


def test_the_changes_are_those_of_edited_runs_and_have_random_controls(tmp_path):
    engine, name = Engine(), str(save_tiny("gpt2", tmp_path))
    arms = ablation_arms(((1, 2), (0, 3)), n_single=2, joint_sizes=(2,))
    request = ablation_request(name, (TEXT, TEXT[6:]), arms)
    report = joined([engine.trial(request, index) for index in range(2)])
    table = ablation_table(report)
    assert table["arm"].tolist() == ["head 1.2", "head 0.3", "first 2 heads"]
    assert table["n_heads"].tolist() == [1, 1, 2]
    plain = [engine.capture(CaptureRequest(name, text)).token_loss for text in request.texts]
    edits = (DropHeads(pairs=((1, 2),)),)
    edited = [
        engine.capture(CaptureRequest(name, text, interventions=edits)).token_loss for text in request.texts
    ]
    changes = np.concatenate(edited) - np.concatenate(plain)
    assert table.loc[0, "loss_after"] - table.loc[0, "loss_before"] == pytest.approx(changes.mean(), abs=1e-5)
    assert (table["control_low"] <= table["control_change"]).all()
    assert (table["control_change"] <= table["control_high"]).all()
    outside = (table["change"] > table["control_high"]) | (table["change"] < table["control_low"])
    assert (table["is_beyond"] == outside).all()


@pytest.mark.parametrize(
    ("sizes", "changes", "expected"),
    [
        ((1, 2, 3, 5), (0.1, 0.5, 0.99, 1.0), 3),
        ((5, 1, 3), (1.0, 0.2, 0.5), 5),
        ((1, 2), (-1.0, -0.2), 1),
        ((1, 2), (0.0, 0.0), None),
        ((1,), (1.0,), None),
    ],
)
def test_the_elbow_is_where_further_heads_add_little(sizes, changes, expected):
    assert elbow(sizes, changes) == expected
