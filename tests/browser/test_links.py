"""Links, earlier runs and files: what a person keeps, sends on and opens again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserType, Page, expect

from sinklens.export import saved
from tests.analysis.profiles import random_maps
from tests.browser.app_process import REPOSITORY, AppProcess
from tests.browser.conftest import be_patient
from tests.browser.panel_steps import expect_problem, expect_tokens, open_stored_example, run_text, text_area

TEXT = "The cat sat on the mat & left."


@pytest.fixture(scope="module")
def attention(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("files") / "attention.npz"
    np.savez(path, attention=random_maps(2, 3, 5, is_causal=True), tokens=np.array(list("abcde")))
    return path


@pytest.fixture
def other_browser(browser_type: BrowserType, browser_type_launch_args: dict) -> Iterator[Browser]:
    browser = browser_type.launch(**browser_type_launch_args)
    yield browser
    browser.close()


def expect_link(page: Page, *parts: str) -> None:
    """Wait until the address has all of these in it, in any order."""
    expect(page).to_have_url(re.compile("".join(f"(?=.*[#&]{re.escape(part)}(&|$))" for part in parts)))


def test_a_link_brings_back_run_page_head_and_switches_and_so_does_going_back(
    page: Page, other_browser: Browser, base_url: str
):
    open_stored_example(page, "/")
    expect_link(page, "page=overview", "model=demo-gpt2", "example=ordinary")
    page.get_by_role("tab", name="Heads", exact=True).click()
    expect(page.locator("#heads-chosen-picture .cells-front")).to_have_attribute("data-rows", re.compile("."))
    page.get_by_label("Metric", exact=True).select_option("focus")
    page.locator("#heads-chosen-layer").select_option("2")
    expect_link(page, "page=heads", "layer=2", "metric=focus")
    run_text(page, TEXT)
    expect_tokens(page, r"\d+")
    expect_link(page, "page=heads", "text=The+cat+sat+on+the+mat+%26+left.", "layer=2", "metric=focus")
    link = page.url

    page.go_back()
    expect(page.locator("#panel-notes")).to_contain_text("stored run")
    expect_link(page, "page=heads", "example=ordinary", "layer=2", "metric=focus")
    page.go_back()
    expect(page.get_by_role("tab", name="Overview", exact=True)).to_have_attribute("aria-selected", "true")
    page.get_by_text("Earlier runs").click()
    page.get_by_role("button", name=re.compile("the mat & left")).click()
    expect_tokens(page, r"\d+")
    expect(text_area(page)).to_have_value(TEXT)
    expect(page.get_by_role("tab", name="Heads", exact=True)).to_have_attribute("aria-selected", "true")

    fresh = other_browser.new_page(base_url=base_url)
    be_patient(fresh)
    fresh.goto(link)
    expect(fresh.locator("#heads-chosen-title")).to_contain_text(re.compile(r"Head 2\.\d+"))
    expect(fresh.get_by_label("Metric", exact=True)).to_have_value("focus")
    expect(text_area(fresh)).to_have_value(TEXT)
    fresh.evaluate("location.hash = '#model=demo-gpt2&example=ordinary&layer=99&head=0&metric=best'")
    said = fresh.locator("#link_note")
    expect(said).to_contain_text("The link says metric=best, layer=99, head=0, which is not known here")
    expect(fresh.locator("#panel-notes")).to_contain_text("stored run")


def test_files_are_opened_on_every_page_that_can_show_them_and_saved(
    page: Page, attention: Path, tmp_path: Path
):
    open_stored_example(page, "/")
    page.get_by_label("Open a file").set_input_files(attention)
    note = page.locator("#example_note")
    expect(note).to_contain_text("Attention from attention.npz. 2 layers × 3 heads over 5 tokens")
    expect(page.locator("#overview-strip .sl-strip-text .sl-token")).to_have_count(5)
    expect_link(page, "file=attention.npz")
    page.get_by_role("tab", name="Geometry", exact=True).click()
    expect(page.get_by_text("holds attention alone, and this page runs the model itself")).to_be_visible()
    page.get_by_role("tab", name="Heads", exact=True).click()
    expect(page.locator("#heads-chosen-picture .cells-front")).to_have_attribute("data-rows", "5")
    expect(page.get_by_text("The vectors of this run were not kept.")).to_be_visible()

    (tmp_path / "evil.npz").write_bytes(b"\x80\x04\x95 pickle")
    page.get_by_label("Open a file").set_input_files(tmp_path / "evil.npz")
    expect_problem(page, "'evil.npz' is a pickle")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save analysis").click()
    download.value.save_as(tmp_path / "kept.sinklens")
    assert saved.load(tmp_path / "kept.sinklens").view["page"] == "heads"
    page.get_by_label("Open a file").set_input_files(tmp_path / "kept.sinklens")
    expect(note).to_contain_text("Saved analysis kept.sinklens.")

    page.get_by_role("tab", name="Compare", exact=True).click()
    page.get_by_label("A (none: what is on screen)").set_input_files(attention)
    page.get_by_label("B", exact=True).set_input_files(tmp_path / "kept.sinklens")
    expect(page.locator("#compare-files-finding")).to_contain_text("all numbers are equal")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_after_the_server_was_killed_the_page_comes_back_with_what_its_link_says(
    other_browser: Browser, tmp_path: Path
):
    env = {"SINKLENS_CACHE_DIR": str(tmp_path / "cache")}
    app_file = REPOSITORY / "tests/browser/apps/panel_app.py"
    server = AppProcess(app_file, tmp_path / "log.txt", env)
    page = other_browser.new_page()
    be_patient(page)
    open_stored_example(page, server.url)
    run_text(page, "three words remain")
    expect_link(page, "text=three+words+remain")
    server.kill()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    server = AppProcess(app_file, tmp_path / "second.txt", env, port=server.port)
    expect(page.get_by_text("On screen: three words remain")).to_be_visible()
    expect(page.get_by_text("The server does not answer.")).to_be_hidden()
    expect(text_area(page)).to_have_value("three words remain")
    page.close()
    server.stop()
