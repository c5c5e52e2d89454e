"""Run with: pytest tests/browser/test_downloads.py"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import open_stored_example
from tests.browser.test_heads import APP, picture, place

APP_FILE = Path(__file__).resolve().parents[2] / "app.py"


def colour_of(page: Page, row: int, column: int) -> str:
    """The colour of a cell on the screen, "#rrggbb"."""
    at = place(picture(page), row, column)
    canvas = page.locator("#page-chosen-picture .cells-picture")
    rgb = canvas.evaluate(
        """(canvas, {x, y}) => {
          const ratio = canvas.width / canvas.clientWidth;
          return [...canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data.slice(0, 3)];
        }""",
        at,
    )
    return "#" + bytes(rgb).hex()


def file_of(page: Page, button: Locator, into: Path) -> bytes:
    with page.expect_download() as download:
        button.click()
    download.value.save_as(into / download.value.suggested_filename)
    return (into / download.value.suggested_filename).read_bytes()


@pytest.fixture
def heads(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(picture(page)).to_have_attribute("data-rows", "13")
    return page


def test_a_picture_leaves_in_the_colours_of_the_screen_by_keyboard(heads: Page, tmp_path):
    card = heads.locator(".card", has=picture(heads))
    button = card.get_by_role("button", name="Download the figure")
    expect(button).to_have_count(1)
    button.focus()
    heads.keyboard.press("Enter")
    sheet = card.get_by_role("dialog", name="Download the figure")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Width").fill("90")
    svg = file_of(heads, sheet.get_by_role("button", name="SVG"), tmp_path).decode()
    seen = {colour_of(heads, row, column) for row, column in [(12, 0), (12, 5), (6, 2), (0, 0)]}
    assert seen <= set(re.findall(r"fill: (#[0-9a-f]{6})", svg))
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) == pytest.approx(90 / 25.4 * 72, abs=0.01)
    expect(sheet.get_by_role("status")).to_contain_text(re.compile(r"Saved as sinklens-.*\.svg"))
    assert file_of(heads, sheet.get_by_role("button", name="PDF"), tmp_path).startswith(b"%PDF-")
    sheet.get_by_label("Width").fill("5")
    sheet.get_by_role("button", name="PNG").click()
    expect(sheet.get_by_role("status")).to_contain_text("The width of a figure is 30 to 1000 mm; got 5 mm.")
    heads.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_report_of_the_run_on_screen_is_one_page_that_needs_nothing_else(page: Page, serve, tmp_path):
    open_stored_example(page, serve(APP_FILE))
    page.locator("summary", has_text="Report and citation").click()
    button = page.get_by_label("Download the report as HTML")
    html = file_of(page, button, tmp_path).decode()
    assert html.startswith("<!doctype html>")
    assert "The old lighthouse" in html
    assert html.count("data:image/svg+xml;base64,") == 3
    expect(page.locator(".sl-copy pre", has_text="@software{sinklens")).to_be_visible()
