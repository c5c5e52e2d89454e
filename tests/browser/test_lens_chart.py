"""Run with: pytest tests/browser/test_lens_chart.py"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel_steps import until
from tests.browser.test_deep_dive import APP, lens

PLACES = """chart => {
    const box = (node) => node.getBoundingClientRect();
    const legend = box(chart.querySelector(".legend")), frame = box(chart);
    const names = [...chart.querySelectorAll(".legendtext")].map((node) => node.textContent);
    return {
        gap: frame.top + chart._fullLayout.yaxis._offset - legend.bottom,
        left: legend.left - frame.left, right: frame.right - legend.right, top: legend.top - frame.top,
        plot: chart._fullLayout.yaxis._length, width: frame.width, names,
        drawn: chart._fullLayout.width, window: innerWidth,
    };
}"""


@pytest.fixture(scope="module")
def dive(shared_page: Page, serve) -> Page:
    """For all tests: none minds what another leaves behind."""
    page = shared_page
    page.goto(serve(APP))
    expect(lens(page)).to_have_attribute("data-columns", "13")
    return page


def chart(page: Page):
    return page.locator("#page-lens-layers .sl-chart")


def test_divergence_entropy_and_rank_stand_below_their_legend_in_every_window(dive):
    expect(chart(dive)).to_have_attribute("aria-label", re.compile(r"^KL to the end, entropy and rank"))
    expect(chart(dive).locator(".legendtext")).to_have_count(4)
    names = chart(dive).evaluate(PLACES)["names"]
    assert names[:3] == ["KL, mean of positions", "KL at away (12)", "entropy there"]
    assert names[3].startswith("rank of “")
    for width in (1280, 390, 700, 1280, 390):
        dive.set_viewport_size({"width": width, "height": 900})
        until(dive, lambda width=width: stands_well(chart(dive).evaluate(PLACES), width))


def stands_well(places: dict, width: int) -> bool:
    """Is the chart drawn for a window of this width, its legend inside the frame and above the lines?"""
    is_drawn_anew = places["window"] == width and abs(places["drawn"] - places["width"]) <= 1
    is_inside = places["width"] < width and min(places["left"], places["right"], places["top"]) >= -1
    return is_drawn_anew and is_inside and places["gap"] >= -1 and places["plot"] > 60


def test_the_grid_can_be_coloured_by_entropy(dive):
    dive.get_by_label("Colour", exact=True).first.select_option("entropy")
    expect(dive.locator("#page-lens-grid .cells-end").last).not_to_have_text("1")
