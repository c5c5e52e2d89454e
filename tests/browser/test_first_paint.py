"""What a newcomer sees before anything has been computed."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from modules import examples
from sinklens.settings import Settings
from tests.browser.panel_steps import expect_tokens, open_stored_example, run_text, text_area


@pytest.fixture
def first_page(page: Page) -> Page:
    open_stored_example(page, "/")
    return page


def test_the_page_opens_with_an_analysed_text_and_says_that_it_is_stored(first_page: Page):
    expect(first_page.get_by_text("Stored example.")).to_be_visible()
    expect(first_page.get_by_text("Run computes anew")).to_be_visible()
    expect(text_area(first_page)).to_have_value(examples.ORDINARY.text)


def test_the_panel_names_the_model_on_screen_and_its_self_check(first_page: Page):
    facts = first_page.locator("#panel-model_facts")
    name = Settings().default_model
    expect(facts).to_contain_text(re.compile(rf"{name} · \w+ · \d+ layers × \d+ heads · checked ✓"))


def test_nothing_runs_for_the_first_paint(first_page: Page, base_url: str):
    with urllib.request.urlopen(f"{base_url}/healthz", timeout=20) as answer:
        health = json.load(answer)
    assert health == {"status": "ok", "n_running": 0, "n_queued": 0}
    expect(first_page.get_by_role("progressbar", name="Progress of the run")).to_have_count(0)


def test_run_computes_the_stored_text_anew(first_page: Page):
    expect(first_page.locator("#panel-notes")).to_contain_text("stored run")
    stored = first_page.locator("#panel-notes").inner_text()
    first_page.get_by_role("button", name="Run", exact=True).click()
    expect_tokens(first_page, stored.split()[0])
    expect(first_page.get_by_text("Stored example.")).to_have_count(0)


def titles(page: Page) -> list[str]:
    """Names of all pages, as their tabs say them."""
    found = page.locator(".navbar").get_by_role("tab").all_inner_texts()
    assert {"Overview", "Flow", "Deep dive"} <= set(found)
    return found


def open_page(page: Page, title: str) -> None:
    tab = page.get_by_role("tab", name=title, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


def test_every_page_is_one_click_away(first_page: Page):
    for title in titles(first_page):
        open_page(first_page, title)
        heading = first_page.locator(".tab-pane.active").get_by_role("heading", level=2)
        expect(heading.locator("visible=true").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_never_wider_than_the_window(first_page: Page, width: int):
    first_page.set_viewport_size({"width": width, "height": 844})
    for title in titles(first_page):
        open_page(first_page, title)
        assert first_page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), title


def is_in_view(page: Page, title: str) -> bool:
    """Does the whole tab stand inside the row of tabs?"""
    return page.get_by_role("tab", name=title, exact=True).evaluate(
        """tab => {
            const [room, own] = [tab.closest(".navbar-nav"), tab].map((node) => node.getBoundingClientRect());
            return own.left >= room.left - 1 && own.right <= room.right + 1;
        }"""
    )


def test_tabs_that_find_no_room_are_announced_and_one_click_away(first_page: Page):
    more, back = first_page.locator(".sl-tabs-after"), first_page.locator(".sl-tabs-before")
    first_page.set_viewport_size({"width": 1280, "height": 844})
    expect(more).to_be_hidden()
    expect(back).to_be_hidden()
    first_page.set_viewport_size({"width": 390, "height": 844})
    expect(more).to_be_visible()
    last = titles(first_page)[-1]
    assert not is_in_view(first_page, last)
    while more.is_visible():
        more.click()
        first_page.wait_for_timeout(700)
    assert is_in_view(first_page, last)
    expect(back).to_be_visible()


def test_the_open_pages_tab_is_brought_into_view_in_a_narrow_window(first_page: Page):
    first_page.set_viewport_size({"width": 390, "height": 844})
    first_page.get_by_role("tab", name="Overview", exact=True).focus()
    for title in titles(first_page)[1:]:
        first_page.keyboard.press("ArrowRight")
        expect(first_page.get_by_role("tab", name=title, exact=True)).to_have_attribute(
            "aria-selected", "true"
        )
        assert is_in_view(first_page, title), title


def test_a_run_made_on_another_page_is_on_the_first_page_too(first_page: Page):
    strip = first_page.locator("#overview-strip .sl-strip-text .sl-token")
    curve = first_page.locator("#overview-curve .sl-chart")
    expect(strip).not_to_have_count(0)
    former = curve.get_attribute("aria-label")
    first_page.get_by_role("tab", name="Heads").click()
    run_text(first_page, "A short one.")
    expect(first_page.locator("#heads-chosen-picture .cells-front")).to_have_attribute(
        "data-rows", re.compile(r"^\d$")
    )
    n_tokens = first_page.locator("#heads-chosen-picture .cells-front").get_attribute("data-rows")
    first_page.get_by_role("tab", name="Overview").click()
    expect(strip).to_have_count(int(n_tokens))
    expect(curve).not_to_have_attribute("aria-label", former)
