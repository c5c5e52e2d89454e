"""What a person does with the left panel, for browser tests."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

PATIENCE_S = 120
LOOK_AGAIN_MS = 50


def text_area(page: Page) -> Locator:
    return page.get_by_label("Text", exact=True)


def run_text(page: Page, text: str) -> None:
    """Type a text and run it from the keyboard."""
    text_area(page).fill(text)
    text_area(page).press("Control+Enter")


def expect_tokens(page: Page, n_tokens: str) -> None:
    """Wait until the panel says that a run of this many tokens is on screen."""
    expect(page.locator("#panel-notes")).to_contain_text(re.compile(rf"\b{n_tokens} tokens · [\d,]+ ms"))


def expect_run_of(page: Page, text: str) -> None:
    """Wait until the address, which follows what is on screen, says that this text was run."""
    page.wait_for_function(
        "text => new URLSearchParams(location.hash.slice(1)).get('text') === text.toWellFormed()", arg=text
    )
    expect_tokens(page, r"\d+")


def expect_problem(page: Page, words: str) -> None:
    """Wait for the one alert of the page."""
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("alert")).to_have_count(1)


def open_stored_example(page: Page, url: str) -> None:
    """Open the page and wait until its stored example is on screen."""
    page.goto(url)
    expect(page.get_by_text("Stored example.")).to_be_visible()


def slide(page: Page, input_id: str, value: float) -> None:
    """Move a slider, and wait until the server is told: Shiny holds a moving one back.

    The change is announced here, as Shiny's own `setValue` does: a slider that is not laid out yet keeps it.
    """
    wanted = [input_id, value]
    page.evaluate(
        """([id, value]) => {
            const slider = $(document.getElementById(id));
            slider.data("ionRangeSlider").update({ from: value });
            slider.trigger("change");
        }""",
        wanted,
    )
    page.wait_for_function("([id, value]) => Shiny.shinyapp.$inputValues[id] === value", arg=wanted)


def until(page: Page, look: Callable[[], bool]) -> None:
    """Look again and again until it is so; for what `expect` has no words for."""
    end = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < end, f"Not so within {PATIENCE_S} s."
        page.wait_for_timeout(LOOK_AGAIN_MS)


def expect_settled(page: Page) -> None:
    """Wait until every output that the server shows has come, and none is being computed again."""
    expect(page.locator(".sl-opening:visible")).to_have_count(0)
    page.wait_for_function(
        """() => {
            const { $inputValues: told, $values: values, $errors: errors } = Shiny.shinyapp;
            const isThere = ({ id }) => told[id] === "opened";
            const isDone = ({ id, classList }) => {
                const isHidden = told[`.clientdata_output_${id}_hidden`];
                const isKnown = (id in values || id in errors) && !classList.contains("recalculating");
                return isHidden === true || (isHidden === false && isKnown);
            };
            return [...document.querySelectorAll("[data-sl-opened]")].every(isThere)
                && [...document.querySelectorAll(".shiny-bound-output")].every(isDone);
        }"""
    )
