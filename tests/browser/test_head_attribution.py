"""Run with: pytest tests/browser/test_head_attribution.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_deep_dive import APP, cell_place, choose_run


@pytest.fixture
def dive(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that only read."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(grid(page)).to_have_attribute("data-rows", "3")
    return page


def grid(page: Page) -> Locator:
    return page.locator("#page-attribution-grid .cells-front")


def text(page: Page, name: str) -> Locator:
    return page.locator(f"#page-attribution-{name}")


def test_the_finding_names_the_token_its_logit_and_the_parts_that_speak_for_it(shown):
    expect(text(shown, "finding")).to_have_text(
        re.compile(
            r"^At away \(12\) the logit of “.+” is .+: attention .+, feed-forward .+, embeddings .+, "
            r"biases .+Most for it: .+ \(\+.+\)"
        )
    )
    expect(text(shown, "sum")).to_have_text(
        re.compile(r"^All parts add up to (\S+); the model's own number is \1 ")
    )
    expect(text(shown, "table").locator("tbody tr")).to_have_count(10)


def test_pointing_at_a_head_reads_what_it_adds(shown):
    grid(shown).hover(position=cell_place(grid(shown), 2, 1))
    expect(shown.locator("#page-attribution-grid .cells-reading")).to_have_text(
        re.compile(r"^Head 2\.1 adds [+−]\S+$")
    )


def test_the_scale_of_the_colours_has_zero_in_its_middle_and_cannot_be_bent(shown):
    low, high = shown.locator("#page-attribution-grid .cells-end").all_inner_texts()
    assert low == f"-{high}"
    expect(shown.locator("#page-attribution-grid .cells-scale")).not_to_be_visible()


def test_the_token_that_follows_a_selected_one_and_a_typed_one_beside_another_can_be_asked_for(dive):
    dive.get_by_label("Logit of", exact=True).select_option("next")
    expect(text(dive, "finding")).to_have_text(re.compile(r"^No token follows the last position"))
    expect(grid(dive)).not_to_be_visible()
    sizes = dive.locator("#page-norms-sizes .cells-front")
    expect(sizes).to_have_attribute("data-columns", "13")
    sizes.click(position={"x": cell_place(sizes, 0, 3)["x"], "y": 20})
    expect(text(dive, "finding")).to_have_text(re.compile(r"^At on \(3\) the logit of “a” is"))
    dive.get_by_label("Logit of", exact=True).select_option("typed")
    dive.get_by_label("Typed token").fill("dog")
    dive.get_by_label("Typed token").press("Tab")
    expect(text(dive, "finding")).to_contain_text("the logit of “dog” is")
    dive.get_by_label("Split", exact=True).select_option("token")
    dive.get_by_label("Minus token").fill("the cat")
    dive.get_by_label("Minus token").press("Tab")
    expect(text(dive, "finding")).to_contain_text("“the cat” is 2 tokens here: “the”, “cat”")
    dive.get_by_label("Minus token").fill("cat")
    dive.get_by_label("Minus token").press("Tab")
    expect(text(dive, "finding")).to_contain_text("the logit of “dog” minus that of “cat” is")
    dive.set_viewport_size({"width": 390, "height": 844})
    expect(grid(dive)).to_be_visible()
    dive.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_encoder_says_why_no_part_has_a_share_and_other_families_are_split(dive):
    choose_run(dive, "encoder", 20)
    expect(text(dive, "finding")).to_have_text(
        re.compile(r"^Not applicable: this model normalises the sum after every sub-layer")
    )
    expect(grid(dive)).not_to_be_visible()
    choose_run(dive, "seq2seq", 9)
    expect(grid(dive)).to_have_attribute("data-rows", "4")
    # Its rows are of cross-attention.
    grid(dive).hover(position=cell_place(grid(dive), 1, 0))
    expect(dive.locator("#page-attribution-grid .cells-reading")).to_have_text(
        re.compile(r"^Head 0\.0 \(cross-attention\) adds")
    )
    choose_run(dive, "eager", 20)
    expect(text(dive, "finding")).to_have_text(re.compile(r"^At <eos> \(19\) the logit of"))
    expect(grid(dive)).to_have_attribute("data-rows", "3")


def test_the_encoder_of_an_encoder_decoder_has_norms_writes_and_paths_but_no_predictions(dive):
    expect(dive.get_by_label("encoder", exact=True)).not_to_be_visible()
    choose_run(dive, "seq2seq", 9)
    dive.get_by_label("encoder", exact=True).check()
    sizes = dive.locator("#page-norms-sizes .cells-front")
    expect(sizes).to_have_attribute("data-columns", "20")
    for card in ("lens", "attribution"):
        expect(dive.locator(f"#page-{card}-finding")).to_have_text(
            re.compile(r"^Not applicable: no prediction head reads the encoder's states")
        )
    expect(dive.locator("#page-norms-writes_finding")).to_have_text(
        re.compile(r"^At <eos> \(19\) the (attention|feed-forward) of layer \d writes most")
    )
    expect(dive.locator("#page-paths-finding")).to_have_text(re.compile(r"^The plane shows"))
    dive.get_by_label("decoder", exact=True).check()
    expect(sizes).to_have_attribute("data-columns", "9")
    expect(dive.locator("#page-lens-finding")).to_have_text(re.compile(r"^At half of the positions"))
    expect(grid(dive)).to_be_visible()
