"""Takes the pictures of the documentation from the real app: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.app_process import REPOSITORY, AppProcess
from tests.browser.conftest import CHROMIUM_ARGS, chromium
from tests.browser.panel_steps import open_stored_example

FOLDER = REPOSITORY / "static" / "screenshots"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PICTURES = (
    ("overview", "Overview", WIDE, "light"),
    ("heads", "Heads", WIDE, "light"),
    ("flow", "Flow", WIDE, "light"),
    ("sinks", "Sinks", WIDE, "light"),
    ("deep-dive", "Deep dive", WIDE, "light"),
    ("heads-dark", "Heads", WIDE, "dark"),
    ("overview-narrow", "Overview", NARROW, "light"),
)
SETTLE_MS = 4_000
"""Widgets draw after the page says that it is ready, and nothing tells when the last one has."""


def take(page: Page, name: str, title: str) -> None:
    """One picture of one page."""
    page.get_by_role("tab", name=title).click()
    expect(page.locator(".tab-pane.active .recalculating:visible")).to_have_count(0)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        log = Path(folder) / "log.txt"
        app = AppProcess(REPOSITORY / "app.py", log, {"SINKLENS_CACHE_DIR": str(Path(folder) / "cache")})
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for name, title, size, theme in PICTURES:
            page = browser.new_page(viewport=size, color_scheme=theme)
            open_stored_example(page, app.url)
            take(page, name, title)
            page.close()
        browser.close()
        app.stop()


if __name__ == "__main__":
    main()
