"""Takes the pictures of the documentation from the real app.

`python -m tests.browser.screenshots [name ...]`
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.app_process import REPOSITORY, AppProcess
from tests.browser.conftest import CHROMIUM_ARGS, PATIENCE_MS, chromium
from tests.browser.panel_steps import open_stored_example

FOLDER = REPOSITORY / "static" / "screenshots"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PICTURES = (
    ("overview", "Overview", WIDE, "light"),
    ("heads", "Heads", WIDE, "light"),
    ("flow", "Flow", WIDE, "light"),
    ("sinks", "Sinks", WIDE, "light"),
    ("geometry", "Geometry", WIDE, "light"),
    ("intervene", "Intervene", WIDE, "light"),
    ("compare", "Compare", WIDE, "light"),
    ("bias", "Bias", WIDE, "light"),
    ("studies", "Studies", WIDE, "light"),
    ("deep-dive", "Deep dive", WIDE, "light"),
    ("reproduce", "Reproduce", WIDE, "light"),
    ("learn", "Learn", WIDE, "light"),
    ("heads-dark", "Heads", WIDE, "dark"),
    ("overview-narrow", "Overview", NARROW, "light"),
)
SETTLE_MS = 6_000
"""Widgets draw after the page says that it is ready, and nothing tells when the last one has."""
N_COLOURS = 128
MAX_BYTES = 3_000_000
"""Of all pictures together: they travel with every clone."""


def take(page: Page, name: str, title: str) -> None:
    """One picture of one page."""
    tour = page.get_by_role("button", name="No, thanks")
    if tour.is_visible():
        tour.click()
    page.get_by_role("tab", name=title, exact=True).click()
    expect(page.locator(".tab-pane.active .sl-opening:visible")).to_have_count(0)
    expect(page.locator(".tab-pane.active .recalculating:visible")).to_have_count(0)
    page.wait_for_timeout(SETTLE_MS)
    expect(page.locator(".tab-pane.active .recalculating:visible")).to_have_count(0)
    FOLDER.joinpath(f"{name}.png").write_bytes(reduced(page.screenshot()))


def reduced(png: bytes) -> bytes:
    """The same picture in few colours, which a page of text and charts does not miss."""
    with Image.open(io.BytesIO(png)) as picture:
        small = picture.convert("RGB").quantize(N_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return min(out.getvalue(), png, key=len)


def main() -> None:
    """Take all pictures, or those that are named."""
    wanted = set(sys.argv[1:]) or {name for name, *_ in PICTURES}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        log = Path(folder) / "log.txt"
        places = {
            "SINKLENS_CACHE_DIR": str(Path(folder) / "cache"),
            "SINKLENS_STUDIES_DIR": str(Path(folder) / "studies"),
        }
        app = AppProcess(REPOSITORY / "app.py", log, places)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for name, title, size, theme in PICTURES:
            if name not in wanted:
                continue
            page = browser.new_page(viewport=size, color_scheme=theme)
            page.set_default_timeout(PATIENCE_MS)
            open_stored_example(page, app.url)
            take(page, name, title)
            page.close()
        browser.close()
        app.stop()
    n_bytes = sum(file.stat().st_size for file in FOLDER.glob("*.png"))
    print(f"{len(wanted)} pictures taken; all of {FOLDER} together have {n_bytes:,} bytes.")
    if n_bytes > MAX_BYTES:
        sys.exit(f"At most {MAX_BYTES:,} bytes of pictures should be in the repository.")


if __name__ == "__main__":
    main()
