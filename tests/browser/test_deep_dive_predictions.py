"""Predictions at every position, as a person reads them: the stored example, demo-bert and others.

Run with: pytest tests/browser/test_deep_dive_predictions.py
"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import expect_tokens, open_stored_example, run_text

TRIAL = "tests/browser/apps/deep_dive_app.py"
TEXT = "The old lighthouse stood at the end of the harbour."


@pytest.fixture
def app(page: Page, base_url) -> Page:
    """The real app with the Deep dive page open on the stored example."""
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Deep dive").click()
    expect(card(page).get_by_role("grid")).to_be_visible()
    return page


def card(page: Page) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name="What comes next, what stands here"))


def finding(page: Page) -> Locator:
    return card(page).locator(".sl-finding .shiny-text-output")


def row(page: Page, index: int) -> Locator:
    return card(page).locator(f"tbody tr[data-index='{index}']")


def candidate_rows(page: Page) -> Locator:
    return card(page).locator(".dive-candidates tbody tr")


def numbers(line: Locator) -> list[float]:
    """Rank, logit, difference, exp and probability of a candidate."""
    cells = line.locator("td").all_inner_texts()
    return [float(cell.replace(",", "").replace("−", "-")) for cell in cells]


def test_a_decoder_says_what_comes_next_and_how_each_probability_comes_about(app):
    expect(finding(app)).to_have_text(
        re.compile(r"first choice is the token that follows after \d+ of 46 tokens\. Mean surprisal .+\snats")
    )
    expect(card(app).locator(".positions-table tbody tr")).to_have_count(47)
    expect(card(app)).to_contain_text("Masking several tokens together does not apply")

    row(app, 5).locator("td").nth(1).click()
    expect(card(app).locator(".dive-candidates caption")).to_have_text(re.compile(r"^After .+ \(5\)$"))
    total = float(card(app).locator(".dive-candidates tfoot .sl-num").first.inner_text().replace(",", ""))
    for line in candidate_rows(app).all():
        _, _, difference, exp, probability = numbers(line)
        assert exp == pytest.approx(2.718281828**difference, rel=6e-3, abs=1e-4)
        assert probability == pytest.approx(exp / total, rel=6e-3, abs=1e-4)
    share = row(app, 5).locator("td").nth(2).locator(".positions-note").inner_text()
    assert float(share.removesuffix("%")) / 100 == pytest.approx(
        numbers(candidate_rows(app).first)[-1], abs=0.006
    )

    candidate_rows(app).nth(2).get_by_role("radio").check()
    label = candidate_rows(app).nth(2).locator("bdi").inner_text()
    expect(card(app).locator(".dive-steps li").first).to_contain_text(f"Logit of “{label}” (rank 3)")
    row(app, 5).focus()
    app.keyboard.press("ArrowDown")
    app.keyboard.press("Enter")
    expect(card(app).locator(".dive-candidates caption")).to_have_text(re.compile(r"\(6\)$"))
    expect(card(app).locator(".dive-steps li").first).to_contain_text("(rank 1)")


def test_an_encoder_is_masked_token_by_token_and_several_tokens_together(app):
    app.get_by_label("Model", exact=True).select_option("demo-bert")
    run_text(app, TEXT)
    expect_tokens(app, "16")
    expect(finding(app)).to_have_text(
        re.compile(r"^Masked one at a time, \d+ of 14 tokens are the model's first choice\. Mean surprisal")
    )
    expect(row(app, 0)).to_have_attribute("aria-disabled", "true")
    expect(row(app, 0)).to_have_attribute("aria-label", "[CLS] (0): special token, not masked")

    row(app, 8).get_by_role("checkbox").check()
    expect(card(app)).to_contain_text("Tick two or more tokens")
    row(app, 9).focus()
    app.keyboard.press("Space")
    expect(row(app, 9).get_by_role("checkbox")).to_be_checked()
    app.keyboard.press("ArrowDown")
    app.keyboard.press("Space")
    joint = re.compile(r"3 tokens masked together: \d of 3 are the model's first choice")
    expect(card(app)).to_contain_text(joint)
    expect(card(app).locator(".dive-joint tbody tr")).to_have_count(3)

    row(app, 9).locator("td").nth(2).click()
    expect(card(app).locator(".dive-candidates caption")).to_have_text(
        re.compile(r"^Instead of .+ \(9\), masked together with 2 others$")
    )
    card(app).get_by_role("button", name="Clear the masks").click()
    expect(card(app).locator(".dive-joint")).to_have_count(0)
    expect(row(app, 9).get_by_role("checkbox")).not_to_be_checked()
    expect(card(app).locator(".dive-candidates caption")).to_have_text(re.compile(r"\(9\), masked alone$"))


def test_what_does_not_apply_is_said_and_a_single_token_and_two_stacks_are_read(page, serve):
    page.goto(serve(TRIAL))
    expect(card(page).locator(".positions-table tbody tr")).to_have_count(13)
    run = page.get_by_label("Run", exact=True)
    run.select_option("headless")
    expect(finding(page)).to_have_text(re.compile(r"^Not applicable\. .+ no language-model head"))
    expect(card(page).get_by_role("grid")).not_to_be_visible()
    run.select_option("one token")
    expect(finding(page)).to_have_text(
        re.compile(r"^A single token: .+ After “cat” \(0\) comes “.+”, .+\s%\.$")
    )
    run.select_option("seq2seq")
    expect(finding(page)).to_have_text(re.compile(r"^Decoder text\. .+ after \d of 8 tokens"))
    row(page, 3).locator("td").first.click()
    expect(card(page).locator(".dive-candidates caption")).to_have_text("After w32 (3)")
