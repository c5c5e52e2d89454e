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


def test_each_session_has_its_own_text_and_problem_and_outlives_a_browser_that_closes(
    first: Page, second: Page
):
    run_text(first, "")
    expect_problem(first, "empty")
    expect(second.get_by_role("alert")).to_have_count(0)
    run_text(first, "The cat sat on the mat.")
    run_text(second, "A completely different sentence about ships, and a longer one.")
    expect_tokens(first, "8")
    expect_tokens(second, "15")
    expect(first.get_by_label("Text", exact=True)).to_have_value("The cat sat on the mat.")
    expect(first.get_by_role("alert")).to_have_count(0)
    # A browser that closes in mid-run leaves the server well.
    run_text(second, "ship and sea " * 150)
    second.close()
    run_text(first, "The next one is served all the same.")
    expect_tokens(first, "10")
