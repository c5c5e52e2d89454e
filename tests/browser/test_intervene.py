"""Run with: pytest tests/browser/test_intervene.py"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import expect_tokens, open_stored_example, slide

APP = "tests/browser/apps/intervene_app.py"
PATIENCE_MS = 180_000
"""A trial on a busy machine."""


@pytest.fixture
def intervene(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that run no other edit and choose no other texts."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    """The stored example, with the first trial done."""
    open_stored_example(page, serve(APP))
    expect(part(page, "result-finding")).to_contain_text("Mask tokens: the loss", timeout=PATIENCE_MS)
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f"#intervene-edit-{name}")


def card(page: Page, title: str) -> Locator:
    return page.locator(".card").filter(has=page.get_by_role("heading", name=title, exact=True))


def run(page: Page) -> None:
    page.get_by_role("button", name="Run the edit").click()


def test_the_sink_of_the_text_is_masked_at_once_and_held_against_controls(shown):
    finding = part(shown, "result-finding")
    expect(finding).to_have_text(
        re.compile(
            r"^Mask tokens: the loss rises by 0\.\d+ nats a token \(.+ to .+\), \+0\.\d+ beyond the controls "
            r"\(.+\); it costs more than they do\. Perplexity [\d.]+ → [\d.]+\. 95% interval over 4 texts"
        )
    )
    expect(part(shown, "done")).to_contain_text("Done: mask tokens 0 as keys in all layers, all heads.")
    expect(part(shown, "result-numbers").locator("tbody th")).to_have_text(
        ["● Mask tokens", "◇ random key", "◇ middle key", "◇ recent key"]
    )
    chart = part(shown, "result-arms").locator(".sl-chart")
    expect(chart).to_have_attribute("aria-label", re.compile("^Mask tokens: the loss rises"))
    expect(chart.locator("svg").first).to_be_visible()


def test_the_page_says_which_tokens_suffer_and_what_is_expected_there(shown):
    expect(part(shown, "tokens-finding")).to_have_text(
        re.compile(r"^Predicted worse than before: \d+ of 46 tokens, better: \d+; “.+” \(\d+\) suffers most")
    )
    strip = part(shown, "tokens-strip")
    expect(strip.get_by_role("button")).to_have_count(47)
    strip.get_by_role("button").nth(12).click()
    expect(part(shown, "tokens-expected_finding")).to_contain_text("At token 12 the likeliest")
    captions = part(shown, "tokens-expected").locator("caption")
    expect(captions).to_have_text(["Before", "After"])


def test_the_page_says_where_the_attention_of_the_masked_sink_goes(shown):
    expect(part(shown, "migration-finding")).to_have_text(
        re.compile(
            r"^“<\|bos\|>” \(0\) goes from \d+\s% to 0\s%; “.+” \(\d+\) gains most, but becomes no sink"
        )
    )
    expect(part(shown, "migration-gains").locator("tbody tr")).to_have_count(8)
    expect(part(shown, "maps-finding")).to_contain_text("“<|bos|>” (0) loses")
    for name in ("before", "after", "difference"):
        expect(part(shown, f"maps-{name}").locator(".cells-front")).to_have_attribute("data-rows", "47")


def test_only_the_inputs_of_the_chosen_edit_are_shown_and_run_answers_them(intervene):
    edit = card(intervene, "Edit")
    expect(edit.get_by_label("Tokens", exact=True)).to_be_visible()
    expect(edit.get_by_text("β: what stays")).not_to_be_visible()
    edit.get_by_label("What is done").select_option(label="Temperature")
    expect(edit.get_by_label("Tokens", exact=True)).not_to_be_visible()
    expect(part(intervene, "hint")).to_have_text("The inputs have changed since; Run answers them.")
    expect(part(intervene, "what")).to_contain_text("Scores are divided by it before the softmax")
    run(intervene)
    expect(part(intervene, "result-finding")).to_have_text(
        re.compile(r"^Temperature: the loss rises .+; for this kind of edit there is no control\."),
        timeout=PATIENCE_MS,
    )
    expect(part(intervene, "hint")).to_have_text("")


def test_identity_and_bad_input_are_told_in_a_sentence(intervene):
    edit = card(intervene, "Edit")
    edit.get_by_label("Tokens", exact=True).select_option(label="chosen positions")
    edit.get_by_label("Positions, from 0").fill("one")
    edit.get_by_label("Positions, from 0").press("Tab")
    run(intervene)
    alert = part(intervene, "problem").get_by_role("alert")
    expect(alert).to_have_text(
        "Type positions as whole numbers with commas between, such as 0, 3; got 'one'.", timeout=PATIENCE_MS
    )
    expect(part(intervene, "result-finding")).not_to_be_visible()
    edit.get_by_label("Positions, from 0").fill("900")
    edit.get_by_label("Positions, from 0").press("Tab")
    run(intervene)
    expect(alert).to_have_text("The edit names token 900; this run has tokens 0 to 46.", timeout=PATIENCE_MS)


def test_texts_can_be_added_and_one_alone_gives_an_interval_over_tokens(intervene):
    slide(intervene, "intervene-n_examples", 0)
    expect(intervene.locator("#intervene-texts_finding")).to_contain_text("1 text: this run's")
    run(intervene)
    finding = part(intervene, "result-finding")
    expect(finding).to_contain_text("95% interval over 46 tokens", timeout=PATIENCE_MS)
    own = (
        "Seven lamps hung above the quiet door of the station, and nobody in the town knew who had lit them."
    )
    intervene.get_by_label("Own texts, one a line").fill(own)
    intervene.get_by_label("Own texts, one a line").press("Tab")
    expect(intervene.locator("#intervene-texts_finding")).to_contain_text("2 texts")


def test_the_trial_can_be_taken_away(shown):
    with shown.expect_download() as table:
        shown.get_by_role("link", name="Download the arms as CSV").click()
    assert table.value.suggested_filename == "trial-demo-gpt2-mask-tokens.csv"
    rows = list(csv.DictReader(Path(table.value.path()).read_text("utf-8").splitlines()))
    assert [row["kind"] for row in rows] == ["edit", "control", "control", "control"]
    assert rows[0]["done"] == "mask tokens 0 as keys in all layers, all heads"
    with shown.expect_download() as trial:
        shown.get_by_role("link", name="Download the trial as JSON").click()
    data = json.loads(Path(trial.value.path()).read_text("utf-8"))
    assert data["schema"] == "sinklens/trial/1"
    assert len(data["effects"]) == 16
    assert data["finding"].startswith("Mask tokens")


def test_the_sink_is_judged_by_what_happens_without_it(shown):
    shown.get_by_role("button", name="Judge the sinks").click()
    finding = shown.locator("#intervene-verdict-finding")
    expect(finding).to_have_text(
        re.compile(
            r"^“<\|bos\|>” is load-bearing\. Without it the loss changes by .+ SinkFix's label disagrees"
        ),
        timeout=PATIENCE_MS,
    )
    expect(shown.locator("#intervene-verdict-table tbody")).to_contain_text("L · load-bearing")
    expect(shown.locator("#intervene-verdict-rests_on")).to_contain_text(
        re.compile(
            r"4 texts, \d+ tokens, with a start token in front; next token loss; .+ tolerance 0\.02 nats"
        )
    )


def test_patches_are_answered_by_a_slider_over_measured_points(shown):
    shown.get_by_role("button", name="Run the patches").click()
    finding = shown.locator("#intervene-patch-finding")
    expect(finding).to_have_text(
        re.compile(r"^A static vector in place of .+ Perplexity, dynamic → static → zero: "),
        timeout=PATIENCE_MS,
    )
    said = shown.locator("#intervene-patch-point_said")
    expect(said).to_contain_text("static mean: perplexity")
    slide(shown, "intervene-patch-point", 0)
    expect(said).to_contain_text(re.compile(r"^dynamic: perplexity [\d.]+, loss [+-]0\.0000 nats"))
    expect(shown.locator("#intervene-patch-rests_on")).to_contain_text("as it must")
    expect(shown.locator("#intervene-patch-table tbody tr")).to_have_count(6)


def test_a_model_without_a_sink_says_so_and_can_be_edited_elsewhere(page, serve):
    open_stored_example(page, serve(APP))
    page.get_by_label("Model", exact=True).select_option("demo-bert")
    page.get_by_role("button", name="Run", exact=True).click()
    expect_tokens(page, r"\d+")
    alert = part(page, "problem").get_by_role("alert")
    expect(alert).to_contain_text("No sink was found in it, so there is nothing to edit", timeout=PATIENCE_MS)
    card(page, "Edit").get_by_label("Tokens", exact=True).select_option(label="the first tokens")
    run(page)
    expect(part(page, "result-finding")).to_contain_text("Mask tokens: the loss", timeout=PATIENCE_MS)
    expect(part(page, "done")).to_contain_text("masked token loss")
    page.get_by_role("button", name="Judge the sinks").click()
    expect(page.locator("#intervene-verdict-finding")).to_contain_text(
        "No sink was found in this run's text", timeout=PATIENCE_MS
    )
