"""Run with `pytest tests/models/test_card.py`."""

import pytest

from models.recipes.card import distinct_tokens, sink_head_table, target_row, target_table
from models.recipes.targets import DECODER_TARGETS, ENCODER_TARGETS, TWIN_TARGETS, Target

AT_LEAST = Target("rate", "Rate", 0.25, at_least=True)
AT_MOST = Target("drain", "Drain", 0.5, at_least=False)


@pytest.mark.parametrize(
    ("target", "number", "met"),
    [
        (AT_LEAST, 0.25, True),
        (AT_LEAST, 0.2, False),
        (AT_MOST, 0.5, True),
        (AT_MOST, 0.6, False),
        (AT_MOST, None, False),
    ],
)
def test_a_target_is_met_when_its_bound_is_kept(target, number, met):
    assert target.is_met(number) is met


def test_a_missed_target_says_so():
    assert target_row(AT_LEAST, {"rate": 0.1}) == "| Rate | ≥ 0.25 | 0.100 | **missed** |"
    assert target_row(AT_MOST, {"drain": 0.1}) == "| Drain | ≤ 0.5 | 0.100 | met |"


def test_what_could_not_be_measured_is_not_given_a_number():
    assert "not measurable" in target_row(AT_MOST, {"drain": None})


def test_the_table_has_a_row_for_every_target():
    for targets in (DECODER_TARGETS, TWIN_TARGETS, ENCODER_TARGETS):
        table = target_table(targets, {target.key: 0.0 for target in targets})
        assert len(table.splitlines()) == 2 + len(targets)


def test_a_model_without_sink_heads_says_so():
    assert sink_head_table({"sink_heads": []}).startswith("No head")


def test_the_strongest_sink_heads_are_listed():
    heads = [{"layer": 1, "head": 2, "share": 0.9}] * 20
    table = sink_head_table({"sink_heads": heads})
    assert table.startswith("20 heads")
    assert table.count("| 1 | 2 | 0.9 |") == 8


def test_text_that_was_read_again_is_told_of():
    assert (
        distinct_tokens({"n_tokens": 2_000_000, "n_distinct_tokens": 1_500_000})
        == ", 1.50 M of them distinct"
    )
    assert distinct_tokens({"n_tokens": 2_000_000, "n_distinct_tokens": 2_000_000}) == ""
    assert distinct_tokens({"n_tokens": 2_000_000}) == ""
