"""Run with `pytest tests/browser/test_backcopy.py`."""

import re

from playwright.sync_api import Page, expect

from tests.browser.panel_steps import open_stored_example


def test_the_toy_trains_in_front_of_the_reader_and_can_be_stopped(page: Page, base_url: str):
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Sinks").click()
    page.get_by_role("tab", name="Training").click()
    card = page.locator(".card", has=page.get_by_role("heading", name="Watch a sink being born"))
    expect(card).to_contain_text("press Train and see where it rests")
    card.get_by_role("button", name="Train").click()
    expect(card).to_contain_text(re.compile(r"softmax, after [1-9]\d* steps: \d+"))
    card.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Stopped.")
    page.get_by_label("Seed").fill("-3")
    expect(page.get_by_text("A seed is a whole number from 0 to 9,999; got -3.")).to_be_visible()
