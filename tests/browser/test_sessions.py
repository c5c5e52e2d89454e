"""Two people on one server and one model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.panel_steps import expect_problem, expect_tokens, open_stored_example, run_text


@pytest.fixture
def first(page: Page) -> Page:
    open_stored_example(page, "/")
    return page


@pytest.fixture
def second(context: BrowserContext, base_url: str) -> Iterator[Page]:
    page = context.new_page()
    open_stored_example(page, "/")
    yield page
    page.close()


def test_each_session_sees_the_text_it_asked_for(first: Page, second: Page):
    run_text(first, "The cat sat on the mat.")
    run_text(second, "A completely different sentence about ships, and a longer one.")
    expect_tokens(first, r"\d+")
    expect_tokens(second, r"\d+")
    assert first.locator("#panel-notes").inner_text() != second.locator("#panel-notes").inner_text()
    expect(first.get_by_label("Text", exact=True)).to_have_value("The cat sat on the mat.")


def test_a_problem_of_one_session_is_not_told_to_the_other(first: Page, second: Page):
    run_text(first, "")
    expect_problem(first, "empty")
    expect(second.get_by_role("alert")).to_have_count(0)
    run_text(second, "The other session goes on.")
    expect_tokens(second, r"\d+")


def test_a_browser_that_closes_in_mid_run_leaves_the_server_well(first: Page, second: Page):
    run_text(second, "ship and sea " * 150)
    second.close()
    run_text(first, "The next one is served.")
    expect_tokens(first, r"\d+")
