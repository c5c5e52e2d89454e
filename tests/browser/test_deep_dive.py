"""Run with: pytest tests/browser/test_deep_dive.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

APP = "tests/browser/apps/deep_dive_app.py"


@pytest.fixture
def dive(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that only read."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(lens(page)).to_have_attribute("data-columns", "13")
    return page


def lens(page: Page) -> Locator:
    return page.locator("#page-lens-grid .cells-front")


def sizes(page: Page) -> Locator:
    return page.locator("#page-norms-sizes .cells-front")


def text(page: Page, name: str) -> Locator:
    return page.locator(f"#page-{name}")


def cell_place(canvas: Locator, row: int, column: int) -> dict:
    at = canvas.evaluate("canvas => ({...canvas.dataset})")
    width, height = float(at["cellWidth"]), float(at["cellHeight"])
    return {"x": float(at["left"]) + (column + 0.5) * width, "y": float(at["top"]) + (row + 0.5) * height}


def choose_run(page: Page, name: str, n_columns: int) -> None:
    page.get_by_label("Run", exact=True).select_option(name)
    expect(sizes(page)).to_have_attribute("data-columns", str(n_columns))


def test_the_lens_says_when_the_prediction_settles(shown):
    expect(text(shown, "lens-finding")).to_have_text(
        re.compile(r"^At half of the positions the final prediction is on top for good .+ KL .+ nats")
    )
    expect(lens(shown)).to_have_attribute("data-rows", "4")


def test_pointing_at_a_cell_reads_its_layer_its_position_and_its_token(shown):
    lens(shown).hover(position=cell_place(lens(shown), 2, 1))
    expect(shown.locator("#page-lens-grid .cells-reading")).to_have_text(
        re.compile(r"^After layer 1, cat \(1\): “.+” .+%; entropy \S+ nats, KL to the end \d+\.\d\d nats$")
    )


def test_the_norm_card_names_a_token_and_compares_it_with_the_others(shown):
    expect(text(shown, "norms-finding")).to_have_text(
        re.compile(r"norm .+ (at the embeddings|after layer \d), .+× the median of the other tokens")
    )
    expect(text(shown, "norms-massive")).to_contain_text("No activation is massive by this definition")


def test_the_trajectories_name_the_chosen_token_that_ends_farthest(shown):
    expect(text(shown, "paths-finding")).to_have_text(
        re.compile(r"^The plane shows .+ of the variance; of the chosen tokens .+ ends farthest")
    )
    expect(shown.locator("#page-paths-paths .sl-chart")).to_have_attribute(
        "aria-label", re.compile(r"^The plane shows")
    )


def test_a_token_is_selected_a_cell_opened_and_a_candidate_followed(dive):
    expect(text(dive, "norms-writes_finding")).to_have_text(re.compile(r"^At away \(12\) the .+ writes most"))
    place = cell_place(sizes(dive), 0, 3)
    sizes(dive).click(position={"x": place["x"], "y": 20})
    expect(dive.get_by_text("Selected token: 3")).to_be_visible()
    expect(text(dive, "norms-writes_finding")).to_have_text(re.compile(r"^At on \(3\) the .+ writes most"))
    cell = text(dive, "lens-cell")
    expect(cell.locator("caption")).to_have_text("After layer 2, at on (3)")
    lens(dive).click(position=cell_place(lens(dive), 0, 2))
    expect(cell.locator("caption")).to_have_text("At the embeddings, at sat (2)")
    expect(cell.locator("tbody tr")).to_have_count(8)
    expect(cell).to_contain_text(re.compile(r"The final prediction “.+” has rank \d+ here"))
    lens(dive).click(position=cell_place(lens(dive), 3, 4))
    expect(cell.locator("caption")).to_have_text("After layer 2, at a (4)")
    label = cell.locator("tbody th").nth(2).inner_text()
    follow = dive.get_by_label("Follow", exact=True)
    expect(follow.locator("option").nth(3)).to_have_text(label)
    follow.select_option(index=3)
    expect(text(dive, "lens-finding")).to_contain_text(f"“{label}” is the prediction at")
    expect(cell).to_contain_text(f"The followed token “{label}” has rank 3 here")


def test_an_encoder_a_single_token_and_a_model_without_a_head_each_say_what_does_not_apply(dive):
    choose_run(dive, "encoder", 20)
    expect(text(dive, "norms-writes_note")).to_contain_text("Not additive: this model normalises the sum")
    expect(text(dive, "norms-writes_finding")).to_have_text(
        re.compile(r"^At <eos> \(19\) the .+ writes most")
    )
    expect(text(dive, "lens-reads")).to_contain_text("predicted at its own position")
    expect(lens(dive)).to_have_attribute("data-columns", "20")
    choose_run(dive, "one token", 1)
    expect(text(dive, "norms-finding")).to_have_text(re.compile(r"^Not applicable: a single token"))
    expect(text(dive, "lens-cell").locator("caption")).to_have_text("After layer 2, at cat (0)")
    choose_run(dive, "headless", 20)
    expect(text(dive, "lens-finding")).to_have_text(
        "Not applicable: this checkpoint has no language-model head that could read the states."
    )
    expect(lens(dive)).not_to_be_visible()
    expect(text(dive, "norms-finding")).to_contain_text("median of the other tokens")


def test_a_decoder_with_cross_attention_an_eager_family_and_a_long_text_are_read_like_any_other(dive):
    choose_run(dive, "seq2seq", 9)
    expect(text(dive, "norms-writes_finding")).to_contain_text("cross-attention")
    expect(text(dive, "lens-reads")).to_contain_text("Decoder states")
    choose_run(dive, "eager", 20)
    expect(text(dive, "norms-writes_finding")).to_contain_text("feed-forward")
    expect(lens(dive)).to_have_attribute("data-columns", "20")
    choose_run(dive, "long", 260)
    expect(lens(dive)).to_have_attribute("data-columns", "260")
    expect(text(dive, "paths-finding")).to_have_text(re.compile(r"^The plane shows"))
