"""The cards of Intervene that compute by themselves, and the selection on both sides of Compare, in a link.

Run with: pytest tests/modules/test_link_cards.py
"""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from app import PAGES
from modules.cache_bits import BitsWish
from modules.cache_policies import cache_policies_ui
from modules.cache_quantisation import cache_quantisation_ui
from modules.cache_study import CacheWish
from modules.compare_selection import PairSelection
from modules.link import Link, fragment_of, read_fragment, unknown_sentence
from modules.link_cards import CARDS
from modules.link_pair import SIDES_READERS


def read(fragment: str):
    return read_fragment(fragment, pages=[page.id for page in PAGES], default_model="demo-gpt2")


def test_what_cards_are_asked_and_what_is_selected_is_short_to_read():
    link = Link(
        caches=CacheWish("long", 32, with_recompute=False),
        bits=BitsWish("sinks", "token"),
        sides=PairSelection((2, 1), (3, 0), token_b=5),
    )
    assert fragment_of(link) == (
        "cache.text=long&cache.size=32&cache.with_recompute=0&bits.kept=sinks&bits.scale=token"
        "&head_a=2.1&head_b=3.0&token_b=5"
    )


def test_what_a_card_begins_with_is_not_said():
    assert fragment_of(Link(caches=CacheWish(), bits=BitsWish(), sides=PairSelection())) == ""


def test_values_that_are_not_known_are_named_in_one_sentence_and_the_rest_counts():
    reading = read("cache.text=mine&cache.size=1&cache.with_recompute=0&bits.kept=all&bits.scale=head"
                   "&head_a=2&head_b=3.0&token_a=-1&token_b=5")  # fmt: skip
    assert set(reading.unknown) == {
        "cache.text=mine", "cache.size=1", "bits.kept=all", "head_a=2", "token_a=-1"
    }  # fmt: skip
    assert unknown_sentence(reading.unknown).count("which is not known here") == 1
    assert reading.link.caches == CacheWish(with_recompute=False)
    assert reading.link.bits == BitsWish(scale="head")
    assert reading.link.sides == PairSelection(head_b=(3, 0), token_b=5)


@pytest.mark.parametrize("size", ["", "0", "1", "100000", "1.5", "8 ", "²"])
def test_a_cache_has_as_many_tokens_as_its_input_takes(size):
    assert read(f"cache.size={size}").link.caches is None


def test_the_cards_begin_with_what_a_link_takes_for_granted():
    policies, bits = str(cache_policies_ui("c").tagify()), str(cache_quantisation_ui("b").tagify())
    size = re.search(r'<input id="c-size"[^>]*>', policies)[0]
    assert 'min="2"' in size
    assert "value=" not in size
    assert re.search(r'id="c-recompute"[^>]*checked', policies)
    for html, name, value in (
        (policies, "c-text", CacheWish().text),
        (bits, "b-kept", BitsWish().kept),
        (bits, "b-scale", BitsWish().scale),
    ):
        options = html.split(f'id="{name}"')[1].split("</select>")[0]
        assert f'<option value="{value}" selected' in options


def test_a_link_says_every_field_of_what_it_holds():
    for plain, readers in CARDS.values():
        assert set(readers) == {field.name for field in fields(plain)}
    assert set(SIDES_READERS) == {field.name for field in fields(PairSelection)}
