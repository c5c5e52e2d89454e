"""Step through the model, as a person reads it. Run with: pytest tests/browser/test_pipeline_cards.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import open_stored_example, run_text

STEPS = [
    "Token embeddings",
    "Positions",
    "Queries, keys and values",
    "Scaled attention",
    "Head outputs",
    "Add and normalise",
    "Feed-forward",
    "Final normalisation",
]


@pytest.fixture
def decoder(page: Page, base_url) -> Page:
    return opened(page, base_url)


@pytest.fixture(scope="module")
def shown(shared_page: Page, base_url) -> Page:
    """For tests that open steps, and change nothing."""
    return opened(shared_page, base_url)


def opened(page: Page, base_url: str) -> Page:
    """The stored example on the Deep dive page."""
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Deep dive").click()
    expect(page.locator("#deep_dive-steps-where")).to_have_text(". (46) in demo-gpt2, layer 5, head 8.")
    return page


def step(page: Page, name: str) -> Locator:
    return page.locator(".pipe-cards > .accordion-item", has=page.get_by_role("button", name=name))


def open_step(page: Page, name: str) -> Locator:
    """Open a step if it is closed, and wait until it has something to say."""
    card = step(page, name)
    button = card.get_by_role("button", name=name)
    if button.get_attribute("aria-expanded") != "true":
        button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(card.locator(".sl-finding")).to_have_text(re.compile(r"\w"))
    return card


def choose(page: Page, label: str, value: str) -> None:
    page.locator("#deep_dive-steps-" + label).select_option(value)


def test_the_steps_stand_in_order_closed_and_one_opens_from_the_keyboard(decoder):
    titles = decoder.locator(".pipe-title")
    expect(titles).to_have_text(STEPS)
    expect(decoder.locator(".pipe-cards .accordion-button[aria-expanded=true]")).to_have_count(0)
    expect(step(decoder, "Token embeddings").get_by_role("button")).to_contain_text(
        "47 tokens, vocabulary of 4,096"
    )
    expect(step(decoder, "Head outputs").get_by_role("button")).to_contain_text(
        "12 heads × 16 numbers → 192 numbers"
    )
    expect(step(decoder, "Feed-forward").locator(".sl-finding")).not_to_be_visible()
    step(decoder, "Final normalisation").get_by_role("button").press("Enter")
    expect(step(decoder, "Final normalisation")).to_contain_text("the prediction head reads the result.")
    card = open_step(decoder, "Scaled attention")
    expect(card.get_by_role("table").first.locator("tbody tr")).to_have_count(5)
    box = card.locator(".selectize-input")
    box.click()
    card.locator(".selectize-dropdown-content [data-value='3']").click()
    expect(card.get_by_role("table").first.locator("tbody tr")).to_have_count(2)


def test_an_embedding_has_its_strip_and_its_neighbours(shown):
    card = open_step(shown, "Token embeddings")
    expect(card).to_contain_text(
        re.compile(
            r"\. \(46\) is entry \d+ of 4,096: a row of 192 numbers, length [\d.]+\. The nearest other"
        )
    )
    tables = card.get_by_role("table")
    expect(tables).to_have_count(2)
    expect(tables.nth(0).locator("tbody tr")).to_have_count(8)
    expect(card.locator(".sl-chart .heatmaplayer image, .sl-chart .hm")).not_to_have_count(0)


def test_every_step_follows_the_token_the_layer_and_the_head(decoder):
    positions, scores = open_step(decoder, "Positions"), open_step(decoder, "Scaled attention")
    heads = open_step(decoder, "Head outputs")
    expect(positions).to_contain_text("Position 46 has a learned row")
    expect(scores).to_contain_text("In head 5.8, . (46) gives most to <|bos|> (0)")
    choose(decoder, "token", "7")
    expect(positions).to_contain_text("Position 7 has a learned row")
    choose(decoder, "layer", "2")
    choose(decoder, "head", "3")
    expect(scores).to_contain_text(re.compile(r"In head 2\.3, .+ \(7\) gives most to"))
    expect(heads).to_contain_text(re.compile(r"heads of layer 2 write .+ Head 2\.3 writes .+ rank \d+ of 12"))
    decoder.get_by_role("tab", name="Heads").click()
    expect(decoder.get_by_role("heading", name="Head 2.3: layer 2, head 3")).to_be_visible()


def test_each_row_of_the_softmax_adds_up_to_one_with_the_others(shown):
    card = open_step(shown, "Scaled attention")
    table = card.get_by_role("table").last
    expect(table.locator("caption")).to_contain_text("4. softmax")
    expect(card.get_by_role("table").nth(1).locator("caption")).to_contain_text("÷ √16, that is × 0.25")
    for row in table.locator("tbody tr").all():
        cells = row.locator("td").all_inner_texts()
        assert sum(float(cell) for cell in cells if cell != "hidden") == pytest.approx(1.0, abs=0.004)
    expect(table.locator("tbody tr").first).to_contain_text("hidden")


def test_a_block_is_told_from_what_enters_to_what_leaves(shown):
    stream, neurons = open_step(shown, "Add and normalise"), open_step(shown, "Feed-forward")
    final = open_step(shown, "Final normalisation")
    expect(stream).to_contain_text("This model is pre-norm")
    expect(stream.locator("tbody th")).to_have_text(
        ["enters", "LayerNorm (ln_1)", "attention", "LayerNorm (ln_2)", "feed-forward", "leaves"]
    )
    expect(neurons).to_contain_text("Layer 5 widens 192 numbers to 768 neurons and back")
    expect(neurons.locator("tbody tr")).to_have_count(10)
    expect(final).to_contain_text(re.compile(r"LayerNorm \(ln_f\) brings \. \(46\) from length [\d.]+ to"))
    enters = stream.locator("tbody tr").nth(5).locator("td").last.inner_text()
    expect(final.locator("tbody tr").first.locator("td").first).to_have_text(enters)


def test_an_encoder_and_a_model_with_rotary_positions_have_steps_of_their_own(page: Page, base_url):
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Deep dive").click()
    run_model(page, "demo-bert")
    positions, scores = open_step(page, "Positions"), open_step(page, "Scaled attention")
    stream, final = open_step(page, "Add and normalise"), open_step(page, "Final normalisation")
    expect(positions).to_contain_text("A row for the segment (token type) is added too")
    expect(positions).to_contain_text("LayerNorm (embeddings.LayerNorm) normalises the sum")
    expect(scores).to_contain_text("nothing is hidden from these queries")
    expect(stream).to_contain_text("This model is post-norm")
    expect(final).to_contain_text("Not applicable: nothing is normalised after the last block")
    expect(final.get_by_role("table")).to_have_count(0)
    run_model(page, "demo-llama")
    expect(open_step(page, "Positions")).to_contain_text(
        "turns all 16 numbers of each query and key, in 8 pairs"
    )
    expect(open_step(page, "Queries, keys")).to_contain_text("12 query heads share 4 sets of keys and values")
    expect(open_step(page, "Feed-forward")).to_contain_text("512 neurons and back (gated, activation silu)")


def run_model(page: Page, name: str) -> None:
    page.get_by_label("Model", exact=True).select_option(name)
    run_text(page, "The cat sat on the mat.")
    expect(page.locator("#deep_dive-steps-where")).to_contain_text(f"in {name}, layer")
