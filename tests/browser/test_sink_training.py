"""The training tab of the Sinks page. Run with: pytest tests/browser/test_sink_training.py"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

APP = "tests/browser/apps/sink_runs_app.py"


@pytest.fixture
def training(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that only read."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    page.get_by_role("tab", name="Training").click()
    expect(findings(page)).to_have_count(4)
    return page


def findings(page: Page) -> Locator:
    return page.locator("#page-training-findings p")


def chart(page: Page, name: str) -> Locator:
    return page.locator(f"#page-training-{name} .sl-chart")


def test_each_model_says_when_its_sink_was_born(shown):
    expect(findings(shown)).to_have_text(
        [
            re.compile(r"^demo-bert: no sink to speak of"),
            re.compile(
                r"^demo-gpt2: the sink rate ends at \d+ % and first passes half of that at step [\d,]+,"
            ),
            re.compile(r"^demo-gpt2-off-by-one: no sink to speak of; the sink rate ends at"),
            re.compile(r"^demo-llama: the sink rate ends at \d+ % .* after [\d.]+ M tokens\.$"),
        ]
    )


def test_every_curve_is_drawn_and_says_what_it_shows(shown):
    for name in ("loss", "sink_rate", "strongest_head", "first_norm", "value_drain"):
        expect(chart(shown, name)).to_have_attribute(
            "aria-label",
            re.compile(r" by tokens seen, for demo-bert, demo-gpt2, demo-gpt2-off-by-one, demo-llama\.$"),
        )
        expect(chart(shown, name).locator("svg").first).to_be_visible()


def test_models_and_kinds_of_tokens_are_chosen_and_those_left_out_leave_the_curves(training):
    expect(chart(training, "layers")).to_have_attribute(
        "aria-label", re.compile("first token .* in demo-gpt2")
    )
    training.get_by_label("Of", exact=True).select_option("demo-bert/punctuation")
    expect(chart(training, "layers")).to_have_attribute(
        "aria-label", re.compile("punctuation .* in demo-bert")
    )
    training.get_by_label("demo-bert", exact=True).uncheck()
    expect(findings(training)).to_have_count(3)
    expect(chart(training, "sink_rate")).to_have_attribute(
        "aria-label", "Sink rate by tokens seen, for demo-gpt2, demo-gpt2-off-by-one, demo-llama."
    )
    for name in ("demo-gpt2", "demo-gpt2-off-by-one", "demo-llama"):
        training.get_by_label(name, exact=True).uncheck()
    expect(findings(training)).to_have_text(["Choose a model to see its curves."])
    training.set_viewport_size({"width": 390, "height": 800})
    training.wait_for_function("document.documentElement.scrollWidth <= 390")
