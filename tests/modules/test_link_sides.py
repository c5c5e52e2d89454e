"""The selection on the two sides of the Compare page in a link, over a tiny model.

Run with: pytest tests/modules/test_link_sides.py
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from shiny.testserver import test_server_async

from modules.compare import compare_server
from modules.compare_selection import PairSelection
from modules.compare_sides import MASK_FIRST, PairWish, SideWish
from modules.link import Link
from modules.link_session import link_server
from modules.request_panel import request_panel_server
from modules.selection import Selection
from modules.session_run import SessionRun
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny
from tests.modules.linked_session import keep_address, opening
from tests.modules.test_session_run import INPUTS, PATIENCE_S, seen

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAPS = "compare-maps-"
BEGINNING = {
    **INPUTS, "compare-choice-model": "", "compare-choice-text": "same", "compare-choice-bos": "same",
    "compare-choice-unit": "pieces", "compare-choice-own": "", "compare-choice-with_edit": False,
    "compare-choice-kind": "mask", "compare-choice-tokens": "first", "compare-choice-n_first": 1,
    "compare-choice-scope": "all", "compare-choice-run:shiny.action": 0,
    f"{MAPS}locked": True, f"{MAPS}rule": "heads",
    **{f"{MAPS}{side}-{name}": value for side in "ab"
       for name, value in (("layer", "0"), ("head", "0"), ("weighting", "raw"), ("hidden", "none"))},
}  # fmt: skip
SAME = PairWish(b=SideWish())
"""A run beside itself, so that every head is its own partner."""
EDITED = PairWish(b=SideWish(edit=MASK_FIRST))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny("gpt2", tmp_path_factory.mktemp("gpt2")))


@pytest.fixture
async def example(service, folder):
    return await service.capture(CaptureRequest(folder, TEXT))


@pytest.fixture
def compare(service, example, folder):
    """A session with the Compare page."""

    def server(input, output, session):
        keep_address(session)
        run = SessionRun(service, example)
        state = replace(request_panel_server("panel", run=run), page=input.page)
        link_server(
            session, run=run, page=input.page, pages=("compare", "heads"), models=(folder,),
            default_model=folder,
        )  # fmt: skip
        compare_server("compare", service=service, state=state, models=(folder,))

    return test_server_async(server, timeout_secs=PATIENCE_S)


@pytest.fixture
def link(folder):
    return Link("compare", CaptureRequest(folder, TEXT), Selection(head=(0, 0)), pair=SAME)


async def in_view(session, head_a: str, head_b: str) -> None:
    """Wait until the two heads are compared and the address says so."""
    await seen(session, f"{MAPS}title", f"head {head_a} of A less head {head_b} of B")
    await seen(session, "address", f"head_a={head_a}&head_b={head_b}")


async def test_a_link_brings_back_the_heads_and_tokens_of_both_sides(compare, link):
    sides = PairSelection((2, 1), (0, 3), 4, 5)
    async with compare as session:
        await session.set_inputs(**BEGINNING | opening(replace(link, sides=sides)))
        await in_view(session, "2.1", "0.3")
        await seen(session, "address", "token_a=4&token_b=5")
        # Nobody asked for anything here, and the sides are locked as before.
        assert session.get_output("n_own") == "0"
        await session.set_inputs(**{f"{MAPS}a-layer": "1"})
        await in_view(session, "1.1", "1.1")


async def test_a_head_that_is_chosen_is_in_the_address_and_going_back_brings_the_former_one(compare, link):
    async with compare as session:
        await session.set_inputs(**BEGINNING | opening(replace(link, sides=PairSelection((2, 1)))))
        await in_view(session, "2.1", "2.1")
        await session.set_inputs(**{f"{MAPS}a-head": "3"})
        await in_view(session, "2.3", "2.3")
        other = replace(link, pair=EDITED, sides=PairSelection((2, 3), (1, 2)))
        await session.set_inputs(**opening(other, 2))
        await seen(session, "compare-choice-side_b", "Edit: mask tokens 0")
        await in_view(session, "2.3", "1.2")
        # The same selection in another comparison, which would begin with another one by itself.
        await session.set_inputs(**opening(replace(other, pair=SAME), 3))
        await seen(session, "compare-numbers-finding", "Both sides are the same run")
        await session.set_inputs(turn=1)  # what belongs to the new comparison has been done after this
        await in_view(session, "2.3", "1.2")


async def test_a_new_comparison_begins_with_the_head_in_view_on_the_other_pages(compare, link):
    async with compare as session:
        chosen = replace(link, sides=PairSelection((2, 1)))
        await session.set_inputs(**BEGINNING | opening(chosen))
        await in_view(session, "2.1", "2.1")
        await session.set_inputs(**opening(replace(link, selection=Selection(head=(1, 0))), 2))
        await in_view(session, "1.0", "1.0")


async def test_what_the_sides_do_not_have_is_one_sentence_and_the_rest_is_shown(compare, link):
    sides = PairSelection((9, 0), (0, 3), 999, 5)
    async with compare as session:
        await session.set_inputs(
            **BEGINNING | opening(replace(link, sides=sides, selection=Selection(head=(1, 2))))
        )
        await in_view(session, "1.2", "0.3")
        await seen(session, "address", "token_b=5")
        await seen(session, "link_note", "The link says head_a=9.0, token_a=999, which is not known here")
        assert "token_a" not in session.get_output("address").value
        await session.set_inputs(**{"compare-choice-bos": "omit", "compare-choice-run:shiny.action": 1})
        await seen(session, "link_note", "None")
        await seen(session, "n_own", "1")


async def test_the_address_keeps_the_sides_of_a_page_that_is_not_open_yet(compare, link):
    sides = PairSelection((2, 1), (0, 3))
    async with compare as session:
        await session.set_inputs(**BEGINNING | opening(replace(link, page="heads", sides=sides)))
        await seen(session, "address", "head_a=2.1&head_b=0.3")
        await session.set_inputs(page="compare")
        await in_view(session, "2.1", "0.3")
