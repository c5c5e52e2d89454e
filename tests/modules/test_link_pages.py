"""What the Intervene and Compare pages do with a link, and a link with what is done there; on tiny models."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from shiny import reactive, render
from shiny.testserver import test_server_async

from modules.cache_bits import BitsWish
from modules.cache_study import CacheWish
from modules.compare_choice import compare_choice_server
from modules.compare_sides import MASK_FIRST, PAIRS, PairWish, SideWish
from modules.edit_choice import ACT_BETA, EditWish
from modules.intervene import intervene_server
from modules.link import Link, fields_of
from modules.link_session import link_server
from modules.request_panel import request_panel_server
from modules.session_run import SessionRun
from modules.trial_choice import TextsWish, TrialChoice
from sinklens.opened_file import OpenedFile
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny
from tests.modules.linked_session import keep_address, opening
from tests.modules.test_session_run import INPUTS, PATIENCE_S, seen

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER = TEXT.replace("w5", "w55")
THIRD = TEXT.replace("w5", "w44")
EDIT = "intervene-edit-"
EDIT_INPUTS = {
    "kind": "mask", "tokens": "first", "n_first": 1, "listed": "0", "factor": ACT_BETA, "heads": "above",
    "epsilon": 0.3, "pairs": "0.0", "n_tokens": 1, "word": "", "second": 1, "temperature": 2, "scope": "all",
    "layers": (0, 1),
}  # fmt: skip
BEGINNING = {
    **INPUTS, "intervene-n_examples": 0, "intervene-own": "", f"{EDIT}controls": False,
    **{f"{EDIT}{name}": value for name, value in EDIT_INPUTS.items()},
    **{f"choice-{name}": value for name, value in EDIT_INPUTS.items()},
    "choice-model": "", "choice-text": "same", "choice-bos": "same", "choice-unit": "pieces",
    "choice-own": "", "choice-with_edit": False,
    **{f"choice-pair_{key}:shiny.action": 0 for key in ("encoder", "llama", "sinkless", "twin", "swap")},
    f"{EDIT}run:shiny.action": 0, "choice-run:shiny.action": 0,
}  # fmt: skip
CARDS = {
    "intervene-caches-seen": True, "intervene-caches-text": "own", "intervene-caches-size": None,
    "intervene-caches-recompute": True, "intervene-caches-run:shiny.action": 0,
    "intervene-caches-positions": "in-cache", "intervene-caches-counted": "late",
    "intervene-bits-seen": True, "intervene-bits-kept": "first", "intervene-bits-scale": "channel",
    "intervene-bits-run:shiny.action": 0,
}  # fmt: skip
"""Inputs of the cards about caches, both in view."""
HOT = TrialChoice(EditWish("temperature", temperature=0.5, with_controls=False), TextsWish(0, OTHER))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in ("gpt2", "bert")}


@pytest.fixture
async def example(service, folders):
    return await service.capture(CaptureRequest(folders["gpt2"], TEXT))


@pytest.fixture
def pages(service, example, folders):
    """A session with both pages, on one of which it is; only the tiny gpt2 may be run by a link."""

    def server(input, output, session):
        told = keep_address(session)
        run = SessionRun(service, example)
        state = replace(request_panel_server("panel", run=run), page=input.page)
        door = link_server(
            session, run=run, page=input.page, pages=("intervene", "compare", "heads"),
            models=(folders["gpt2"],), default_model=folders["gpt2"],
        )  # fmt: skip
        intervene_server("intervene", service=service, state=state)
        choice = compare_choice_server("choice", service=service, state=state, models=(folders["gpt2"],))

        @render.text
        def sides():
            found = choice.compared()
            texts = [side.request.text == OTHER for side in found.captures]
            return f"other text {texts}; B {found.done or 'as it is'}; unit {found.wish.unit}"

        @reactive.effect
        @reactive.event(input.open_file)
        def _open():
            view = json.loads(input.open_file())
            analysis = type("Analysis", (), {"view": view})()
            door.show(OpenedFile("kept.sinklens", run.shown(), analysis))

        @render.text
        def view():
            return json.dumps(door.view() if told() else {})

    return server


def session_of(pages):
    return test_server_async(pages, timeout_secs=PATIENCE_S)


def opened(folders, page: str, text: str = TEXT, **parts) -> dict:
    """Inputs of a browser that opens a link."""
    return BEGINNING | opening(Link(page, CaptureRequest(folders["gpt2"], text), **parts))


@pytest.fixture
def trials(service, monkeypatch):
    """The trials that the service was asked for."""
    asked, trial = [], service.trial

    async def noted(request, *more):
        asked.append(request)
        return await trial(request, *more)

    monkeypatch.setattr(service, "trial", noted)
    return asked


async def test_a_link_runs_its_edit_on_its_texts_and_nothing_else(pages, folders, trials):
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "intervene", THIRD, trial=HOT))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        said = "edit=temperature&edit.temperature=0.5&edit.controls=0&texts=0&own_texts="
        await seen(session, "address", said)
        assert session.get_output("n_own") == "0"
        assert session.get_output("left_out") == ""
    assert [request.texts for request in trials] == [(THIRD, OTHER)]


async def test_an_edit_waits_until_its_page_is_opened_and_the_address_keeps_it(pages, folders, trials):
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "heads", trial=HOT, pair=PAIRS[2]))
        await seen(session, "address", "edit=temperature")
        await seen(session, "address", "pair=sinkless")
        assert trials == []
        await session.set_inputs(page="intervene")
        await seen(session, f"{EDIT}done", "temperature 0.5")
        assert len(trials) == 1


async def test_an_own_edit_is_a_step_and_going_back_undoes_it(pages, folders, trials):
    async with session_of(pages) as session:
        start = Link("intervene", CaptureRequest(folders["gpt2"], TEXT), trial=HOT)
        await session.set_inputs(**BEGINNING | opening(start, 1))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        await session.set_inputs(**{f"{EDIT}kind": "drop", f"{EDIT}heads": "listed", f"{EDIT}pairs": "1.0"})
        await seen(session, f"{EDIT}hint", "Run answers them")
        assert "edit=temperature" in str(session.get_output("address").value)
        await session.set_inputs(**{f"{EDIT}run:shiny.action": 1})
        await seen(session, f"{EDIT}done", "drop heads 1.0")
        await seen(session, "address", "edit=drop&edit.heads=listed&edit.pairs=1.0")
        await seen(session, "n_own", "1")
        await session.set_inputs(**opening(start, 2))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        await seen(session, "n_own", "1")
        await session.set_inputs(**opening(replace(start, trial=None), 3))
        await seen(session, f"{EDIT}problem", "No sink was found")
        assert "edit=" not in str(session.get_output("address").value)


async def test_the_cards_of_caches_run_what_a_link_asks_once_they_are_seen(
    pages, folders, service, monkeypatch
):
    sizes, study = [], service.cache_policies

    async def noted(request, *more):
        sizes.append(request.size)
        return await study(request, *more)

    monkeypatch.setattr(service, "cache_policies", noted)
    start = Link(
        "heads", CaptureRequest(folders["gpt2"], TEXT),
        caches=CacheWish(size=6, with_recompute=False), bits=BitsWish("four", "token"),
    )  # fmt: skip
    async with session_of(pages) as session:
        await session.set_inputs(**BEGINNING | CARDS | opening(start))
        await seen(session, "address", "cache.size=6&cache.with_recompute=0&bits.kept=four&bits.scale=token")
        assert sizes == []
        await session.set_inputs(page="intervene")
        await seen(session, "intervene-caches-finding", "With 6 of 20 tokens")
        await seen(session, "intervene-bits-losses", "4 bits, chosen tokens exact")
        assert sizes == [6]
        await session.set_inputs(
            **{"intervene-caches-size": 10, "intervene-caches-recompute": False},
            **{"intervene-caches-run:shiny.action": 1},
        )
        await seen(session, "intervene-caches-finding", "With 10 of 20 tokens")
        await seen(session, "address", "cache.size=10&cache.with_recompute=0")
        assert session.get_output("n_own") == "1"
        await session.set_inputs(**opening(replace(start, page="intervene", caches=None), 2))
        await seen(session, "intervene-caches-finding", "With 8 of 20 tokens")
        await seen(session, "address", "bits.kept=four&bits.scale=token")
        assert "cache." not in session.get_output("address").value


async def test_an_edit_that_the_run_cannot_take_is_told_as_if_it_were_typed(pages, folders):
    wish = EditWish("drop", heads="listed", pairs=((99, 0),), with_controls=False)
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "intervene", trial=TrialChoice(wish)))
        await seen(session, f"{EDIT}problem", "layer 99")
        assert session.is_ok


async def test_a_link_compares_its_two_sides(pages, folders):
    a, b = CaptureRequest(folders["gpt2"], OTHER), SideWish(text=TEXT, edit=MASK_FIRST)
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "compare", pair=PairWish(a, b, "words")))
        await seen(session, "sides", "[True, False]")
        await seen(session, "sides", "B mask tokens 0")
        await seen(session, "sides", "unit words")
        await seen(session, "address", "b.unit=words")
        await session.set_inputs(
            **{"choice-text": "other", "choice-own": OTHER, "choice-run:shiny.action": 1}
        )
        await seen(session, "sides", "[True, True]")
        await seen(session, "n_own", "1")
        back = Link("compare", CaptureRequest(folders["gpt2"], TEXT))
        await session.set_inputs(**opening(back, 2))
        await seen(session, "sides", "[False, False]; B as it is; unit pieces")
        assert "pair=" not in str(session.get_output("address").value)


async def test_a_model_that_only_a_link_names_waits_for_a_word_of_the_person(pages, folders):
    async with session_of(pages) as session:
        pair = PairWish(b=SideWish(folders["bert"]))
        await session.set_inputs(**opened(folders, "compare", pair=pair))
        await seen(session, "link_note", "which is not bundled here: Compare runs it.")
        await seen(session, "choice-hint", "Compare answers them")
        assert session.get_output("sides").status != "ok"
        there = {"choice-model": "other", "choice-other_model": folders["bert"]}
        await session.set_inputs(**there | {"choice-run:shiny.action": 1})
        await seen(session, "sides", "[False, False]")
        await seen(session, "link_note", "None")


async def test_a_saved_analysis_brings_its_edit_and_sides_however_long_they_are(pages, folders):
    own = TrialChoice(HOT.edit, TextsWish(0, "w1 w2 w3 " * 700))
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "intervene"))
        await seen(session, f"{EDIT}done", "mask tokens")
        view = fields_of(Link(trial=own, pair=PAIRS[2]))
        await session.set_inputs(open_file=json.dumps(view))
        await seen(session, "left_out", "trial")
        await seen(session, "address", "pair=sinkless")
        kept = json.loads(session.get_output("view").value)
        assert (kept["own_texts"], kept["edit"], kept["pair"]) == (own.texts.own, "temperature", "sinkless")
