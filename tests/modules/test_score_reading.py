"""Run with: pytest tests/modules/test_score_reading.py"""

import re
from dataclasses import replace

import numpy as np
import pytest

from modules.score_reading import Reading, cell_sentence, row_table, shown_keys, step_lines
from sinklens.results import ScoreSteps

LABELS = ("<bos>", "·a", "·<i>b</i>", "·c")


@pytest.fixture
def reading():
    """Query 2 of four tokens: q·k = 8, 4, 0 and a masked key, width 4, so that scores are 4, 2, 0."""
    dot = np.array([8, 4, 0, 9], np.float32)
    scaled = dot / 2
    visible = np.array([True, True, True, False])
    exponents = np.where(visible, np.exp(scaled), 0)
    weights = (exponents / exponents.sum()).astype(np.float32)
    steps = ScoreSteps(
        stream="self", layer=1, head=0, query=2, key=0, dot=dot, scaled=scaled, capped=None, biased=None,
        visible=visible, sink_logit=None, log_denominator=float(np.log(exponents.sum())),
        weights=weights, edited=weights,
    )  # fmt: skip
    return Reading(steps, scaling=0.5, softcap=None, query_label="·<i>b</i>", key_labels=LABELS)


def changed(reading, **steps):
    return replace(reading, steps=replace(reading.steps, **steps))


def test_steps_lead_from_the_product_to_the_weight(reading):
    weight = np.exp(4) / (np.exp(4) + np.exp(2) + 1)
    assert [numbers for _, numbers in step_lines(reading)] == [
        "q·k = 8.0000",
        "8.0000 × 0.5 = 4.0000",
        "visible, with 2 other keys",
        f"exp(4.0000 − {np.log(np.exp(4) + np.exp(2) + 1):.4f}) = {weight:.4f}",
    ]


def test_masked_key_ends_at_the_mask(reading):
    masked = changed(reading, key=3)
    assert step_lines(masked)[-1] == ("Masked: the query cannot see this key", "weight = 0")
    assert "cannot see this key" in cell_sentence(masked)


def test_soft_cap_and_bias_are_steps_of_their_own(reading):
    capped = (3 * np.tanh(reading.steps.scaled / 3)).astype(np.float32)
    lines = step_lines(replace(changed(reading, capped=capped, biased=capped - 1), softcap=3.0))
    assert lines[2] == ("Soft-capped", f"3·tanh(4.0000 / 3) = {capped[0]:.4f}")
    assert lines[3] == ("Position bias added", f"{capped[0]:.4f} -1.0000 = {capped[0] - 1:.4f}")


def test_learned_sink_and_edits_are_told(reading):
    lines = dict(step_lines(changed(reading, sink_logit=1.5, edited=reading.steps.weights * 0.5)))
    assert lines["The head's sink logit joins the softmax"] == "logit 1.5000"
    assert lines["After the edits of this run"] == f"{reading.steps.weights[0] / 2:.4f}"


def test_strongest_keys_come_first_and_the_clicked_one_is_always_there(reading):
    assert shown_keys(reading.steps) == [0, 1, 2]
    assert shown_keys(changed(reading, key=3).steps) == [0, 1, 2, 3]


def test_weights_in_the_table_add_up(reading):
    html = str(row_table(reading))
    weights = [float(text) for text in re.findall(r"--share:([\d.]+)", html)]
    assert sum(weights) == pytest.approx(1.0, abs=2e-4)


def test_token_labels_are_never_markup(reading):
    html = str(row_table(reading))
    assert "&lt;i&gt;b&lt;/i&gt;" in html
    assert "<i>" not in html
