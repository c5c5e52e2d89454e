"""Exchanged words on tiny models.

python -m pytest tests/modules/test_bias_swaps.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bias_swaps import text_stream
from modules.bias_swaps_drawing import (
    change_picture,
    found_sentence,
    outcome_list,
    pair_finding,
    pair_found,
    swap_choices,
    text_pair,
)
from sinklens.bias.bias_engine import BiasEngine
from sinklens.bias.swap_lists import parse_swaps
from sinklens.bias.swaps import apply_swaps, find_swaps
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

PAIRS = parse_swaps("w5 = w55; w8 = w11", "gender")


@pytest.fixture
def engine_class():
    return BiasEngine


async def exchanged(service, tmp_path, family="gpt2"):
    swapped = apply_swaps(TEXT, find_swaps(TEXT, PAIRS, None))
    folder = str(save_tiny(family, tmp_path / family))
    a, b = [await service.capture(CaptureRequest(folder, text)) for text in (swapped.before, swapped.after)]
    stream = text_stream(a)
    comparison = await service.compare(a, b, stream, unit="pieces")
    return pair_found(swapped, a, b, comparison, stream)


async def test_the_finding_names_the_words_and_the_head_that_changed_most(service, tmp_path):
    found = await exchanged(service, tmp_path)
    layer, head = np.unravel_index(
        np.abs(found.effect.swapped_change).argmax(), found.effect.swapped_change.shape
    )
    said = pair_finding(found)
    assert said.startswith("“w5” → “w55”, “w8” → “w11”, “w11” → “w8”: the share of attention")
    assert f"most in head {layer}.{head}:" in said
    assert "1: unchanged" in said
    assert "nats a token" in str(outcome_list(found))


async def test_the_grid_shows_percentage_points_around_zero(service, tmp_path):
    found = await exchanged(service, tmp_path)
    shown = change_picture(found)
    assert np.allclose(shown.values, 100 * found.effect.swapped_change)
    assert shown.low == -shown.high
    assert len(shown.axes.readings) == shown.values.size


async def test_an_encoder_decoder_is_read_in_its_encoder(service, tmp_path):
    assert (await exchanged(service, tmp_path, "t5")).stream == "encoder"


def test_what_can_be_exchanged_is_listed_with_its_replacement():
    matches = find_swaps(TEXT, PAIRS, None)
    assert swap_choices(matches)["0"] == "w5 → w55 (Gender)"
    assert found_sentence(matches) == "3 can be exchanged: “w5”, “w8”, “w11”."
    assert "No word of the text stands in these lists" in found_sentence(())


def test_both_texts_are_shown_whole_with_the_exchanged_words_marked():
    swapped = apply_swaps("an old <b> w5", find_swaps("an old <b> w5", PAIRS, None))
    drawn = str(text_pair(swapped))
    assert drawn.count("bias-swapped") == 2
    assert ">w5</mark>" in drawn
    assert ">w55</mark>" in drawn
    assert "<b>" not in drawn
