"""Run with: pytest tests/browser/test_cache_policies.py"""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

APP = "tests/browser/apps/cache_app.py"
FULL = re.compile(r"^With 14 of 56 tokens in the cache the window alone has perplexity")


@pytest.fixture
def cards(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that stay with the run and the size of the cache, and put back what they choose."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(text(page, "policies-finding")).to_have_text(FULL)
    page.get_by_role("heading", name="Keys and values in few bits").scroll_into_view_if_needed()
    return page


def text(page: Page, name: str) -> Locator:
    return page.locator(f"#page-{name}")


def choose_run(page: Page, name: str) -> None:
    page.get_by_label("Run", exact=True).select_option(name)


def test_a_card_below_the_window_computes_nothing_until_it_is_seen(page: Page, serve):
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(serve(APP))
    expect(text(page, "policies-finding")).to_have_text(FULL)
    expect(text(page, "bits-finding")).to_have_text("")
    page.get_by_role("heading", name="Keys and values in few bits").scroll_into_view_if_needed()
    expect(text(page, "bits-finding")).to_contain_text("in 4 bits")


def test_the_finding_the_table_and_the_curves_are_of_one_study(shown):
    rows = text(shown, "policies-table").locator("tbody tr")
    expect(rows).to_have_count(12)
    expect(rows.first).to_contain_text("dense")
    expect(shown.locator("#page-policies-curves .legendtext")).to_have_count(8)
    expect(text(shown, "policies-passkey")).to_contain_text("4 keys of 6 random tokens were planted")
    expect(text(shown, "policies-coverage")).to_contain_text("of 12 heads keep more than")


def test_other_positions_and_other_tokens_that_count_need_no_new_run(shown):
    before = text(shown, "policies-finding").inner_text()
    shown.get_by_label("the original ones").check()
    expect(text(shown, "policies-finding")).to_contain_text("original positions")
    shown.get_by_label("Perplexity of", exact=True).select_option("all")
    expect(text(shown, "policies-finding")).to_contain_text("Over 55 tokens, the whole text.")
    shown.get_by_label("Perplexity of", exact=True).select_option("late")
    shown.get_by_label("counted in the cache").check()
    expect(text(shown, "policies-finding")).to_have_text(before)


def test_another_size_waits_for_the_button_and_a_size_that_drops_nothing_says_so(cards):
    size = cards.get_by_label("Tokens in the cache (empty: a quarter)")
    size.fill("20")
    size.press("Tab")
    expect(text(cards, "policies-hint")).to_have_text("The inputs have changed since; Run answers them.")
    expect(text(cards, "policies-finding")).to_have_text(FULL)
    cards.get_by_role("button", name="Run the policies").click()
    expect(text(cards, "policies-finding")).to_contain_text("With 20 of 56 tokens in the cache")
    expect(text(cards, "policies-hint")).to_have_text("")
    size.fill("60")
    size.press("Tab")
    cards.get_by_role("button", name="Run the policies").click()
    expect(text(cards, "policies-finding")).to_have_text(
        "The text has 56 tokens, so that a cache of 60 never has to drop one. "
        "Choose a smaller cache or a longer text."
    )
    expect(text(cards, "policies-table")).not_to_be_visible()


def test_learned_positions_offer_the_masked_variant_alone_and_others_get_a_sentence(cards):
    choose_run(cards, "learned")
    expect(text(cards, "policies-notes")).to_contain_text("In-cache positions: not possible")
    expect(text(cards, "policies-notes")).to_contain_text("the dropped keys are masked")
    expect(cards.get_by_label("counted in the cache")).to_have_count(0)
    expect(cards.get_by_label("the original ones (no others in this model)")).to_be_checked()
    cards.set_viewport_size({"width": 390, "height": 844})
    expect(text(cards, "policies-table").locator("tbody tr").first).to_be_visible()
    cards.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
    choose_run(cards, "short")
    expect(text(cards, "policies-finding")).to_contain_text("Choose a smaller cache or a longer text.")
    choose_run(cards, "encoder")
    expect(text(cards, "policies-finding")).to_contain_text("belongs to causal decoders")
    expect(text(cards, "bits-finding")).to_contain_text("With keys and values in 4 bits")
    choose_run(cards, "eager")
    expect(text(cards, "policies-finding")).to_contain_text("can be shown but not edited")
    expect(text(cards, "bits-finding")).to_contain_text("can be shown but not edited")
    expect(text(cards, "bits-losses")).not_to_be_visible()


def test_few_bits_have_losses_ranges_and_errors(shown):
    expect(text(shown, "bits-losses").locator("tbody tr")).to_have_count(10)
    expect(text(shown, "bits-errors").locator("tbody tr")).to_have_count(12)
    expect(text(shown, "bits-ranges")).to_contain_text("fit fp16")
    shown.get_by_label("Range in layer").select_option("1")
    expect(shown.locator("#page-bits-tokens .ytitle")).to_have_text("largest number, layer 1")
    shown.get_by_label("In full precision").select_option("four")
    shown.get_by_label("One scale for").select_option("head")
    shown.get_by_role("button", name="Run the rounding").click()
    expect(text(shown, "bits-finding")).to_have_text(
        re.compile(r"^With keys and values in 4 bits, one scale for each head, .+ the first 4 tokens in full")
    )


def test_downloads_hold_the_losses_and_the_study(shown):
    with shown.expect_download() as started:
        shown.get_by_label("Download the losses as CSV").first.click()
    rows = list(csv.DictReader(Path(started.value.path()).read_text("utf-8").splitlines()))
    assert len(rows) == 55 * 12
    with shown.expect_download() as started:
        shown.get_by_label("Download the study as JSON").click()
    facts = json.loads(Path(started.value.path()).read_text("utf-8"))
    assert facts["cache_size"] == 14


def test_the_settings_are_copied(shown):
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    settings = shown.locator(".sl-copy pre")
    expect(settings).to_contain_text("llama-server -m MODEL.gguf -c 14")
    shown.get_by_role("button", name="Copy the settings").click()
    expect(shown.get_by_role("button", name="Copy the settings")).to_have_text("Copied")
    assert shown.evaluate("navigator.clipboard.readText()") == settings.inner_text()
    shown.context.clear_permissions()
