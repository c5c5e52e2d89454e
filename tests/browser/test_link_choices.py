"""Links hold what a page was asked to compute and what is chosen on its cards: Intervene, and Compare."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserType, Page, expect

from tests.browser.conftest import be_patient
from tests.browser.test_links import expect_link

PATIENCE_MS = 180_000
"""A trial on a busy machine."""
SWAPPED = "he drove home"


@pytest.fixture
def other_browser(browser_type: BrowserType, browser_type_launch_args: dict) -> Iterator[Browser]:
    browser = browser_type.launch(**browser_type_launch_args)
    yield browser
    browser.close()


def expect_heads(page: Page, head_a: str, head_b: str) -> None:
    """Wait until the Compare page shows these heads, in its selects and in the link too."""
    title = page.locator("#compare-maps-title")
    expect(title).to_have_text(f"A − B: head {head_a} of A less head {head_b} of B")
    for side, head in (("a", head_a), ("b", head_b)):
        layer, index = head.split(".")
        expect(page.locator(f"#compare-maps-{side}-layer")).to_have_value(layer)
        expect(page.locator(f"#compare-maps-{side}-head")).to_have_value(index)
        expect_link(page, f"head_{side}={head}")


def expect_done(page: Page, words: str) -> None:
    """Wait until the Intervene page has tried this edit."""
    expect(page.locator("#intervene-edit-done")).to_contain_text(words, timeout=PATIENCE_MS)


def test_an_edit_is_in_the_link_and_going_back_and_forward_brings_it_again(
    page: Page, other_browser: Browser, base_url: str
):
    page.goto(
        "/#page=intervene&model=demo-gpt2&example=ordinary&edit=temperature&edit.temperature=1.5&texts=0"
        "&patch_in=heads&patch_first=2&tolerance=0.05"
    )
    expect_done(page, "temperature 1.5")
    kind, hint = page.locator("#intervene-edit-kind"), page.locator("#intervene-edit-hint")
    expect(kind).to_have_value("temperature")
    expect(hint).to_have_text("")
    expect(page.locator("#intervene-texts_finding")).to_contain_text("1 text: this run's")

    kind.select_option("drop")
    page.locator("#intervene-edit-heads").select_option("listed")
    page.locator("#intervene-edit-pairs").fill("1.0, 2.1")
    page.locator("#intervene-edit-pairs").press("Tab")
    expect(hint).to_contain_text("Run answers them")
    page.get_by_role("button", name="Run the edit").click()
    expect_done(page, "drop heads 1.0, 2.1")
    expect_link(page, "edit=drop", "edit.heads=listed", "edit.pairs=1.0+2.1", "texts=0")
    link = page.url

    page.go_back()
    expect_done(page, "temperature 1.5")
    expect(kind).to_have_value("temperature")
    expect_link(page, "edit=temperature", "edit.temperature=1.5")
    page.go_forward()
    expect_done(page, "drop heads 1.0, 2.1")
    expect(page.locator("#intervene-edit-pairs")).to_have_value("1.0, 2.1")
    expect(hint).to_have_text("")

    fresh = other_browser.new_page(base_url=base_url)
    be_patient(fresh)
    fresh.goto(f"{link}&edit.factor=7")
    expect(fresh.locator("#link_note")).to_contain_text(
        "The link says edit.factor=7, which is not known here"
    )
    expect_done(fresh, "drop heads 1.0, 2.1")
    expect(fresh.locator("#intervene-edit-pairs")).to_have_value("1.0, 2.1")
    expect(fresh.locator("#intervene-patch-where")).to_have_value("heads")
    expect(fresh.locator("#intervene-patch-n_first")).to_have_value("2")
    expect(fresh.locator("#intervene-verdict-tolerance")).to_have_value("0.05")


def test_two_sides_are_in_the_link_and_what_is_too_long_is_told_beside_the_button(page: Page):
    page.goto(
        "/#page=compare&model=demo-gpt2&example=ordinary&pair=swap&locked=0&head_a=3.2&head_b=1.5"
        "&listed=changed"
    )
    side_b, own = page.locator("#compare-choice-side_b"), page.locator("#compare-choice-own")
    expect(page.locator("#compare-alignment-finding")).to_contain_text("1 only on A and 1 only on B")
    expect(own).to_have_value(re.compile(SWAPPED))
    expect(page.locator("#compare-choice-hint")).to_have_text("")
    expect(page.get_by_label("Lock layer, head and token together")).not_to_be_checked()
    expect(page.locator("#compare-heads-shown")).to_have_value("changed")
    expect_heads(page, "3.2", "1.5")
    page.locator("#compare-maps-b-head").select_option("7")
    page.locator("#compare-maps-b-layer").select_option("0")
    expect_heads(page, "3.2", "0.7")

    page.get_by_role("button", name="demo-gpt2 with and without its sink").click()
    expect(side_b).to_contain_text("Edit: mask tokens 0 as keys in all layers")
    expect_link(page, "pair=sinkless", "locked=0")
    page.locator("#compare-choice-unit").select_option("words")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect_link(page, "pair=own", "a.example=ordinary", "b.unit=words", "b.edit=mask", "b.edit.tokens=first")
    page.go_back()
    expect_link(page, "pair=sinkless")
    page.go_back()
    expect(page.locator("#compare-alignment-finding")).to_contain_text("1 only on A and 1 only on B")
    expect_link(page, "pair=swap")
    expect_heads(page, "3.2", "0.7")
    page.reload()
    expect(page.locator("#compare-alignment-finding")).to_contain_text("1 only on A and 1 only on B")
    expect_heads(page, "3.2", "0.7")
    expect(own).to_have_value(re.compile(SWAPPED))

    note = page.get_by_text("The two sides of the page Compare are too long for a link")
    expect(note).to_be_hidden()
    own.fill("She walked home through the rain, and nobody saw her. " * 45)
    own.press("Tab")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(note).to_be_visible()
    assert len(page.url) < 2_000
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
