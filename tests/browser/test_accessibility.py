"""What axe-core finds, what the keyboard reaches, in both themes and at both widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel_steps import expect_settled, open_stored_example, text_area

AXE = Path(__file__).resolve().parent / "vendor" / "axe.min.js"
GRAVE = ("serious", "critical")
PAGES = (
    "Overview", "Heads", "Flow", "Sinks", "Geometry", "Intervene", "Compare", "Bias", "Studies", "Deep dive",
    "Reproduce", "Learn",
)  # fmt: skip

LIBRARY_CAUSED = {
    "aria-allowed-attr": (
        "shiny-data-grid",
        "The DataGrid marks its table, not a grid, as multi-selectable.",
    ),
    "label": ("shiny-data-grid", "The filter fields of Shiny's DataGrid carry no label."),
    "scrollable-region-focusable": ("shiny-data-grid", "The DataGrid scrolls with its own focus handling."),
}
"""Violations that are not ours: rule -> (what the element's markup or ancestor contains, why)."""

FIND = """async () => {
    // Pages that are not open take axe as long as the one that is, and show nothing.
    const closed = [...document.querySelectorAll(".tab-content > .tab-pane:not(.active)")];
    const places = closed.map(() => document.createComment("closed"));
    closed.forEach((pane, i) => pane.replaceWith(places[i]));
    const found = await axe.run(document, {resultTypes: ["violations"]});
    closed.forEach((pane, i) => places[i].replaceWith(pane));
    return found.violations.flatMap((violation) => violation.nodes.map((node) => ({
        rule: violation.id,
        impact: violation.impact,
        html: node.html.slice(0, 160),
        why: node.failureSummary,
        ancestors: closest(node.target),
    })));
    function closest(target) {
        const element = document.querySelector([].concat(target[0]).at(-1));
        const grid = element && element.closest("shiny-data-frame");
        return grid ? "shiny-data-grid" : "";
    }
}"""


@pytest.fixture
def first_page(page: Page) -> Page:
    open_stored_example(page, "/")
    return page


@pytest.fixture(scope="module")
def shown(shared_page: Page, base_url: str) -> Page:
    """For tests that say which page they are about."""
    open_stored_example(shared_page, base_url)
    return shared_page


def grave_violations(page: Page) -> list[dict]:
    """Serious and critical findings of axe-core that are not known to come from a library."""
    page.evaluate(AXE.read_text("utf-8"))
    return [
        found for found in page.evaluate(FIND) if found["impact"] in GRAVE and not _is_library_caused(found)
    ]


def _is_library_caused(found: dict) -> bool:
    where, _ = LIBRARY_CAUSED.get(found["rule"], (None, ""))
    return where is not None and where in found["ancestors"]


@pytest.mark.parametrize("title", PAGES)
def test_axe_finds_nothing_serious_in_either_theme(shown: Page, title: str):
    shown.get_by_role("tab", name=title, exact=True).click()
    expect(shown.locator(".tab-pane.active h2, .tab-pane.active h3").first).to_be_attached()
    for theme in ("light", "dark"):
        shown.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(shown.locator("html")).to_have_attribute("data-bs-theme", theme)
        expect_settled(shown)
        assert grave_violations(shown) == []


def test_axe_finds_nothing_serious_in_the_drawer_of_a_narrow_window(first_page: Page):
    first_page.set_viewport_size({"width": 390, "height": 844})
    first_page.reload()
    first_page.get_by_role("button", name="Model and text").click()
    expect(text_area(first_page)).to_be_visible()
    assert grave_violations(first_page) == []


def test_the_page_has_a_language_a_title_one_main_and_one_first_heading(shown: Page):
    expect(shown.locator("html")).to_have_attribute("lang", "en")
    expect(shown).to_have_title("SinkLens")
    expect(shown.get_by_role("main")).to_have_count(1)
    expect(shown.get_by_role("heading", level=1)).to_have_count(1)


def test_the_first_stop_of_the_keyboard_skips_to_the_results_and_what_has_the_focus_is_outlined(
    first_page: Page,
):
    first_page.keyboard.press("Tab")
    skip = first_page.get_by_role("link", name="Skip to the results")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    first_page.keyboard.press("Tab")
    expect(skip).not_to_be_focused()
    expect(first_page.locator(":focus")).to_have_css("outline-style", "solid")
    first_page.keyboard.press("Shift+Tab")
    expect(skip).to_be_focused()
    first_page.keyboard.press("Enter")
    expect(first_page.get_by_role("heading", level=1)).to_be_focused()
    # The theme changes with a labelled button.
    root = first_page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", re.compile("light|dark"))
    before = root.get_attribute("data-bs-theme")
    first_page.get_by_role("button", name="Switch from").click()
    expect(root).not_to_have_attribute("data-bs-theme", before)


def test_arrow_keys_move_between_the_pages(shown: Page):
    shown.get_by_role("tab", name="Overview").focus()
    shown.keyboard.press("ArrowRight")
    expect(shown.get_by_role("tab", name="Heads")).to_be_focused()
    expect(shown.get_by_role("tab", name="Heads")).to_have_attribute("aria-selected", "true")


def test_the_panel_is_reached_in_reading_order(shown: Page):
    panel = shown.locator("#sidebar")
    panel.get_by_label("Model", exact=True).focus()
    for name in ("Text", "Examples", "Start token (BOS or [CLS])", "Other special tokens"):
        shown.keyboard.press("Tab")
        expect(panel.get_by_label(name, exact=True)).to_be_focused()
    shown.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Run", exact=True)).to_be_focused()
