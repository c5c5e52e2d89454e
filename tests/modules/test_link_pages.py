"""What the Intervene and Compare pages do with a link, and a link with what is done there; on tiny models."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from shiny import reactive, render
from shiny.testserver import test_server_async

from modules.compare_choice import compare_choice_server
from modules.compare_sides import MASK_FIRST, PAIRS, PairWish, SideWish
from modules.edit_choice import ACT_BETA, EditWish
from modules.intervene import intervene_server
from modules.link import Link, fields_of, fragment_of
from modules.link_session import link_server
from modules.request_panel import request_panel_server
from modules.session_run import SessionRun
from modules.trial_choice import TextsWish, TrialChoice
from sinklens.opened_file import OpenedFile
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny
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
        run = SessionRun(service, example)
        state = replace(request_panel_server("panel", run=run), page=input.page)
        door = link_server(
            session, run=run, page=input.page, pages=("intervene", "compare", "heads"),
            models=(folders["gpt2"],), default_model=folders["gpt2"],
        )  # fmt: skip
        intervene_server("intervene", service=service, state=state)
        choice = compare_choice_server("choice", service=service, state=state, models=(folders["gpt2"],))
        told: reactive.Value[dict] = reactive.Value({})
        send = session.send_custom_message

        async def keep(kind: str, message: dict) -> None:
            if kind == "sl-link":
                told.set(message)
            await send(kind, message)

        session.send_custom_message = keep

        @render.text
        def address():
            return f"#{told().get('fragment')}# own {told().get('n_own')}, left out {told().get('left_out')}"

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
    link = Link(page, CaptureRequest(folders["gpt2"], text), **parts)
    return BEGINNING | {"page": page, "link": json.dumps({"fragment": fragment_of(link)})}


@pytest.fixture
def trials(service, monkeypatch):
    """The trials that the service was asked for."""
    asked, trial = [], service.trial

    async def noted(request, *more):
        asked.append(request)
        return await trial(request, *more)

    monkeypatch.setattr(service, "trial", noted)
    return asked


def following(link: Link, n: int) -> dict:
    """What the browser asks when somebody goes back or forward."""
    return {"link": json.dumps({"fragment": fragment_of(link), "n": n}), "page": link.page}


async def test_a_link_runs_its_edit_on_its_texts_and_nothing_else(pages, folders, trials):
    async with session_of(pages) as session:
        await session.set_inputs(**opened(folders, "intervene", THIRD, trial=HOT))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        said = "edit=temperature&edit.temperature=0.5&edit.controls=0&texts=0&own_texts="
        await seen(session, "address", said)
        await seen(session, "address", "own 0, left out ()")
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
        await session.set_inputs(**BEGINNING | following(start, 1))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        await session.set_inputs(**{f"{EDIT}kind": "drop", f"{EDIT}heads": "listed", f"{EDIT}pairs": "1.0"})
        await seen(session, f"{EDIT}hint", "Run answers them")
        assert "edit=temperature" in str(session.get_output("address").value)
        await session.set_inputs(**{f"{EDIT}run:shiny.action": 1})
        await seen(session, f"{EDIT}done", "drop heads 1.0")
        await seen(session, "address", "edit=drop&edit.heads=listed&edit.pairs=1.0")
        await seen(session, "address", "own 1")
        await session.set_inputs(**following(start, 2))
        await seen(session, f"{EDIT}done", "temperature 0.5")
        await seen(session, "address", "own 1")
        await session.set_inputs(**following(replace(start, trial=None), 3))
        await seen(session, f"{EDIT}problem", "No sink was found")
        assert "edit=" not in str(session.get_output("address").value)


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
        await seen(session, "address", "own 1")
        back = Link("compare", CaptureRequest(folders["gpt2"], TEXT))
        await session.set_inputs(**following(back, 2))
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
        await seen(session, "address", "left out ('trial',)")
        await seen(session, "address", "pair=sinkless")
        kept = json.loads(session.get_output("view").value)
        assert (kept["own_texts"], kept["edit"], kept["pair"]) == (own.texts.own, "temperature", "sinkless")
