"""Run with `pytest tests/browser/test_reproduce.py`."""

import re

from playwright.sync_api import Page, expect

from tests.browser.panel_steps import open_stored_example


def _open(page: Page, base_url: str) -> None:
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Reproduce").click()


def test_identities_run_when_the_page_is_opened_and_all_come_out(page: Page, base_url: str):
    _open(page, base_url)
    expect(
        page.get_by_text(re.compile(r"16 came out as expected, \d+ not run yet, of \d+ numbers"))
    ).to_be_visible()
    row = page.get_by_role("row", name=re.compile("A cache as long as the text changes nothing"))
    expect(row).to_contain_text("✓ pass")
    expect(page.get_by_text("✗ fail")).to_have_count(0)


def test_a_published_number_without_its_model_needs_weights_and_never_passes(page: Page, base_url: str):
    _open(page, base_url)
    page.get_by_label("GPT-2 small: hub id or folder").fill("./no-such-folder")
    run = page.get_by_role("button", name=re.compile("Run: “The quick brown fox.*mean attention"))
    run.click()
    row = page.get_by_role("row", name=re.compile("quick brown fox.*mean attention"))
    expect(row).to_contain_text("○ needs weights")
    expect(row).to_contain_text("no-such-folder")


def test_a_number_measured_on_another_model_is_shown_as_failed(page: Page, base_url: str):
    _open(page, base_url)
    page.get_by_label("GPT-2 small: hub id or folder").fill("demo-llama")
    page.get_by_role("button", name=re.compile("Run: “The quick brown fox.*mean attention")).click()
    row = page.get_by_role("row", name=re.compile("quick brown fox.*mean attention"))
    expect(row).to_contain_text("✗ fail")
    expect(row).to_contain_text("69.3752 %")
