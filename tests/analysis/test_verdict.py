"""The four verdicts, each from effects that leave no doubt.

python -m pytest tests/analysis/test_verdict.py
"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.verdict import LETTERS, is_contradicted, sink_verdict
from tests.analysis.effects import effect

PARKED = {"share": 0.6, "effective_share": 0.05}
READ = {"share": 0.6, "effective_share": 0.5}


def verdict(changes, controls=(), shares=PARKED):
    effects = [effect(change, text=text) for text, change in enumerate(changes)]
    others = [effect(change, name="c", of="mask", text=text) for text, change in enumerate(controls)]
    return sink_verdict(effects, others, **shares)


@pytest.mark.parametrize(
    ("changes", "controls", "shares", "expected"),
    [
        pytest.param([0.5, 0.6, 0.7], [0.1, 0.1, 0.1], PARKED, "load-bearing", id="hurts more than controls"),
        pytest.param([0.5, 0.6, 0.7], [0.6, 0.6, 0.7], PARKED, "benign", id="hurts as much as controls"),
        pytest.param([0.0, 0.01, 0.0], [0.0, 0.0, 0.01], PARKED, "benign", id="nothing happens, parked"),
        pytest.param([0.0, 0.01, 0.0], [0.0, 0.0, 0.0], READ, "undecided", id="nothing happens, though read"),
        pytest.param([-0.2, -0.3, -0.1], [0.1, 0.1, 0.1], READ, "harmful", id="better without it"),
        pytest.param([-0.2, 0.9, -0.4], [0.1, 0.1, 0.1], PARKED, "undecided", id="texts do not agree"),
        pytest.param([0.5, 0.6, 0.7], [], PARKED, "undecided", id="no control to hold it against"),
    ],
)
def test_the_verdict_follows_from_the_change_of_the_loss(changes, controls, shares, expected):
    assert verdict(changes, controls, shares).name == expected


def test_too_few_values_leave_it_undecided_and_say_so():
    found = sink_verdict([effect(5.0, n=2)], [], **PARKED)
    assert found.name == "undecided"
    assert (
        found.sentence
        == "Too little was measured for a verdict (no interval: 2 tokens, at least 3 are needed)."
    )


def test_the_tolerance_decides_what_counts_as_unchanged():
    effects = [effect(0.05, text=text) for text in range(3)]
    controls = [effect(0.0, name="c", of="mask", text=text) for text in range(3)]
    names = [sink_verdict(effects, controls, **PARKED, tolerance=t).name for t in (0.02, 0.1)]
    assert names == ["load-bearing", "benign"]


def test_the_sentence_holds_the_numbers_that_it_rests_on():
    sentence = verdict([0.5, 0.5, 0.5], [0.1, 0.1, 0.1]).sentence
    assert sentence == (
        "Without it the loss changes by +0.500 nats (+0.500 to +0.500), +0.400 beyond the controls "
        "(+0.400 to +0.400); it gets 60% of the attention and 5% of what is written comes from it."
    )
    assert "with no control to compare" in verdict([0.5, 0.5, 0.5]).sentence


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("harmful", "detrimental", False),
        ("load-bearing", "beneficial", False),
        ("benign", "neutral", False),
        ("benign", "detrimental", True),
        ("load-bearing", "neutral", True),
        ("undecided", "detrimental", None),
        ("benign", "not applicable", None),
    ],
)
def test_a_label_of_sinkfix_is_held_against_what_was_measured(name, label, expected):
    assert is_contradicted(name, label) is expected


def test_every_verdict_has_a_letter_of_its_own():
    assert len(set(LETTERS.values())) == len(LETTERS) == 4
    assert verdict([np.nan] * 3).letter == "U"
