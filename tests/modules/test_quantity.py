"""Run with: pytest tests/modules/test_quantity.py"""

import math

import pytest

from modules.quantity import count, large_count, percent, quantity


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.7149, "71 %"),
        (0.0996, "10 %"),
        (0.0831, "8.3 %"),
        (0.00997, "1.0 %"),
        (0.0041, "0.41 %"),
        (0.00001, "< 0.01 %"),
        (-0.053, "-5.3 %"),
    ],
)
def test_share_is_written_as_per_cent_with_two_telling_digits(share, text):
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == text


def test_number_and_unit_never_part_at_the_end_of_a_line():
    assert " " not in percent(0.5) + quantity(1.5, "times") + quantity(2.0, "nats")


def test_what_is_not_applicable_is_said_in_words():
    assert percent(math.nan) == quantity(math.nan, "times") == "not applicable"


@pytest.mark.parametrize(
    ("value", "unit", "text"), [(0.0991, "none", "0.099"), (1.499, "times", "1.50 ×"), (0.5, "share", "50 %")]
)
def test_quantity_follows_the_unit_of_the_definition(value, unit, text):
    assert quantity(value, unit).replace("\N{NO-BREAK SPACE}", " ") == text


def test_counts_are_readable_at_every_size():
    assert count(16128) == "16,128"
    assert [
        large_count(n).replace("\N{NO-BREAK SPACE}", " ") for n in (12, 5_240, 5_240_000, 7_000_000_000)
    ] == ["12", "5.24 k", "5.24 M", "7 B"]


def test_a_distance_is_in_tokens():
    assert quantity(3.26, "tokens") == "3.3\N{NO-BREAK SPACE}tokens"
