"""Run with: pytest tests/browser/test_flow_heads.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import until
from tests.browser.test_flow import APP, finding, lines, reading, token_place


@pytest.fixture
def flow(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(lines(page)).to_have_attribute("data-rows", "13")
    page.get_by_label("Attention of", exact=True).select_option("chosen")
    return page


def button(page: Page, name: str | re.Pattern) -> Locator:
    return page.get_by_role("button", name=name)


def choose(page: Page, layer: int, head: int) -> None:
    card = page.locator(".card", has_text="Who looks at whom")
    card.get_by_label("Layer", exact=True).select_option(str(layer))
    expect(button(page, re.compile(rf"^Add head {layer}\."))).to_be_visible()
    card.get_by_label("Head", exact=True).select_option(str(head))


def query_reading(page: Page) -> str:
    lines(page).hover(position=token_place(lines(page), "query", 5))
    expect(reading(page)).to_have_text(re.compile(r"^mat \(5\) looks at"))
    lines(page).hover(position=token_place(lines(page), "query", 4))
    expect(reading(page)).to_have_text(re.compile(r"^a \(4\) looks at"))
    return reading(page).inner_text()


def test_the_set_begins_with_the_head_in_view_and_heads_are_added_taken_out_and_cleared(flow):
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Head 0\.0: .+ gets most"))
    expect(button(flow, "Add head 0.0")).to_be_disabled()
    one = query_reading(flow)
    choose(flow, 2, 1)
    button(flow, "Add head 2.1").click()
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Mean of heads 0\.0 and 2\.1: "))
    until(flow, lambda: query_reading(flow) != one)
    both = query_reading(flow)
    button(flow, "Take head 0.0 out").click()
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Head 2\.1: "))
    until(flow, lambda: query_reading(flow) not in (one, both))
    button(flow, "Clear").click()
    expect(finding(flow, "links-finding")).to_have_text(
        "No head is chosen: pick a layer and a head, then add it."
    )
    expect(lines(flow)).not_to_be_visible()


def test_arcs_and_a_family_that_keeps_no_vectors_show_the_set_too(flow):
    choose(flow, 1, 1)
    button(flow, "Add head 1.1").click()
    flow.get_by_label("Drawn as").select_option("arcs")
    expect(lines(flow)).to_have_attribute("data-layout", "arcs")
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Mean of heads 0\.0 and 1\.1: "))
    flow.get_by_label("Run", exact=True).select_option("eager")
    expect(lines(flow)).to_have_attribute("data-rows", "20")
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Mean of heads 0\.0 and 1\.1: "))
