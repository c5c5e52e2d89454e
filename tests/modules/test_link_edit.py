"""The edit of Intervene and the two sides of Compare as a link writes and reads them."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from app import PAGES
from modules.compare_sides import PAIRS, PairWish, SideWish, default_wish, pair_wish
from modules.edit_choice import EditWish
from modules.edit_inputs import edit_inputs
from modules.link import Link, fragment_of, read_fragment
from modules.link_edit import READERS
from modules.link_pair import pair_choice, wish_of
from modules.trial_choice import TrialChoice
from sinklens.records import CaptureRequest
from tests.captures import encoder_decoder_capture


def read(fragment: str):
    return read_fragment(fragment, pages=[page.id for page in PAGES], default_model="demo-gpt2")


def test_an_edit_and_two_sides_are_short_to_read():
    edit = EditWish(kind="act", tokens="listed", listed=(0, 3), factor=0.2, scope="layers", layers=(1, 2))
    link = Link(trial=TrialChoice(edit), pair=PAIRS[-1])
    assert fragment_of(link) == (
        "edit=act&edit.tokens=listed&edit.listed=0+3&edit.factor=0.2&edit.scope=layers&edit.layers=1-2&pair=swap"
    )
    heads = EditWish(kind="drop", heads="listed", pairs=((2, 1), (3, 0)), with_controls=False)
    link = Link(pair=PairWish(b=SideWish("demo-bert", bos="omit", edit=heads), unit="words"))
    assert fragment_of(link) == (
        "pair=own&b.model=demo-bert&b.unit=words&b.bos=omit&b.edit=drop&b.edit.heads=listed"
        "&b.edit.pairs=2.1+3.0"
    )


def test_an_edit_and_sides_that_are_not_known_are_named_and_the_rest_counts():
    reading = read(
        "edit=act&edit.factor=7&edit.temperature=0.3&edit.layers=3-1&edit.head=2&edit.n_first=0&texts=99"
        "&pair=nobody&a.model=demo-gpt2&a.text=t&a.window=0&b.bos=x&b.edit=explode&b.model=demo-bert&b.later=1"
    )
    assert set(reading.unknown) == {
        "edit.factor=7", "edit.temperature=0.3", "edit.layers=3-1", "edit.head=2", "edit.n_first=0",
        "texts=99", "pair=nobody", "a.window=0", "b.bos=x", "b.edit=explode", "b.later=1",
    }  # fmt: skip
    assert reading.link.trial == TrialChoice(EditWish(kind="act"))
    assert reading.link.pair == PairWish(CaptureRequest("demo-gpt2", "t"), SideWish("demo-bert"))


@pytest.mark.parametrize("value", ["nan", "inf", "-0.05", "0.42", "1e999", "", "²"])
def test_a_slider_stands_at_its_steps_only(value):
    assert READERS["factor"](value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("listed", text) for text in ("", "-1", "1 1", "x", "1,2", "99999999")],
        *[("pairs", text) for text in ("", "1", "1.2.3", "a.b", "1.2 1.2")],
        *[("layers", text) for text in ("1", "2-1", "0-1000", "1-2-3")],
        *[("n_tokens", text) for text in ("0", "100000", "1.5")],
    ],
)
def test_a_list_of_a_link_is_well_formed_or_not_known(name, value):
    assert READERS[name](value) is None


def test_the_edits_of_links_have_the_bounds_of_the_inputs():
    html = str(edit_inputs().tagify())
    for name in ("factor", "epsilon", "temperature"):
        found = re.search(rf'<input [^>]*id="{name}"[^>]*>', html)[0]
        low, high, step = (
            float(re.search(rf'data-{part}="([^"]+)"', found)[1]) for part in ("min", "max", "step")
        )
        assert [READERS[name](f"{value:g}") for value in (low, low + step, high)] == [low, low + step, high]
        outside = (low - step, low + step / 2, high + step)
        assert [READERS[name](f"{value:g}") for value in outside] == [None, None, None]
    assert set(READERS) | {"kind", "with_controls"} == {item.name for item in fields(EditWish)}


def test_two_sides_are_said_in_the_shortest_way_that_brings_them_back():
    capture = encoder_decoder_capture()
    models = ("demo-gpt2", "demo-bert")
    text = capture.request.text
    assert pair_choice(default_wish(capture, models), capture, models) is None
    for pair in PAIRS:
        wish = pair_wish(pair, text)
        assert pair_choice(wish, capture, models) is pair
        assert wish_of(pair, capture, models) == wish
    own = PairWish(None, SideWish(""))
    assert pair_choice(own, capture, models) is own
    assert wish_of(own, capture, models) is own
    moved = pair_wish(PAIRS[0], "another text")
    assert pair_choice(moved, capture, models) is moved
