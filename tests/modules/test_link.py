"""Links: what is on screen as the fragment of an address, and back, whoever wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import PAGES
from modules import examples
from modules.bench import EXAMPLE_ORDER
from modules.cache_bits import KEPT, SCALES, BitsWish
from modules.cache_study import TEXTS, CacheWish
from modules.compare_selection import PairSelection
from modules.compare_sides import BOS, PAIRS, PairWish, SideWish
from modules.edit_choice import HEADS, KINDS, SCOPES, TOKENS, EditWish
from modules.keep import NOTES
from modules.link import (
    CHOICE_FIELDS,
    N_CHARACTERS_MAX,
    PARTS,
    RUN_FIELDS,
    SELECTION_FIELDS,
    SIDES_READERS,
    VIEW_FIELDS,
    Link,
    digest_of,
    fields_of,
    fragment_of,
    left_out,
    read_fields,
    read_fragment,
    unknown_sentence,
)
from modules.link_cards import CARD_FIELDS
from modules.link_switches import SWITCHES, Choice, Number
from modules.selection import Selection, is_same_run
from modules.shell import STATIC_DIR
from modules.streams import STREAM_NAMES
from modules.trial_choice import TextsWish, TrialChoice
from sinklens.analysis.token_alignment import UNITS
from sinklens.records import CapturePlan, CaptureRequest
from tests.captures import encoder_decoder_capture

IDS = tuple(page.id for page in PAGES)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
SWITCHED = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(sorted(switch.names))
        if isinstance(switch, Choice)
        else st.sampled_from([switch.low, switch.high])
        if isinstance(switch, Number)
        else st.booleans()
        for name, switch in SWITCHES.items()
    },
)
POSITION = st.integers(0, 9_999)
HEAD = st.tuples(POSITION, POSITION)
COUNT = st.integers(1, 99_999)
VALUES = {
    "tokens": st.sampled_from(sorted(TOKENS)),
    "n_first": COUNT,
    "listed": st.lists(POSITION, min_size=1, max_size=5, unique=True).map(tuple),
    "factor": st.integers(0, 20).map(lambda n: round(n * 0.05, 2)),
    "heads": st.sampled_from(sorted(HEADS)),
    "epsilon": st.integers(1, 19).map(lambda n: round(n * 0.05, 2)),
    "pairs": st.lists(HEAD, min_size=1, max_size=5, unique=True).map(tuple),
    "scope": st.sampled_from(sorted(SCOPES)),
    "layers": st.tuples(st.integers(0, 999), st.integers(0, 999)).map(lambda two: tuple(sorted(two))),
    "head": HEAD,
    "n_tokens": COUNT,
    "word": TEXT,
    "second": COUNT,
    "temperature": st.integers(1, 16).map(lambda n: n / 4),
    "stream": st.sampled_from(sorted(STREAM_NAMES)),
}
"""What the inputs of an edit may say, by the fields of the wish."""
CACHES = st.builds(
    CacheWish, st.sampled_from(sorted(TEXTS)), st.none() | st.integers(2, 99_999), st.booleans()
)
BITS = st.builds(BitsWish, st.sampled_from(sorted(KEPT)), st.sampled_from(sorted(SCALES)))
SIDES = st.builds(
    PairSelection, st.none() | HEAD, st.none() | HEAD, st.none() | POSITION, st.none() | POSITION
)


def read(fragment, **choices):
    return read_fragment(fragment, pages=IDS, default_model="demo-gpt2", **choices)


@st.composite
def edits(draw, **facts):
    values = draw(st.fixed_dictionaries({}, optional=VALUES))
    return EditWish(kind=draw(st.sampled_from(sorted(KINDS))), **values | facts)


@st.composite
def trials(draw):
    edit = draw(edits(with_controls=draw(st.booleans())))
    texts = TextsWish(draw(st.integers(0, len(EXAMPLE_ORDER))), draw(st.just("") | TEXT))
    choice = TrialChoice(edit, texts)
    return None if choice == TrialChoice() else choice


@st.composite
def pairs(draw):
    b = SideWish(
        model=draw(st.just("") | TEXT),
        text=draw(st.none() | TEXT | st.just(examples.text_of("ocean"))),
        bos=draw(st.sampled_from(sorted(BOS))),
        edit=draw(st.none() | edits(with_controls=False)),
    )
    unit = draw(st.sampled_from(sorted(UNITS)))
    return PairWish(draw(st.none() | requests()), b, unit, draw(st.sampled_from(sorted(STREAM_NAMES))))


@st.composite
def requests(draw):
    long_text = draw(st.sampled_from(["refuse", "first", "windows"]))
    return CaptureRequest(
        model=draw(TEXT),
        text=draw(st.one_of(TEXT, st.sampled_from([entry.text for entry in examples.EXAMPLES]))),
        target=draw(st.none() | TEXT),
        add_bos=draw(st.sampled_from([None, True, False])),
        special_tokens=draw(st.booleans()),
        long_text=long_text,
        window=draw(st.integers(0, 50)) if long_text == "windows" else 0,
    )


@st.composite
def links(draw):
    head = draw(st.none() | st.tuples(POSITION, POSITION))
    stream = draw(st.sampled_from([None, "decoder", "cross"]))
    selection = Selection(stream, head, draw(st.none() | POSITION))
    # What is as it begins is no part of a link.
    caches, bits, sides = (
        draw(wish.filter(lambda wish: wish != type(wish)()) | st.none()) for wish in (CACHES, BITS, SIDES)
    )
    return Link(
        draw(st.sampled_from(IDS)),
        draw(requests()),
        selection,
        draw(SWITCHED),
        draw(st.none() | trials()),
        draw(st.none() | st.sampled_from(PAIRS) | pairs()),
        caches,
        bits,
        sides,
    )


@given(links())
def test_a_link_that_fits_says_all_that_it_was_made_from(link):
    fragment = fragment_of(link)
    if left_out(link):
        return
    reading = read(fragment)
    assert reading.unknown == ()
    defaults = {name: switch.default for name, switch in SWITCHES.items()}
    assert defaults | dict(reading.link.switches) == defaults | dict(link.switches)
    assert replace(reading.link, switches={}) == replace(link, switches={})


@given(links())
def test_a_saved_analysis_says_even_what_is_too_long_for_a_link(link):
    reading = read_fields(fields_of(link), pages=IDS, default_model="demo-gpt2")
    assert reading.unknown == ()
    assert replace(reading.link, switches={}) == replace(link, switches={})


@given(st.text(max_size=4_000), st.none() | st.text(max_size=2_000), st.text(max_size=4_000), links())
def test_every_link_stays_below_two_kilobytes(text, target, own, link):
    request = replace(link.request, text=text or "x", target=target, model="a/model")
    trial = TrialChoice(texts=TextsWish(own=own))
    link = replace(link, request=request, switches={}, trial=trial)
    assert len(fragment_of(link).encode()) <= N_CHARACTERS_MAX
    assert len(fragment_of(replace(link, pair=PairWish(b=SideWish(text=text or "x")))).encode()) <= 1_900


def test_all_choices_of_all_cards_leave_room_for_the_name_of_a_model():
    longest = {}
    for name, switch in SWITCHES.items():
        values = (
            switch.names
            if isinstance(switch, Choice)
            else [switch.low, switch.high]
            if isinstance(switch, Number)
            else [not switch.default]
        )
        longest[name] = max((value for value in values if value != switch.default), key=lambda x: len(str(x)))
    run = CaptureRequest("m" * 500, "word " * 400, "target", True, False, long_text="windows", window=9_999)
    head = (9_999, 9_999)
    link = Link(
        "intervene", run, Selection("encoder", head, 9_999_999), longest,
        caches=CacheWish("prose", 99_999, False), bits=BitsWish("sinks", "token"),
        sides=PairSelection(head, head, 9_999_999, 9_999_999),
    )  # fmt: skip
    assert left_out(link) == ("run",)
    assert len(fragment_of(link)) <= N_CHARACTERS_MAX
    assert fields_of(link).keys() >= SWITCHES.keys() | SIDES_READERS.keys() | {*CARD_FIELDS}


def test_what_does_not_fit_is_left_out_whole_and_the_rest_stays():
    run = CaptureRequest("demo-gpt2", "short")
    long_trial = TrialChoice(EditWish(kind="drop"), TextsWish(own="word " * 400))
    long_pair = PairWish(b=SideWish(text="word " * 400))
    pair, trial = PairWish(b=SideWish("demo-bert")), TrialChoice(EditWish(kind="drop"))

    link = Link("heads", run, trial=long_trial, pair=pair)
    assert left_out(link) == ("trial",)
    assert read(fragment_of(link)).link == replace(link, trial=None)
    link = Link("heads", run, trial=trial, pair=long_pair)
    assert left_out(link) == ("pair",)
    assert read(fragment_of(link)).link == replace(link, pair=None)
    link = Link("heads", replace(run, text="word " * 400), trial=long_trial, pair=pair)
    assert left_out(link) == ("trial", "run")
    assert read(fragment_of(link)).link.pair == pair
    assert set(NOTES) == set(PARTS)


@given(st.text(max_size=300))
def test_whatever_stands_behind_the_hash_gives_a_link_and_no_error(fragment):
    reading = read(fragment)
    assert isinstance(reading.link, Link)


@given(st.lists(st.tuples(st.sampled_from(sorted({"page", *RUN_FIELDS, *VIEW_FIELDS})), st.text())))
def test_whatever_its_values_are_they_are_read_or_named(pairs):
    fragment = "&".join(f"{name}={value}" for name, value in pairs)
    reading = read(fragment)
    assert isinstance(unknown_sentence(reading.unknown), str)
    for name, value in reading.link.switches.items():
        assert SWITCHES[name].read(SWITCHES[name].text(value)) == value


def test_a_text_of_the_examples_is_named_and_not_written_out():
    link = Link("heads", CaptureRequest("demo-gpt2", examples.ORDINARY.text))
    assert parse_qs(fragment_of(link)) == {
        "page": ["heads"], "model": ["demo-gpt2"], "example": [examples.ORDINARY.id]
    }  # fmt: skip


def test_a_text_that_does_not_fit_is_replaced_by_its_digest():
    request = CaptureRequest("demo-gpt2", "word " * 500, "target")
    link = Link("heads", request, Selection(head=(1, 2)), {"metric": "focus"})
    assert left_out(link) == ("run",)
    found = parse_qs(fragment_of(link))
    assert found["kept"] == [digest_of(request)]
    assert not {"text", "decoder"} & found.keys()
    assert found["metric"] == ["focus"]


def test_a_kept_text_comes_back_from_the_browser_and_from_nowhere_else():
    request = CaptureRequest("demo-gpt2", "word " * 500, "target")
    fragment = fragment_of(Link("heads", request))
    assert read(fragment, texts=(request.text, request.target)).link.request == request
    alone = read(fragment).link
    assert alone.request is None
    assert alone.kept == digest_of(request)


def test_values_that_are_not_known_are_named_in_one_sentence_and_the_rest_counts():
    reading = read("page=nowhere&model=m&text=t&layer=abc&head=1&metric=best&epsilon=2&window=0&later=1")
    assert set(reading.unknown) == {
        "page=nowhere", "layer=abc", "metric=best", "epsilon=2", "window=0", "later=1"
    }  # fmt: skip
    assert reading.link == Link("", CaptureRequest("m", "t"))
    sentence = unknown_sentence(reading.unknown)
    assert sentence.startswith("The link says ")
    assert sentence.count(".") == 1


@pytest.mark.parametrize("fragment", ["page-results", "", "#", "x" * 30_000, "&".join(["a=1"] * 100)])
def test_what_is_no_link_names_no_run(fragment):
    assert read(fragment).link.request is None


def test_a_link_may_name_a_model_alone_or_a_text_alone():
    assert read("model=demo-bert").link.request == CaptureRequest("demo-bert", examples.ORDINARY.text)
    assert read("text=Hello").link.request == CaptureRequest("demo-gpt2", "Hello")


def test_equal_runs_are_known_whatever_else_was_kept_of_them():
    request = CaptureRequest("demo-gpt2", "one")
    assert is_same_run(request, replace(request, plan=CapturePlan(states=False)))
    assert not is_same_run(request, replace(request, add_bos=True))


def test_a_selection_names_what_a_run_does_not_have():
    capture = encoder_decoder_capture()
    found, lacking = Selection("cross", (0, 1), 1).within(capture)
    assert (found, lacking) == (Selection("cross", (0, 1), 1), ())
    found, lacking = Selection("self", (9, 0), 99).within(capture)
    assert found == Selection()
    assert lacking == ("stream=self", "layer=9, head=0", "token=99")


def test_the_script_knows_what_a_page_is_asked_for_by_its_name():
    found = re.search(r"CHOICE_FIELDS = /(.+)/;", (STATIC_DIR / "link.js").read_text())[1]
    others = {"page", *RUN_FIELDS, *SELECTION_FIELDS, *SIDES_READERS, *SWITCHES}
    assert all(re.search(found, name) for name in CHOICE_FIELDS)
    assert not any(re.search(found, name) for name in others)
    assert not others & CHOICE_FIELDS


def test_the_script_and_the_server_tell_runs_apart_by_the_same_fields():
    line = next(line for line in (STATIC_DIR / "link.js").read_text().splitlines() if "RUN_FIELDS = " in line)
    assert line == f"const RUN_FIELDS = {str(list(RUN_FIELDS)).replace(chr(39), chr(34))};"
