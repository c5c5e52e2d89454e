"""Run with: pytest tests/browser/test_compare.py"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import open_stored_example

APP = "tests/browser/apps/compare_app.py"


@pytest.fixture
def compare(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that ask for no other comparison."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    """The stored example beside demo-bert, which the page compares when it is opened."""
    open_stored_example(page, serve(APP))
    expect(part(page, "numbers-finding")).to_contain_text("A (demo-gpt2) gives")
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#compare-{name}")


def test_two_models_with_other_tokens_stand_beside_each_other_at_once(shown):
    expect(part(shown, "numbers-finding")).to_have_text(
        re.compile(
            r"^A \(demo-gpt2\) gives \d+\s% of its attention to “<\|bos\|>” .+; B \(demo-bert\) gives .+ to "
            r"“\[CLS\]” .+ On A only: “<\|bos\|> / \[CLS\]” .+ Of the 72 heads of A: \d+ matched, \d+ changed"
        )
    )
    expect(part(shown, "alignment-table").locator("tbody tr")).to_have_count(42)
    expect(part(shown, "alignment-table")).to_contain_text("##house")
    expect(part(shown, "maps-difference").locator(".cells-front")).to_have_attribute("data-rows", "42")
    for side, n_tokens in (("a", "47"), ("b", "44")):
        front = part(shown, f"maps-{side}-picture").locator(".cells-front")
        expect(front).to_have_attribute("data-rows", n_tokens)
    expect(part(shown, "predictions-finding")).to_contain_text("Not applicable: side A (demo-gpt2)")
    expect(part(shown, "heads-grid").locator(".cells-front")).to_have_attribute("data-columns", "12")
    # One selection: a head of A brings its partner, and a token of A the tokens that it meets.
    shown.get_by_role("button", name="Show head 0.0").click()
    expect(part(shown, "maps-matched")).to_have_text("Head 0.0 of A beside 1.1 of B: matched, r = 0.98.")
    expect(part(shown, "maps-title")).to_have_text("A − B: head 0.0 of A less head 1.1 of B")
    part(shown, "maps-b-layer").select_option("0")
    expect(part(shown, "maps-matched")).to_contain_text(re.compile(r"of A beside 0\.1 of B"))
    shown.get_by_text("Lock layer, head and token together").click()
    part(shown, "maps-a-layer").select_option("5")
    expect(part(shown, "maps-matched")).to_contain_text(re.compile(r"^Head 5\.\d+ of A beside 0\.1 of B"))


def test_the_ready_pairs_open_with_one_click(compare):
    compare.get_by_role("button", name="demo-gpt2 with and without its sink").click()
    expect(part(compare, "choice-side_b")).to_contain_text("Edit: mask tokens 0 as keys in all layers")
    expect(part(compare, "sinks-table")).to_contain_text("− vanishes")
    expect(part(compare, "predictions-loss")).to_contain_text("A predicts this text better")
    expect(part(compare, "predictions-finding")).to_contain_text("KL(A ‖ B) is 0.")
    expect(part(compare, "choice-hint")).to_have_text("")
    compare.get_by_role("button", name="One word swapped").click()
    expect(part(compare, "alignment-finding")).to_contain_text("1 only on A and 1 only on B")
    expect(part(compare, "heads-finding")).to_have_text(
        "Of the 72 heads of A: 72 matched, 0 changed, 0 unmatched."
    )
    compare.get_by_role("button", name="demo-gpt2 and demo-llama").click()
    expect(part(compare, "choice-side_b")).to_contain_text("demo-llama")
    expect(part(compare, "predictions-loss")).to_contain_text("bits per byte")
    compare.get_by_role("button", name="Use the run on screen instead").click()
    expect(part(compare, "choice-back")).to_contain_text("The run on screen")


def test_a_side_that_fails_is_told_in_a_sentence_and_the_next_one_answers(compare):
    part(compare, "choice-model").select_option("other")
    expect(part(compare, "choice-hint")).to_have_text("The inputs have changed since; Compare answers them.")
    field = compare.get_by_label("Hub id, or folder of a checkpoint")
    field.fill("/no/such/folder")
    field.press("Tab")
    compare.get_by_role("button", name="Compare", exact=True).click()
    expect(part(compare, "choice-problem").get_by_role("alert")).to_contain_text("Side B: ")
    expect(part(compare, "numbers-finding")).not_to_be_visible()
    part(compare, "choice-model").select_option("")
    part(compare, "choice-text").select_option("other")
    compare.get_by_label("Text of side B").fill("Zwölf Boxkämpfer jagen Viktor quer")
    compare.get_by_label("Text of side B").press("Tab")
    compare.get_by_role("button", name="Compare", exact=True).click()
    expect(part(compare, "numbers-finding")).to_contain_text("have no word in common")
    expect(part(compare, "choice-problem").get_by_role("alert")).to_have_count(0)


def test_everything_can_be_taken_away(shown):
    with shown.expect_download() as table:
        shown.get_by_role("link", name="Download the heads as CSV").click()
    assert table.value.suggested_filename == "compare-demo-gpt2-demo-bert-heads.csv"
    rows = list(csv.DictReader(Path(table.value.path()).read_text("utf-8").splitlines()))
    assert len(rows) == 72
    assert {row["verdict"] for row in rows} == {"matched", "changed", "unmatched"}
    with shown.expect_download() as whole:
        shown.get_by_role("link", name="Download the whole comparison as JSON").click()
    data = json.loads(Path(whole.value.path()).read_text("utf-8"))
    assert data["schema"] == "sinklens/comparison/1"
    assert data["sides"]["B"]["model"] == "demo-bert"
    for name in ("numbers", "layers", "positions", "sinks", "predictions", "alignment"):
        expect(shown.get_by_role("link", name=f"Download the {name} as CSV")).to_be_visible()
