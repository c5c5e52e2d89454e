"""Run with: pytest tests/browser/test_flow.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

APP = "tests/browser/apps/flow_app.py"


@pytest.fixture
def flow(page: Page, serve) -> Page:
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


def test_pointing_at_a_query_says_what_it_looks_at(flow):
    lines(flow).hover(position=token_place(lines(flow), "query", 2))
    expect(reading(flow)).to_have_text(re.compile(r"^sat \(2\) looks at (the|cat|sat) \(\d\) 0\.\d{4}"))


def test_pointing_at_a_key_says_who_looks_at_it(flow):
    lines(flow).hover(position=token_place(lines(flow), "key", 0))
    expect(reading(flow)).to_have_text(re.compile(r"^the \(0\) is looked at by the \(0\) 1\.0000"))


def test_a_click_selects_the_token_and_a_second_one_lets_it_go(flow):
    lines(flow).click(position=token_place(lines(flow), "key", 3))
    expect(flow.get_by_text("Selected token: 3")).to_be_visible()
    lines(flow).click(position=token_place(lines(flow), "key", 3))
    expect(flow.get_by_text("Selected token: None")).to_be_visible()


def test_the_keyboard_reads_tokens_and_selects_one(flow):
    lines(flow).focus()
    flow.keyboard.press("ArrowDown")
    flow.keyboard.press("ArrowDown")
    expect(reading(flow)).to_have_text(re.compile(r"^sat \(2\) looks at"))
    flow.keyboard.press("Enter")
    expect(flow.get_by_text("Selected token: 2")).to_be_visible()


def test_arcs_stand_beside_one_column(flow):
    flow.get_by_label("Drawn as").select_option("arcs")
    expect(lines(flow)).to_have_attribute("data-layout", "arcs")


def test_a_higher_threshold_draws_fewer_lines(flow):
    before = int(lines(flow).get_attribute("data-lines"))
    flow.locator("#page-links-least").evaluate(
        "slider => $(slider).data('ionRangeSlider').update({from: 0.5})"
    )
    expect(lines(flow)).not_to_have_attribute("data-lines", str(before))
    assert int(lines(flow).get_attribute("data-lines")) < before


def test_the_mean_of_a_layer_is_named_in_the_finding(flow):
    flow.get_by_label("Attention of").select_option("layer")
    expect(finding(flow, "links-finding")).to_have_text(re.compile(r"^Mean of layer 0: .+ gets most, "))


def test_rollout_says_where_a_position_comes_from(flow):
    expect(mixed(flow)).to_have_attribute("data-rows", "13")
    expect(finding(flow, "rollout-finding")).to_have_text(re.compile(r"^After layer 2, .+ of away \(12\)"))


def test_the_sources_name_rollout_and_flow(flow):
    expect(finding(flow, "rollout-sources_finding")).to_have_text(
        re.compile(r"^Position away \(12\): by rollout most comes from .+, by flow from .+\.$")
    )


def test_an_encoder_decoder_rolls_its_encoder(flow):
    choose_run(flow, "seq2seq", 20)
    expect(finding(flow, "rollout-finding")).to_have_text(re.compile(r"^After layer \d"))


def test_an_eager_family_has_lines_and_rollout_too(flow):
    choose_run(flow, "eager", 20)
    expect(finding(flow, "rollout-finding")).to_have_text(re.compile(r"^After layer \d"))


def test_a_long_text_is_drawn_without_flow(flow):
    choose_run(flow, "long", 260)
    expect(finding(flow, "rollout-sources_finding")).to_contain_text("Flow is computed for up to 96 tokens")
