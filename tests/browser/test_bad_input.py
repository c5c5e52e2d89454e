"""Texts and model names that break other tools: the page says what is wrong, or simply shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sinklens.settings import Settings
from tests.browser.panel_steps import (
    expect_problem,
    expect_run_of,
    expect_settled,
    expect_tokens,
    open_stored_example,
    run_text,
)

WEIRD_TEXTS = {
    "emoji": "👋🏽 hello 👩‍👩‍👧 world 🏳️‍🌈",
    "right to left": "مرحبا بالعالم and שלום עולם",
    "zero width": "zero\u200bwidth\u200djoiner\u2060and\ufeffmarks",
    "direction marks": "left \u202eright\u202c left",
    "control": "bell\x07 escape\x1b[31m tab\t end",
    "combining": "e\u0301 a\u0328\u0301 \u0336\u0337",
    "lone surrogate": "half a pair \ud83d here",
}
MARKUP = (
    """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1"><b>bold</b> &amp; {{7*7}}"""
)
PAGES = ("Overview", "Heads", "Flow", "Sinks")
"""The pages that draw every token."""


@pytest.fixture
def ready(page: Page) -> Page:
    open_stored_example(page, "/")
    return page


@pytest.fixture(scope="module")
def shown(shared_page: Page, base_url: str) -> Page:
    """For tests that wait for the run of their own text."""
    open_stored_example(shared_page, base_url)
    return shared_page


def visit_pages(page: Page, titles: Iterable[str] = PAGES) -> None:
    """Open these tabs, so that each of them draws the run."""
    for title in titles:
        tab = page.get_by_role("tab", name=title, exact=True)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator(".shiny-output-error")).to_have_count(0)


def test_a_text_without_content_is_refused_in_a_sentence_and_a_single_word_is_analysed(ready: Page):
    for text in ("", "   \n\t "):
        run_text(ready, text)
        expect_problem(ready, "empty")
        expect(ready.get_by_text("Stored example.")).to_be_visible()
    run_text(ready, "a")
    expect(ready.locator("#panel-notes")).to_contain_text("tokens · ")
    expect(ready.get_by_text("Stored example.")).to_have_count(0)
    expect(ready.get_by_role("alert")).to_have_count(0)
    visit_pages(ready)


def test_a_hundred_thousand_characters_are_never_cut_silently(ready: Page):
    run_text(ready, "many words " * 9_091)
    expect_problem(ready, "tokens")
    ready.get_by_role("radio", name=re.compile(r"^The first [\d,]+ tokens")).check()
    ready.get_by_role("button", name="Run", exact=True).click()
    expect(ready.locator("#panel-notes")).to_contain_text(" of ")
    expect(ready.get_by_role("alert")).to_have_count(0)
    visit_pages(ready)


@pytest.mark.parametrize("text", WEIRD_TEXTS.values(), ids=WEIRD_TEXTS.keys())
def test_unusual_characters_are_shown_on_every_page(shown: Page, text: str):
    run_text(shown, text)
    expect_run_of(shown, text)
    visit_pages(shown)


def test_markup_in_a_text_is_text_everywhere(ready: Page):
    run_text(ready, MARKUP)
    expect_tokens(ready, r"\d+")
    visit_pages(ready, ready.locator(".navbar").get_by_role("tab").all_inner_texts())
    expect_settled(ready)
    assert ready.evaluate("window.hacked") is None
    expect(ready.locator("main img[src=x]")).to_have_count(0)


def test_a_model_that_is_not_there_is_told_and_markup_in_its_name_is_text(ready: Page, tmp_path: Path):
    name_model(ready, "<img src=x onerror='window.hacked=1'>")
    expect_problem(ready, "<img src=x")
    assert ready.evaluate("window.hacked") is None
    name_model(ready, "nobody/knows-this-model")
    expect_problem(ready, "nobody/knows-this-model")
    expect_problem(ready, Settings().default_model)
    name_model(ready, str(tmp_path))
    expect_problem(ready, "config.json")


def name_model(page: Page, name: str) -> None:
    """Ask for a run of another model than the bundled ones."""
    page.get_by_label("Model", exact=True).select_option(label="Another model …")
    page.get_by_label("Name of the model").fill(name)
    page.get_by_label("Name of the model").press("Tab")
    page.get_by_role("button", name="Run", exact=True).click()
