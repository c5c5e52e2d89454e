"""python -m pytest tests/bias/test_swaps.py"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.bias.swap_lists import SWAP_LISTS, all_swaps, parse_swaps
from sinklens.bias.swaps import apply_swaps, find_swaps, takes_an
from sinklens.errors import BadSelection
from sinklens.language.pipeline import EnglishReader
from sinklens.records import Prompt
from sinklens.settings import REPOSITORY, Settings

needs_pipeline = pytest.mark.skipif(
    not (Path(REPOSITORY) / "models" / "language" / "english" / "meta.json").is_file(),
    reason="the bundled pipeline is not there",
)
PAIRS = parse_swaps(
    "he = she\nactor = actress\nking = queen\nAfrican American = Irishman\nAmerican = Mexican\nuncle = aunt",
    "x",
)


@pytest.fixture(scope="module")
def reader():
    return EnglishReader(Settings())


def _swapped(text, pairs=PAIRS, annotation=None):
    return apply_swaps(text, find_swaps(text, pairs, annotation)).after


def _read(reader, text):
    return reader.read(Prompt(text, (), False, 0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He saw an actor.", "She saw an actress."),
        ("HE was a KING", "SHE was a QUEEN"),
        ("The actress, the other actor", "The actor, the other actress"),
        ("the theking kings he'll", "the theking kings she'll"),
        ("An uncle; the aunt", "An aunt; the uncle"),
    ],
)
def test_words_are_exchanged_both_ways_with_their_case(text, expected):
    assert _swapped(text) == expected


def test_the_longest_phrase_is_exchanged_and_parts_of_it_are_not():
    assert _swapped("An African American and an American.") == "An Irishman and a Mexican."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a king", "an aunt"),
        ("A king", "An aunt"),
        ("It was a  king.", "It was an  aunt."),
        ("a good king", "a good aunt"),
        ("banana king", "banana aunt"),
    ],
)
def test_an_article_straight_before_the_word_is_put_right(text, expected):
    assert _swapped(text, parse_swaps("king = aunt", "x")) == expected


@pytest.mark.parametrize("word", ["aunt", "hour", "honest", "Italian", "uncle", "unimpaired", "octogenarian"])
def test_words_with_the_sound_of_a_vowel_take_an(word):
    assert takes_an(word)


@pytest.mark.parametrize("word", ["king", "university", "European", "one-eyed", "user", "house", "unicorn"])
def test_words_without_it_take_a(word):
    assert not takes_an(word)


def test_spans_lead_from_each_swapped_word_to_its_place_after():
    swapped = apply_swaps(
        "He met a king.", find_swaps("He met a king.", parse_swaps("he = she\nking = aunt", "x"), None)
    )
    assert swapped.after == "She met an aunt."
    for (start, end, new_start, new_end), swap in zip(swapped.spans, swapped.swaps, strict=True):
        assert swapped.before[start:end] == swap.text
        assert swapped.after[new_start:new_end] == swap.replacement
    ((start, end, new_start, new_end),) = swapped.articles
    assert (swapped.before[start:end], swapped.after[new_start:new_end]) == ("a", "an")


@given(st.text(alphabet="aehkinqustr AEHK.,", max_size=40))
def test_what_is_not_swapped_stays_as_it_is(text):
    swaps = find_swaps(text, PAIRS, None)
    if swaps:
        swapped = apply_swaps(text, swaps)
        before, after = text, swapped.after
        for start, end, new_start, new_end in reversed((*swapped.articles, *swapped.spans)):
            assert new_end <= len(after)
            assert before[start:end]
            assert after[new_start:new_end]


@needs_pipeline
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She gave her car to him.", "He gave his car to her."),
        ("He saw her.", "She saw him."),
        ("Her brother lost his keys.", "His sister lost her keys."),
    ],
)
def test_her_becomes_his_or_him_by_its_tag(reader, text, expected):
    assert _swapped(text, parse_swaps(SWAP_LISTS["gender"], "gender"), _read(reader, text)) == expected


@needs_pipeline
@pytest.mark.parametrize(
    ("text", "n_swaps"),
    [
        ("An old man sat there.", 1),
        ("The old house burned down.", 0),
        ("My neighbour is old and kind.", 1),
        ("He wore a black coat.", 0),
        ("Two black women laughed.", 1),
        ("The poor often wait longer.", 1),
    ],
)
def test_words_that_may_mean_things_are_exchanged_for_persons_alone(reader, text, n_swaps):
    pairs = [pair for pair in all_swaps() if pair.category in ("age", "race", "status")]
    assert len(find_swaps(text, pairs, _read(reader, text))) == n_swaps


def test_without_a_pipeline_words_that_need_tags_are_left_alone():
    pairs = parse_swaps("old? = young?\nhim = her/PRP\nhe = she", "x")
    assert [swap.text for swap in find_swaps("He saw her old friend.", pairs, None)] == ["He"]


def test_no_swap_and_swaps_of_another_text_are_refused():
    with pytest.raises(BadSelection, match="at least one word"):
        apply_swaps("Nothing here.", ())
    swaps = find_swaps("He left.", PAIRS, None)
    with pytest.raises(BadSelection, match="'He' is not at character 0"):
        apply_swaps("They left.", swaps)
    with pytest.raises(BadSelection, match="overlaps"):
        apply_swaps("He left.", (*swaps, *swaps))
