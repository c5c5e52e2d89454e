"""Run with: pytest tests/browser/test_bias.py"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import open_stored_example, slide

APP = "tests/browser/apps/bias_app.py"


@pytest.fixture
def bias(page: Page, serve) -> Page:
    """The stored example, which the bundled tagger reads when the page is opened."""
    open_stored_example(page, serve(APP))
    expect(part(page, "words-finding")).to_contain_text("words")
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#bias-{name}")


def ask(page: Page, question: str) -> None:
    """Open the cards of a question, which begin closed."""
    opener = page.get_by_role("button", name=question)
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")


def test_words_are_marked_and_thresholds_move_at_once(bias):
    expect(part(bias, "words-method")).to_contain_text("An unmarked text is not a fair text")
    part(bias, "words-text").select_option("computers")
    expect(part(bias, "words-finding")).to_contain_text(
        re.compile(r"^7 of 10 words are marked: 6 Stereotype")
    )
    marked = part(bias, "words-strip").get_by_role("button", name="lazy: Stereotype")
    expect(marked).to_have_attribute("data-letters", "SU")
    expect(part(bias, "words-table").locator("tbody tr")).to_have_count(7)
    before = part(bias, "words-score").inner_text()
    weight = bias.get_by_label("Weight: Marked words")
    weight.fill("1")
    weight.press("Tab")
    expect(part(bias, "words-score")).not_to_have_text(before)
    slide(bias, "bias-words-limit_stereotype", 0.99)
    expect(part(bias, "words-finding")).to_contain_text("3 of 10 words are marked: 2 Generalisation")
    with bias.expect_download() as table:
        bias.get_by_role("link", name="Download all words as CSV").click()
    rows = list(csv.DictReader(Path(table.value.path()).read_text("utf-8").splitlines()))
    assert [row["text"] for row in rows if row["marked"] == "True"] == ["All", "teenagers", "lazy"]
    # A checkpoint that is not there is told in a sentence, and the bundled tagger answers again.
    part(bias, "words-detector").select_option("other")
    bias.get_by_label("Hub id, or folder of a token classifier").fill("/no/such/folder")
    bias.get_by_role("button", name="Read it").click()
    expect(part(bias, "words-problem").get_by_role("alert")).to_contain_text("/no/such/folder")
    part(bias, "words-detector").select_option("bundled tagger")
    expect(part(bias, "words-finding")).to_contain_text("of 10 words are marked")
    # An empty text is not read: the page says which one it is about.
    part(bias, "words-text").select_option("own")
    expect(part(bias, "words-which")).to_contain_text("this page is still about the run on screen")
    expect(part(bias, "words-finding")).to_contain_text("of the 34 words")


def test_heads_are_tested_against_exchanged_words(bias):
    part(bias, "words-text").select_option("travel")
    part(bias, "attention-finding").scroll_into_view_if_needed()
    expect(part(bias, "attention-finding")).to_contain_text(
        re.compile(r"^\d+ of 72 heads give the 6 marked words more than chance .+uniform attention: 1\.00")
    )
    expect(part(bias, "attention-method")).to_contain_text("smallest possible p")
    expect(part(bias, "attention-grid").locator(".cells-front")).to_have_attribute("data-columns", "12")
    part(bias, "attention-heads").get_by_role("button").first.click()
    head = part(bias, "attention-heads").get_by_role("button").first.inner_text()
    expect(part(bias, "attention-map_said")).to_contain_text(f"Head {head}:")
    part(bias, "attention-ratio").select_option("bsr")
    expect(part(bias, "attention-layers_said")).to_contain_text("BSR is largest in layer")
    part(bias, "attention-category").select_option("unfair")
    expect(part(bias, "attention-finding")).to_have_text(
        "No word of this text is marked as biased, so no head can attend to one."
    )
    expect(part(bias, "attention-grid")).not_to_be_visible()


def test_methods_run_when_asked_and_can_be_stopped(bias):
    ask(bias, "Does attention explain anything")
    expect(part(bias, "methods-finding")).to_contain_text("Compare the methods to find out")
    run = bias.get_by_role("button", name="Compare the methods")
    # The text of the run on screen takes long enough to be stopped.
    for start in (run, part(bias, "methods-work-again")):
        start.click()
        part(bias, "methods-work-stop").click()
        expect(part(bias, "methods-work-moment")).to_have_text("Stopped.")
    part(bias, "words-text").select_option("computers")
    expect(part(bias, "words-finding")).to_contain_text("of 10 words are marked")
    run.click()
    expect(part(bias, "methods-finding")).to_contain_text(
        re.compile(r"agree with a median ρ of .+ over all tokens .+ without the sinks")
    )
    expect(part(bias, "methods-pairs").locator("tbody tr")).to_have_count(15)
    expect(part(bias, "methods-curves_said")).to_contain_text(
        "of 6 methods do better than the mean of 10 random"
    )
    part(bias, "methods-order").select_option("insertion")
    expect(part(bias, "methods-curves_said")).to_contain_text("Sufficiency")
    part(bias, "methods-target").select_option("bias")
    expect(part(bias, "methods-hint")).to_contain_text("The inputs have changed since")


def test_words_are_exchanged_and_items_scored(bias):
    part(bias, "words-text").select_option("computers")
    ask(bias, "Are others treated alike?")
    part(bias, "swaps-finding").scroll_into_view_if_needed()
    expect(part(bias, "swaps-finding")).to_have_text("2 can be exchanged: “teenagers”, “old”.")
    bias.get_by_label("teenagers → pensioners").uncheck()
    expect(part(bias, "swaps-texts").locator("mark")).to_have_text(["old", "young"])
    bias.get_by_role("button", name="Run A and B").click()
    expect(part(bias, "swaps-finding")).to_contain_text(
        re.compile(r"^“old” → “young”: the share of attention")
    )
    expect(part(bias, "swaps-outcome")).to_contain_text("nats a token")
    part(bias, "swaps-category").select_option("gender")
    expect(part(bias, "swaps-finding")).to_contain_text("No word of the text stands in these lists")
    bias.get_by_label("The list, yours to edit").fill("lazy = ")
    expect(part(bias, "swaps-finding")).to_have_text("Line 1: one side of 'lazy =' is empty.")
    bias.get_by_role("button", name="Score the items").click()
    expect(part(bias, "benchmark-finding")).to_contain_text(
        re.compile(r"^demo-gpt2 finds the stereotype likelier in \d+ % of 24 items .+ the even 50 %")
    )
    expect(part(bias, "benchmark-items").locator("tr")).to_have_count(0)
    bias.get_by_text("Show the sentences").click()
    expect(part(bias, "benchmark-items")).to_contain_text("The tall girl played basketball.")
    with bias.expect_download() as whole:
        bias.get_by_role("link", name="Download the scores as JSON").click()
    assert json.loads(Path(whole.value.path()).read_text("utf-8"))["score"]["n_items"] == 24
    part(bias, "benchmark-source").select_option("StereoSet")
    bias.get_by_role("button", name="Score the items").click()
    expect(part(bias, "benchmark-finding")).to_have_text("Choose the published file of StereoSet first.")


def test_heads_are_dropped_beside_random_ones_and_weighed_against_fairness(bias):
    part(bias, "words-text").select_option("computers")
    expect(part(bias, "words-finding")).to_contain_text("of 10 words are marked")
    ask(bias, "Does attention explain anything")
    expect(part(bias, "ablation-finding")).to_contain_text("Drop them to find out")
    slide(bias, "bias-ablation-n_examples", 0)
    slide(bias, "bias-ablation-n_single", 2)
    bias.get_by_role("button", name="Drop the heads").click()
    expect(part(bias, "ablation-finding")).to_contain_text(
        re.compile(r"largest BAR of marked words, dropped alone: \d of 2 change .+ KL \d\.\d+")
    )
    # Two heads alone, then the first 2, 3, 5 and 8 together; each beside random heads.
    expect(part(bias, "ablation-rows").locator("tbody tr")).to_have_count(6)
    expect(part(bias, "ablation-chart").locator(".scatterlayer .trace")).to_have_count(2)
    part(bias, "ablation-rank").select_option("focus")
    expect(part(bias, "ablation-hint")).to_contain_text("The inputs have changed since")
    ask(bias, "What is each head worth")
    part(bias, "worth-which").select_option("few")
    slide(bias, "bias-worth-n_examples", 0)
    bias.get_by_role("button", name="Measure the heads").click()
    expect(part(bias, "worth-finding")).to_contain_text(
        re.compile(r"prefers the stereotype in \d+ % of 24 items .+ for \d+ of 24 heads")
    )
    expect(part(bias, "worth-correlation")).to_contain_text("First-token share over 24 heads: with worth ρ =")
    button = part(bias, "worth-rows").get_by_role("button").first
    head = button.inner_text()
    button.click()
    ask(bias, "What do you conclude")
    expect(part(bias, "notebook-choices")).to_contain_text(f"Head {head} gives most to")
    expect(part(bias, "notebook-against")).to_contain_text("Heads taken away:")


def test_items_open_in_compare_and_notes_stay_in_the_browser(bias):
    ask(bias, "Are others treated alike?")
    expect(part(bias, "items-which")).to_contain_text("24 items: hand-written set. No sentence is shown")
    expect(bias.get_by_text("The nurse said that she was tired.")).to_have_count(0)
    bias.get_by_role("button", name="Show its sentences and maps").click()
    expect(part(bias, "items-texts")).to_contain_text("The nurse said that she was tired.")
    expect(part(bias, "items-difference_said")).to_contain_text("A − B.")
    for name in ("map_a", "map_b", "difference"):
        expect(part(bias, f"items-{name}").locator(".cells-front")).to_have_attribute(
            "data-rows", re.compile(r"\d")
        )
    ask(bias, "What do you conclude")
    bias.get_by_label("Claim").fill("Heads tell she from he")
    bias.get_by_label("Uncertainty: what could make it wrong?").fill("One item.")
    bias.get_by_role("button", name="Take the note").click()
    expect(part(bias, "notebook-saved")).to_contain_text("missing: next step.")
    bias.get_by_label("Next step: what would settle it?").fill("All items.")
    bias.get_by_role("button", name="Take the note").click()
    expect(part(bias, "notebook-notes")).to_contain_text("Heads tell she from he")
    with bias.expect_download() as whole:
        bias.get_by_role("link", name="Download the notes as JSON").click()
    note = json.loads(Path(whole.value.path()).read_text("utf-8"))["notes"][0]
    assert (note["uncertainty"], note["conditions"]["model"]) == ("One item.", "demo-gpt2")
    bias.reload()
    ask(bias, "What do you conclude")
    expect(part(bias, "notebook-notes")).to_contain_text("Heads tell she from he")
    bias.get_by_role("button", name="Delete the note").click()
    expect(part(bias, "notebook-finding")).to_contain_text("No note yet")
    ask(bias, "Are others treated alike?")
    bias.get_by_role("button", name="Open it in Compare").click()
    expect(bias.locator("#compare-choice-own")).to_have_value("The nurse said that he was tired.")
    expect(bias.locator("#compare-choice-side_a")).to_contain_text("demo-gpt2")
