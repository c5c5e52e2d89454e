"""Run with: pytest tests/browser/test_flow.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import expect_settled, open_stored_example, slide, until

APP = "tests/browser/apps/flow_app.py"


@pytest.fixture
def flow(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that leave everything as they found it."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(lines(page)).to_have_attribute("data-rows", "13")
    return page


def lines(page: Page) -> Locator:
    return page.locator("#page-links-links .cells-front")


def reading(page: Page) -> Locator:
    return page.locator("#page-links-links .cells-reading")


def mixed(page: Page) -> Locator:
    return page.locator("#page-rollout-mixed .cells-front")


def finding(page: Page, name: str) -> Locator:
    return page.locator(f"#page-{name}")


def token_place(canvas: Locator, side: str, index: int) -> dict:
    """A label of the left ("query") or the right ("key") column, in pixels of the canvas."""
    at = canvas.evaluate("canvas => ({...canvas.dataset})")
    x = float(at["left"]) - 8 if side == "query" else float(at["right"]) + 8
    return {"x": x, "y": float(at["top"]) + (index + 0.5) * float(at["row"])}


def choose_run(page: Page, name: str, n_rows: int) -> None:
    page.get_by_label("Run", exact=True).select_option(name)
    expect(lines(page)).to_have_attribute("data-rows", str(n_rows))


def sentences(page: Page) -> Locator:
    return page.locator("[id$=sentences-matrix] .cells-front")


def cell_place(canvas: Locator, row: int, column: int) -> dict:
    """Middle of a cell of a heat map, in pixels of its canvas."""
    at = canvas.evaluate("canvas => ({...canvas.dataset})")
    return {
        "x": float(at["left"]) + (column + 0.5) * float(at["cellWidth"]),
        "y": float(at["top"]) + (row + 0.5) * float(at["cellHeight"]),
    }


def test_pointing_at_a_query_says_what_it_looks_at(shown):
    lines(shown).hover(position=token_place(lines(shown), "query", 2))
    expect(reading(shown)).to_have_text(re.compile(r"^sat \(2\) looks at (the|cat|sat) \(\d\) 0\.\d{4}"))


def test_pointing_at_a_key_says_who_looks_at_it(shown):
    lines(shown).hover(position=token_place(lines(shown), "key", 0))
    expect(reading(shown)).to_have_text(re.compile(r"^the \(0\) is looked at by the \(0\) 1\.0000"))


def test_a_click_selects_the_token_and_a_second_one_lets_it_go(shown):
    lines(shown).click(position=token_place(lines(shown), "key", 3))
    expect(shown.get_by_text("Selected token: 3")).to_be_visible()
    lines(shown).click(position=token_place(lines(shown), "key", 3))
    expect(shown.get_by_text("Selected token: None")).to_be_visible()


def test_rollout_says_where_a_position_comes_from_and_its_sources_name_rollout_and_flow(shown):
    expect(mixed(shown)).to_have_attribute("data-rows", "13")
    expect(finding(shown, "rollout-finding")).to_have_text(re.compile(r"^After layer 2, .+ of away \(12\)"))
    expect(finding(shown, "rollout-sources_finding")).to_have_text(
        re.compile(r"^Position away \(12\): by rollout most comes from .+, by flow from .+\.$")
    )


def test_one_sentence_is_told_in_a_sentence_and_the_other_cards_go_on(shown):
    expect(finding(shown, "sentences-finding")).to_contain_text("This text is one sentence")
    expect(sentences(shown)).to_be_hidden()
    expect(finding(shown, "rollout-finding")).to_have_text(re.compile(r"^After layer 2"))
    expect(finding(shown, "tree-finding")).to_contain_text("away (12) looks most at ")


def test_fewer_lines_arcs_the_mean_of_a_layer_and_another_way_of_mixing_are_chosen(flow):
    before = n_lines(flow)
    slide(flow, "page-links-least", 0.5)
    until(flow, lambda: n_lines(flow) < before)
    flow.get_by_label("Drawn as").select_option("arcs")
    expect(lines(flow)).to_have_attribute("data-layout", "arcs")
    flow.get_by_label("Attention of").select_option("layer")
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Mean of layer 0: .+ gets most, "))
    share = flow.locator(".shiny-input-container", has_text="Residual share r")
    expect(share).to_be_visible()
    flow.get_by_label("Mixed by").select_option("norms")
    expect(share).not_to_be_visible()


def n_lines(page: Page) -> int:
    return int(lines(page).get_attribute("data-lines"))


def test_a_long_text_an_encoder_decoder_and_an_eager_family_have_what_applies_to_them(flow):
    choose_run(flow, "seq2seq", 20)
    expect(finding(flow, "rollout-finding")).to_have_text(re.compile(r"^After layer \d"))
    flow.get_by_label("Root token").select_option("2")
    # An encoder looks both ways.
    expect(finding(flow, "tree-finding")).to_contain_text("w2 (2) looks most at ")
    expect(finding(flow, "sentences-finding")).to_have_text(
        re.compile(r"^(All layers: .+ sentence \d|This text is one sentence)")
    )
    choose_run(flow, "long", 260)
    expect(finding(flow, "rollout-sources_finding")).to_contain_text("Flow is computed for up to 96 tokens")
    choose_run(flow, "eager", 20)
    expect(finding(flow, "rollout-finding")).to_have_text(re.compile(r"^After layer \d"))


def test_two_sentences_are_compared_and_a_cell_opens_its_tokens(page, base_url):
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Flow").click()
    expect(page.locator("#flow-sentences-finding")).to_have_text(
        re.compile(r"^All layers: .*sentence 2 (gives|looks at) sentence 1 .+ special tokens")
    )
    expect(sentences(page)).to_have_attribute("data-columns", "3")
    sentences(page).click(position=cell_place(sentences(page), 1, 2))
    opened = page.locator("#flow-sentences-opened_finding")
    expect(opened).to_have_text(
        re.compile(r"^sentence 2 → special tokens, sinks and spaces, token by token: .+ most, .+%\.$")
    )
    sentences(page).click(position=cell_place(sentences(page), 0, 1))
    expect(opened).to_have_text("sentence 1 → sentence 2, token by token: nothing is visible here.")


def test_a_branch_opens_from_the_keyboard_and_the_tree_begins_at_the_selected_token(flow):
    expect(finding(flow, "tree-size")).to_have_text(re.compile(r"^\d+ tokens shown"))
    expect(finding(flow, "tree-finding")).to_contain_text("away (12) looks most at ")
    before = int(finding(flow, "tree-size").inner_text().split()[0])
    expect(flow.locator(".flow-branch")).to_have_count(before)
    expect_settled(flow)
    flow.locator(".flow-tree details:not([open]) > summary").first.press("Enter")
    expect(finding(flow, "tree-size")).not_to_have_text(re.compile(rf"^{before} tokens"))
    after = int(finding(flow, "tree-size").inner_text().split()[0])
    expect(flow.locator(".flow-branch")).to_have_count(after)
    assert after > before
    lines(flow).focus()
    flow.keyboard.press("ArrowDown")
    flow.keyboard.press("ArrowDown")
    expect(reading(flow)).to_have_text(re.compile(r"^sat \(2\) looks at"))
    flow.keyboard.press("Enter")
    expect(flow.get_by_text("Selected token: 2")).to_be_visible()
    expect(finding(flow, "tree-finding")).to_contain_text("sat (2) looks most at ")
    lines(flow).click(position=token_place(lines(flow), "key", 3))
    expect(finding(flow, "tree-finding")).to_contain_text("on (3) looks most at ")
    expect(flow.get_by_label("Root token")).to_have_value("3")
    flow.get_by_label("Root token").select_option("5")
    expect(flow.get_by_text("Selected token: 5")).to_be_visible()
    expect(finding(flow, "tree-finding")).to_contain_text("mat (5) looks most at ")
