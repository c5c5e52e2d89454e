"""What a newcomer sees before anything has been computed."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from modules import examples
from sinklens.settings import Settings
from tests.browser.panel_steps import expect_tokens, open_stored_example, run_text, text_area, until

IDLE = {"status": "ok", "n_running": 0, "n_queued": 0}


@pytest.fixture
def first_page(page: Page) -> Page:
    open_stored_example(page, "/")
    return page


@pytest.fixture(scope="module")
def shown(shared_page: Page, base_url: str) -> Page:
    """For tests that say how wide the window is, and run nothing."""
    open_stored_example(shared_page, base_url)
    return shared_page


def test_the_page_opens_with_a_stored_run_that_nothing_computed_and_run_computes_it_anew(
    page: Page, base_url: str
):
    until(page, lambda: health(base_url) == IDLE)  # what other tests have left
    open_stored_example(page, "/")
    expect(page.get_by_text("Run computes anew")).to_be_visible()
    expect(text_area(page)).to_have_value(examples.ORDINARY.text)
    expect(page.locator("#panel-model_facts")).to_contain_text(
        re.compile(rf"{Settings().default_model} · \w+ · \d+ layers × \d+ heads · checked ✓")
    )
    notes = page.locator("#panel-notes")
    expect(notes).to_contain_text("stored run")
    assert health(base_url) == IDLE
    expect(page.get_by_role("progressbar", name="Progress of the run")).to_have_count(0)
    n_tokens = notes.inner_text().split()[0]
    page.get_by_role("button", name="Run", exact=True).click()
    expect_tokens(page, n_tokens)
    expect(page.get_by_text("Stored example.")).to_have_count(0)


def health(base_url: str) -> dict:
    with urllib.request.urlopen(f"{base_url}/healthz", timeout=20) as answer:
        return json.load(answer)


def titles(page: Page) -> list[str]:
    """Names of all pages, as their tabs say them."""
    found = page.locator(".navbar").get_by_role("tab").all_inner_texts()
    assert {"Overview", "Flow", "Deep dive"} <= set(found)
    return found


def open_page(page: Page, title: str) -> None:
    tab = page.get_by_role("tab", name=title, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_one_click_away_and_never_wider_than_the_window(shown: Page, width: int):
    shown.set_viewport_size({"width": width, "height": 844})
    for title in titles(shown):
        open_page(shown, title)
        heading = shown.locator(".tab-pane.active").get_by_role("heading", level=2)
        expect(heading.locator("visible=true").first).to_be_visible()
        shown.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def is_in_view(page: Page, title: str) -> bool:
    """Does the whole tab stand inside the row of tabs?"""
    return page.get_by_role("tab", name=title, exact=True).evaluate(
        """tab => {
            const [room, own] = [tab.closest(".navbar-nav"), tab].map((node) => node.getBoundingClientRect());
            return own.left >= room.left - 1 && own.right <= room.right + 1;
        }"""
    )


def test_tabs_that_find_no_room_are_announced_and_one_click_away(shown: Page):
    more, back = shown.locator(".sl-tabs-after"), shown.locator(".sl-tabs-before")
    first, *_, last = titles(shown)
    open_page(shown, first)
    shown.set_viewport_size({"width": 1280, "height": 844})
    expect(more).to_be_hidden()
    expect(back).to_be_hidden()
    shown.set_viewport_size({"width": 390, "height": 844})
    expect(more).to_be_visible()
    until(shown, lambda: not is_in_view(shown, last))
    # The button goes when it has no more to show, so that it may be gone before the next click.
    until(shown, lambda: more.is_hidden() or bool(more.dispatch_event("click")))
    until(shown, lambda: is_in_view(shown, last))
    expect(back).to_be_visible()


def test_the_open_pages_tab_is_brought_into_view_in_a_narrow_window(shown: Page):
    first, *others = titles(shown)
    open_page(shown, first)
    shown.set_viewport_size({"width": 390, "height": 844})
    shown.get_by_role("tab", name=first, exact=True).focus()
    for title in others:
        shown.keyboard.press("ArrowRight")
        expect(shown.get_by_role("tab", name=title, exact=True)).to_have_attribute("aria-selected", "true")
        until(shown, lambda title=title: is_in_view(shown, title))


def test_a_run_made_on_another_page_is_on_the_first_page_too(first_page: Page):
    strip = first_page.locator("#overview-strip .sl-strip-text .sl-token")
    curve = first_page.locator("#overview-curve .sl-chart")
    expect(strip).not_to_have_count(0)
    expect(curve).to_have_attribute("aria-label", re.compile("."))
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
