"""Pages in another language: their words change, and nothing else does."""

from __future__ import annotations

import asyncio
import re

import pytest
from htmltools import TagifiedTag, TagifiedTagList, TagList
from shiny import App, Inputs, Outputs, Session, module, render, ui
from starlette.testclient import TestClient

from app import PAGES
from modules.bias_table import table as bias_table
from modules.language import ENGLISH, Words, words_in
from modules.sink_words import number_row, number_table
from modules.step_table import step_table
from modules.translated import GROUP, READ_OUT, shown_words, translated
from modules.translated_session import TranslatedSession, speaking
from modules.widgets.word_cell import word_cell, word_head

SAY = Words("de", {"Text": "Wort", "Heads": "Köpfe", "Head": "Kopf", "none yet": "noch keine"})
ANALYSIS = [page for page in PAGES if not page.is_translated]
FREE = {*READ_OUT, "lang"}
"""Attributes that may differ between two languages."""


def html(*nodes) -> str:
    return str(TagList(translated(TagList(*nodes), SAY)))


def elements(node) -> list[TagifiedTag]:
    """Every element of a tagified tree, from its beginning."""
    own = [node] if isinstance(node, TagifiedTag) else []
    children = node.children if own else node if isinstance(node, TagifiedTagList) else ()
    return own + [one for child in children for one in elements(child)]


def test_the_words_of_a_menu_change_and_its_values_do_not():
    menu = html(ui.input_select("shown", "Text", {"Heads": {"Head": "Head", "own": "Something else"}}))
    assert '<optgroup label="Köpfe">' in menu
    assert re.search(r'<option value="Head"[^>]*>Kopf</option>', menu)
    assert re.search(r'<option value="own"[^>]*>Something else</option>', menu)
    assert re.search(r'id="shown-label" for="shown"[^>]*>Wort</label>', menu)


def test_what_people_hear_and_see_in_attributes_changes():
    button = html(ui.tags.button("?", aria_label="Head", title="Heads", data_value="Head", id="Head"))
    assert 'aria-label="Kopf"' in button
    assert 'title="Köpfe"' in button
    assert 'data-value="Head"' in button
    assert 'id="Head"' in button
    assert 'placeholder="noch keine"' in html(ui.input_text_area("own", "", placeholder="none yet"))


@pytest.mark.parametrize("tag", ["code", "bdi", "kbd", "pre", "textarea", "td"])
def test_formulas_tokens_and_typed_text_stay_as_they_are(tag: str):
    assert "Head" in html(ui.Tag(tag, ui.span("Head")))
    assert "Kopf" in html(ui.p("Head"))


def test_an_option_whose_value_is_a_number_is_a_token_and_stays():
    menu = html(ui.input_select("token", "Text", {"17": "Head", "any": "Head"}))
    assert re.search(r'<option value="17"[^>]*>Head</option>', menu)
    assert re.search(r'<option value="any"[^>]*>Kopf</option>', menu)


def test_text_with_a_direction_of_its_own_is_what_somebody_wrote():
    assert ">Head<" in html(ui.p("Head", dir="auto"))


def test_the_head_of_a_row_is_data_and_that_of_a_column_is_a_word():
    table = html(ui.tags.table(ui.tags.tr(ui.tags.th("Head", scope="row"), ui.tags.th("Heads", scope="col"))))
    assert ">Head<" in table
    assert ">Köpfe<" in table


def test_a_cell_of_words_is_translated_and_a_token_spelled_like_one_of_them_stays():
    token = ui.tags.bdi("Head", dir="auto")
    row = html(ui.tags.tr(word_head("Heads ", token), word_cell("Head"), ui.tags.td("Head")))
    assert re.search(r'<th scope="row" translate="yes" lang="de">\s*Köpfe\s+<bdi dir="auto">Head</bdi>', row)
    assert '<td translate="yes" lang="de">Kopf</td>' in row
    assert "<td>Head</td>" in row


def test_a_cell_for_numbers_without_a_number_holds_a_word_of_the_app():
    assert "noch keine" in html(ui.tags.td("none yet", class_="sl-num sl-muted"))
    assert "none yet" in html(ui.tags.td("none yet", class_="sl-mono"))


@pytest.mark.parametrize(
    "table",
    [
        step_table("Text", ("token", "Head"), [("Head", "none yet")]),
        bias_table(("Item", "Head"), [("Head", "none yet")], texts=("Item",)),
    ],
    ids=["steps", "bias"],
)
def test_a_table_of_tokens_or_texts_shows_them_as_they_are(table):
    shown = html(table)
    assert re.search(r"<th scope=\"row\"[^>]*>\s*(<bdi dir=\"auto\">)?Head<", shown)
    assert "noch keine" in shown


@pytest.mark.parametrize(
    "table",
    [
        step_table("Text", ("step", "Head"), [("Head", "none yet")], n_words=2),
        bias_table(("Part", "Head"), [("Head", "none yet")], words=("Head",)),
        number_table(("", "Head"), [number_row("Head", "none yet")], label="Text"),
    ],
    ids=["steps", "bias", "sinks"],
)
def test_a_table_whose_rows_are_called_by_words_is_translated(table):
    shown = html(table)
    assert re.search(r'<th scope="row" translate="yes" lang="de">\s*Kopf\s*</th>', shown)
    assert "noch keine" in shown


def test_an_element_may_say_itself_whether_it_is_translated():
    assert ">Kopf<" in html(ui.tags.td(ui.span("Head", translate="yes")))
    assert ">Head<" in html(ui.p(ui.span("Head", translate="no")))
    assert 'title="Head"' in html(ui.tags.td(ui.span("x", title="Head")))


def test_space_around_words_stays():
    assert html(ui.span("\n Head  ")).count("\n Kopf  ") == 1


def test_a_screen_reader_is_told_what_is_in_which_language():
    page = html(
        ui.h2("Head"), ui.p("Not in the catalogue."), ui.tags.td("Not in the catalogue."), ui.tags.b("a.npz")
    )
    assert '<h2 lang="de">' in page
    assert '<p lang="en">' in page
    assert "<td>" in page
    assert "<b>" in page


def test_english_costs_nothing():
    node = ui.p("Head")
    assert translated(node, ENGLISH) is node
    assert ANALYSIS[0].content_in(ENGLISH) is ANALYSIS[0].content


@pytest.mark.parametrize("page", ANALYSIS, ids=lambda page: page.id)
def test_a_page_has_the_same_elements_ids_and_values_in_every_language(page):
    before = elements(page.content.tagify())
    after = elements(page.content_in(words_in("de")).tagify())
    assert [one.name for one in before] == [one.name for one in after]
    for one, other in zip(before, after, strict=True):
        free = FREE | ({"label"} if one.name == GROUP else set())
        assert {k: v for k, v in one.attrs.items() if k not in free} == {
            k: v for k, v in other.attrs.items() if k not in free
        }
    assert len(shown_words(page.content)) > 5


@pytest.mark.parametrize("page", ANALYSIS, ids=lambda page: page.id)
def test_a_page_is_translated_once(page):
    assert page.content_in(words_in("de")) is page.content_in(words_in("de"))


@module.server
def inner_server(input: Inputs, output: Outputs, session: Session, found: list):
    found.append(session)
    found.append(session._process_ui(ui.p("Head"))["html"])
    ui.update_select("shown", choices={"Head": "Head"})

    @render.text
    def finding():
        return "Head"

    found.append(finding.transform)


def test_servers_below_a_page_offer_and_draw_translated_words():
    found: list = []

    def server(input: Inputs, output: Outputs, session: Session):
        sent: list = []
        session.send_input_message = lambda id, message: sent.append((id, message))
        with speaking(SAY):
            inner_server("a", found)
        with speaking(ENGLISH):
            inner_server("b", found)
        found.append(sent)

    with (
        TestClient(App(ui.page_fluid(), server)) as client,
        client.websocket_connect("/websocket/") as socket,
    ):
        socket.send_json({"method": "init", "data": {".clientdata_pixelratio": 1}})
        while len(found) < 7:
            socket.receive_text()
    german, said, german_text, english, unsaid, english_text, sent = found
    assert asyncio.run(german_text("Head")) == "Kopf"
    assert asyncio.run(english_text("Head")) == "Head"
    assert isinstance(german, TranslatedSession)
    assert german.ns("x") == "a-x"
    assert not isinstance(english, TranslatedSession)
    assert ">Kopf<" in said
    assert ">Head<" in unsaid
    assert [id for id, _ in sent] == ["a-shown", "b-shown"]
    assert ">Kopf<" in sent[0][1]["options"]
    assert 'value="Head"' in sent[0][1]["options"]
    assert ">Head<" in sent[1][1]["options"]
