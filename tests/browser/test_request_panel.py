"""The left panel as a person uses it, over an engine that is as slow as a test needs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel_steps import (
    expect_problem,
    expect_tokens,
    open_stored_example,
    run_text,
    text_area,
)

APP = "tests/browser/apps/panel_app.py"


@pytest.fixture
def url(serve: Callable[[str], str]) -> str:
    return serve(APP)


@pytest.fixture
def panel(page: Page, url: str) -> Page:
    open_stored_example(page, url)
    return page


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve: Callable[[str], str]) -> Page:
    """For tests that say which text they are about, and leave the model and the windows as they are."""
    open_stored_example(shared_page, serve(APP))
    return shared_page


def test_control_enter_runs_what_stands_in_the_text_area(shown: Page):
    run_text(shown, "one two three")
    expect(shown.get_by_text("On screen: one two three")).to_be_visible()
    expect_tokens(shown, "3")


def test_the_run_button_runs_the_text_too(shown: Page):
    text_area(shown).fill("four words are enough")
    shown.get_by_role("button", name="Run", exact=True).click()
    expect(shown.get_by_text("On screen: four words are enough")).to_be_visible()


def test_a_run_that_is_stopped_or_refused_leaves_the_former_result(panel: Page):
    note = panel.get_by_text("Run computes anew")
    expect(note).to_be_visible()
    stop = panel.get_by_role("button", name="Stop")
    expect(stop).to_be_disabled()
    run_text(panel, "slow text")
    expect(panel.get_by_role("progressbar", name="Progress of the run")).to_be_visible()
    expect(panel.locator("#panel-progress")).to_contain_text(re.compile(r"\d+% · \d+\.\d s"))
    stop.click()
    expect(panel.get_by_text("Stopped; what is on screen has not changed.")).to_be_visible()
    expect(panel.get_by_text("On screen: the stored example")).to_be_visible()
    expect(panel.get_by_role("progressbar")).to_have_count(0)
    expect(stop).to_be_disabled()
    run_text(panel, "   ")
    expect_problem(panel, "The text is empty")
    expect(panel.get_by_text("On screen: the stored example")).to_be_visible()
    run_text(panel, "better")
    expect(panel.get_by_text("On screen: better")).to_be_visible()
    expect(panel.get_by_role("alert")).to_have_count(0)
    # The note about the stored example goes with the first run.
    expect(note).to_have_count(0)


def test_a_second_run_does_not_wait_for_the_first(shown: Page):
    run_text(shown, "slow text")
    expect(shown.get_by_role("progressbar")).to_be_visible()
    run_text(shown, "quick text")
    expect(shown.get_by_text("On screen: quick text")).to_be_visible()


def test_an_example_fills_the_text_and_its_characters_are_counted(shown: Page):
    shown.get_by_label("Examples").select_option(label="The quick brown fox")
    expect(text_area(shown)).to_have_value("The quick brown fox jumps over the lazy dog.")
    expect(shown.get_by_text("44 characters")).to_be_visible()


def test_characters_are_counted_as_unicode_code_points(shown: Page):
    text_area(shown).fill("a👋é")
    expect(shown.get_by_text("3 characters")).to_be_visible()


def test_a_long_text_is_read_in_the_window_that_was_chosen(panel: Page):
    run_text(panel, "a b c d e f g h i j k l")
    expect_problem(panel, "The text has 12 tokens; the model takes 8.")
    expect(panel.get_by_text("The first 8 tokens")).to_be_visible()
    panel.get_by_label("Windows, one at a time").check()
    panel.get_by_label("Window number").fill("2")
    panel.get_by_label("Window number").press("Tab")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect(panel.get_by_text("On screen: i j k l")).to_be_visible()
    expect(panel.locator("#panel-notes")).to_contain_text("Window 2 of 2: 4 of 12 tokens")


def test_another_model_is_named_in_a_field_that_opens(panel: Page):
    name = panel.get_by_label("Name of the model")
    expect(name).to_be_hidden()
    panel.get_by_label("Model", exact=True).select_option(label="Another model …")
    name.fill("nobody/knows-it")
    name.press("Tab")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect_problem(panel, "There is no model 'nobody/knows-it'.")


def test_a_closed_browser_frees_the_model_for_the_next_in_the_queue(shown: Page, page: Page, url: str):
    open_stored_example(page, url)
    run_text(page, "slow and then gone")
    expect(page.get_by_role("progressbar")).to_be_visible()
    run_text(shown, "quick")
    expect(shown.get_by_text("Number 1 in the queue")).to_be_visible()
    page.close()
    expect(shown.get_by_text("On screen: quick")).to_be_visible()


def test_two_sessions_keep_their_own_results(shown: Page, page: Page, url: str):
    open_stored_example(page, url)
    run_text(shown, "mine")
    run_text(page, "yours")
    expect(shown.get_by_text("On screen: mine")).to_be_visible()
    expect(page.get_by_text("On screen: yours")).to_be_visible()
    expect(shown.get_by_text("On screen: mine")).to_be_visible()


def test_on_a_narrow_window_the_panel_is_a_drawer_that_closes_after_a_run(panel: Page):
    panel.set_viewport_size({"width": 390, "height": 844})
    panel.reload()
    expect(panel.get_by_text("On screen: the stored example")).to_be_visible()
    expect(text_area(panel)).to_be_hidden()
    panel.get_by_role("button", name="Model and text").click()
    expect(text_area(panel)).to_be_visible()
    run_text(panel, "from the drawer")
    expect(text_area(panel)).to_be_hidden()
    expect(panel.get_by_text("On screen: from the drawer")).to_be_visible()
    assert panel.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
