"""Run with `pytest tests/browser/test_reproduce.py`."""

import re

from playwright.sync_api import Page, expect

from tests.browser.panel_steps import open_stored_example


def test_identities_run_at_once_and_published_numbers_never_pass_without_their_model(
    page: Page, base_url: str
):
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Reproduce").click()
    expect(
        page.get_by_text(re.compile(r"16 came out as expected, \d+ not run yet, of \d+ numbers"))
    ).to_be_visible()
    row = page.get_by_role("row", name=re.compile("A cache as long as the text changes nothing"))
    expect(row).to_contain_text("✓ pass")
    expect(page.get_by_text("✗ fail")).to_have_count(0)
    model = page.get_by_label("GPT-2 small: hub id or folder")
    run = page.get_by_role("button", name=re.compile("Run: “The quick brown fox.*mean attention"))
    row = page.get_by_role("row", name=re.compile("quick brown fox.*mean attention"))
    model.fill("./no-such-folder")
    model.press("Tab")
    run.click()
    expect(row).to_contain_text("○ needs weights")
    expect(row).to_contain_text("no-such-folder")
    # A number measured on another model is shown as failed.
    model.fill("demo-llama")
    model.press("Tab")
    run.click()
    expect(row).to_contain_text("✗ fail")
    expect(row).to_contain_text("69.3752 %")
