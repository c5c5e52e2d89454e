"""pytest tests/analysis/test_learned_sink.py"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import transformers

from sinklens.analysis.learned_sink import (
    GATED_FAMILIES,
    gate_note,
    has_learned_sink,
    is_only_sink,
    missing_mass,
    sink_name,
)
from sinklens.interventions import OffByOneSoftmax, ScaleColumns
from tests.analysis.profiles import capture_from_maps, uniform_maps

GATE = re.compile(r"attn_output\W.*sigmoid|sigmoid.*\*\s*attn_output|sigmoid\(\w*gate", re.IGNORECASE)


def capture_with(*edits, **model):
    capture = capture_from_maps(uniform_maps(1, 2, 4, is_causal=True), is_causal=True, model=model)
    return replace(capture, request=replace(capture.request, interventions=edits))


def test_missing_mass_is_what_a_row_lacks_of_one():
    weights = np.array([[0.6, np.nan], [0.25, 0.5], [np.nan, np.nan]])
    np.testing.assert_allclose(missing_mass(weights), [0.4, 0.25, np.nan])


def test_a_model_with_sink_logits_and_a_run_off_by_one_have_a_sink():
    assert has_learned_sink(capture_with(has_learned_sinks=True))
    assert has_learned_sink(capture_with(OffByOneSoftmax()))
    assert not has_learned_sink(capture_with())
    assert not has_learned_sink(capture_with(OffByOneSoftmax(stream="cross")))


def test_the_sink_is_named_after_what_it_is():
    assert sink_name(capture_with(has_learned_sinks=True)) == "learned sink"
    assert sink_name(capture_with(OffByOneSoftmax())) == "off-by-one sink"


def test_an_edit_that_takes_mass_away_hides_the_sinks_share():
    assert is_only_sink(capture_with(OffByOneSoftmax(), ScaleColumns(keys=(0,), factor=0.5)))
    cut = ScaleColumns(keys=(0,), factor=0.5, redistribute=False)
    assert not is_only_sink(capture_with(OffByOneSoftmax(), cut))


def test_a_gated_family_is_told_apart_and_says_what_is_not_seen():
    assert "gate" in gate_note(capture_with(family="qwen3_next").model)
    assert "gate" in gate_note(capture_with(family="qwen3_5_text").model)
    assert gate_note(capture_with(family="qwen3").model) == ""


@pytest.mark.parametrize("family", GATED_FAMILIES)
def test_every_family_that_is_called_gated_multiplies_what_attention_writes(family):
    folder = Path(transformers.__file__).parent / "models" / family
    if not folder.is_dir():
        pytest.skip("this version of transformers does not have the family")
    lines = (folder / f"modeling_{family}.py").read_text("utf-8").splitlines()
    assert any(GATE.search(line) for line in lines)
