"""Run with: pytest tests/browser/test_heads.py"""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import until

APP = "tests/browser/apps/heads_app.py"
ROUNDING = 1.01e-4


@pytest.fixture
def heads(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that stay with the run, the head, the number and what is hidden."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(picture(page)).to_have_attribute("data-rows", "13")
    expect(mosaic(page)).to_have_attribute("data-heads", "2")
    return page


def picture(page: Page) -> Locator:
    return page.locator("#page-chosen-picture .cells-front")


def mosaic(page: Page) -> Locator:
    return page.locator("#page-all-mosaic .cells-front")


def reading(page: Page) -> Locator:
    return page.locator("#page-chosen-picture .cells-reading")


def legend(page: Page) -> Locator:
    return page.locator("#page-chosen-picture .cells-legend")


def place(canvas: Locator, row: int, column: int) -> dict:
    """Middle of a cell of the heat map, in pixels of its canvas."""
    at = canvas.evaluate("canvas => ({...canvas.dataset})")
    return {
        "x": float(at["left"]) + (column + 0.5) * float(at["cellWidth"]),
        "y": float(at["top"]) + (row + 0.5) * float(at["cellHeight"]),
    }


def pick_head(page: Page, layer: int, head: int) -> None:
    at = mosaic(page).evaluate("canvas => ({...canvas.dataset})")
    mosaic(page).click(
        position={
            "x": float(at["left"]) + (head + 0.4) * float(at["pitch"]),
            "y": float(at["top"]) + (layer + 0.4) * float(at["pitch"]),
        }
    )


def choose_run(page: Page, name: str, n_rows: int) -> None:
    page.get_by_label("Run", exact=True).select_option(name)
    expect(picture(page)).to_have_attribute("data-rows", str(n_rows))


def weight_in(text: str) -> float:
    return float(re.search(r"(?::|weight) ([\d.]+)", text).group(1))


def test_pointing_at_a_cell_reads_query_key_and_weight(shown):
    picture(shown).hover(position=place(picture(shown), 2, 1))
    expect(reading(shown)).to_have_text(re.compile(r"^query sat \(2\) → key cat \(1\): 0\.\d{4}$"))


def test_first_query_can_only_see_itself(shown):
    picture(shown).hover(position=place(picture(shown), 0, 0))
    expect(reading(shown)).to_have_text(re.compile(r": 1\.0000$"))


def test_masked_cells_are_texture_and_are_read_as_such(shown):
    picture(shown).hover(position=place(picture(shown), 0, 5))
    expect(reading(shown)).to_have_text(re.compile("the query cannot see this key$"))
    expect(picture(shown)).to_have_attribute("data-masked", str(13 * 12 // 2))
    expect(legend(shown)).to_contain_text("the query cannot see this key")


def test_steps_of_a_clicked_cell_end_at_the_weight_of_the_map(shown):
    picture(shown).click(position=place(picture(shown), 9, 4))
    steps = shown.locator("#page-steps-finding")
    expect(steps).to_contain_text(re.compile(r"\(9\) → .*\(4\): weight"))
    of_map, of_steps = weight_in(reading(shown).inner_text()), weight_in(steps.inner_text())
    assert of_steps == pytest.approx(of_map, abs=ROUNDING)
    softmax = shown.locator(".heads-steps code").last.inner_text()
    assert float(softmax.split("= ")[1]) == pytest.approx(of_map, abs=ROUNDING)


def test_steps_follow_a_click_after_a_drawing_that_looks_like_the_last_one(heads):
    heads.get_by_label("Hide and renormalise").select_option("special")
    expect(heads.locator("#page-chosen-note")).to_contain_text("this text has no special tokens")
    picture(heads).click(position=place(picture(heads), 9, 4))
    expect(heads.locator("#page-steps-finding")).to_contain_text(re.compile(r"\(9\) → .*\(4\): weight"))
    # A hidden column is said, and reads hidden.
    heads.get_by_label("Hide and renormalise").select_option("first")
    expect(heads.locator("#page-chosen-note")).to_contain_text("the rest of each row sums to 1")
    until(heads, lambda: reads(heads, 5, 0).endswith(": hidden"))
    until(heads, lambda: reads(heads, 1, 1).endswith(": 1.0000"))


def reads(page: Page, row: int, column: int) -> str:
    """What the picture reads at a cell now; it may be about to be drawn anew."""
    picture(page).hover(position=place(picture(page), row + 1, column))
    picture(page).hover(position=place(picture(page), row, column))
    return reading(page).inner_text()


def test_a_head_that_is_picked_comes_into_view_everywhere(heads):
    in_mosaic = heads.locator("#page-all-mosaic .cells-reading")
    heads.get_by_label("Layer", exact=True).select_option("1")
    expect(in_mosaic).to_contain_text("layer 1, head 0 ·")
    expect(in_mosaic).to_contain_text("floor")
    pick_head(heads, 2, 1)
    expect(heads.get_by_role("heading", name="Head 2.1: layer 2, head 1")).to_be_visible()
    expect(heads.locator("#page-chosen-finding")).to_contain_text("Head 2.1 ")
    expect(heads.locator("#page-chosen-finding")).to_contain_text("uniform would be")
    expect(heads.get_by_label("Layer", exact=True)).to_have_value("2")
    expect(heads.get_by_label("Head", exact=True)).to_have_value("1")
    expect(heads.locator("#page-metric-grid .cells-reading")).to_contain_text("layer 2, head 1 · first-token")
    # The steps are of the head on screen, however fast heads are picked.
    for layer, head in ((2, 1), (0, 1), (1, 0)):
        pick_head(heads, layer, head)
    expect(heads.get_by_role("heading", name="Head 1.0: layer 1, head 0")).to_be_visible()
    steps = heads.locator("#page-steps-finding")
    expect(steps).to_contain_text("in head 1.0.")
    weight = weight_in(steps.inner_text())
    until(heads, lambda: weight_in(reading(heads).inner_text()) == pytest.approx(weight, abs=ROUNDING))


def test_keyboard_reads_and_opens_a_cell_and_picks_a_head(heads):
    picture(heads).focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        heads.keyboard.press(key)
    expect(reading(heads)).to_contain_text("(10) → key")
    expect(heads.locator("#page-steps-finding")).to_contain_text("(10) →")
    expect(heads.locator("#page-chosen-picture [role=status]")).to_contain_text("(10) → key")
    mosaic(heads).focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        heads.keyboard.press(key)
    expect(heads.get_by_role("heading", name="Head 1.1: layer 1, head 1")).to_be_visible()


def test_colour_scale_changes_in_the_browser(shown):
    scale = shown.locator("#page-chosen-picture").get_by_label("Colour")
    for name in ("log", "linear", "sqrt"):
        scale.select_option(name)
        expect(picture(shown)).to_have_attribute("data-scale", name)


def test_value_weighting_names_its_formula_and_changes_the_number(heads):
    picture(heads).click(position=place(picture(heads), 6, 2))
    expect(reading(heads)).to_have_text(re.compile(r"\(6\) → key .* \(2\): [\d.]+$"))
    before = weight_in(reading(heads).inner_text())
    heads.get_by_label("Number", exact=True).select_option("value")
    expect(heads.locator("#page-chosen-note")).to_contain_text("‖v_k W_O‖")
    heads.get_by_label("Number", exact=True).select_option("value_rows")
    expect(heads.locator("#page-chosen-note")).to_contain_text("over its sum in the row")
    expect(reading(heads)).not_to_contain_text(f"{before:.4f}")


def test_clicked_label_selects_its_token_and_lets_it_go(shown):
    label = {**place(picture(shown), 0, 3), "y": 20}
    picture(shown).click(position=label)
    expect(shown.get_by_text("Selected token: 3")).to_be_visible()
    picture(shown).click(position=label)
    expect(shown.get_by_text("Selected token: None")).to_be_visible()


def test_metric_of_the_grid_opens_its_definition(shown):
    shown.get_by_label("Metric").select_option("focus")
    shown.get_by_text("What is focus (normalised entropy)?").click()
    expect(shown.locator(".heads-definition")).to_contain_text("Zhai et al. 2023")


def test_an_encoder_decoder_has_its_streams_and_a_family_without_vectors_says_what_is_missing(heads):
    choose_run(heads, "seq2seq", 20)
    heads.get_by_label("Attention", exact=True).select_option("cross")
    expect(picture(heads)).to_have_attribute("data-rows", "9")
    expect(picture(heads)).to_have_attribute("data-columns", "20")
    expect(picture(heads)).to_have_attribute("data-masked", "0")
    choose_run(heads, "eager", 20)
    expect(heads.locator("#page-steps-finding")).to_contain_text("Not available.")
    expect(heads.locator("#page-steps-finding")).to_contain_text("finished weights only")
    heads.get_by_label("Number", exact=True).select_option("value")
    expect(heads.locator("#page-chosen-note")).to_contain_text("gives no value vectors")


def test_long_text_reads_exactly_what_it_draws_in_steps_and_dragging_enlarges_cells(heads):
    choose_run(heads, "long", 260)
    picture(heads).click(position=place(picture(heads), 200, 40))
    expect(reading(heads)).to_have_text(re.compile(r": [\d.e-]+$"))
    expect(heads.locator("#page-steps-finding")).to_contain_text("weight")
    row, column = (int(n) for n in re.findall(r"\((\d+)\)", reading(heads).inner_text()))
    assert abs(row - 200) <= 1
    assert abs(column - 40) <= 1
    # Escape shows everything again.
    picture(heads).scroll_into_view_if_needed()
    start, end = place(picture(heads), 100, 20), place(picture(heads), 140, 60)
    box = picture(heads).bounding_box()
    heads.mouse.move(box["x"] + start["x"], box["y"] + start["y"])
    heads.mouse.down()
    heads.mouse.move(box["x"] + end["x"], box["y"] + end["y"], steps=4)
    heads.mouse.up()
    expect(legend(heads)).to_contain_text("enlarged")
    enlarged = cell_width(heads)
    picture(heads).press("Escape")
    until(heads, lambda: cell_width(heads) < enlarged / 3)


def cell_width(page: Page) -> float:
    return picture(page).evaluate("canvas => Number(canvas.dataset.cellWidth)")


def test_pictures_have_a_sentence_for_those_who_do_not_see_them(shown):
    expect(picture(shown)).to_have_attribute("aria-label", re.compile("^Head 0.0 .* uniform would be"))
    expect(mosaic(shown)).to_have_attribute("aria-label", re.compile("^6 heads in 3 layers"))


def test_the_kind_of_the_head_in_view_comes_with_its_evidence_and_similar_heads(heads):
    kind = heads.locator("#page-kind-title")
    expect(kind).to_have_text(re.compile(r"^Head 0\.0"))
    button = heads.locator("#page-kind-similar button").first
    name = button.inner_text().split(" ")[0]
    button.click()
    expect(kind).to_have_text(re.compile(rf"^Head {re.escape(name)}: "))
    expect(heads.locator("#page-chosen-title")).to_have_text(re.compile(rf"^Head {re.escape(name)}: "))
    pick_head(heads, 1, 1)
    expect(kind).to_have_text(re.compile(r"^Head 1\.1: \w+"))
    expect(heads.locator("#page-kind-reason")).to_have_text(re.compile(r"\.$"))
    expect(heads.locator("#page-kind-rest")).to_contain_text("of its attention to sinks and puts out")
    expect(heads.locator("#page-kind-kinds")).to_contain_text("All 6 heads:")
    for width in (1280, 390):
        heads.set_viewport_size({"width": width, "height": 800})
        expect(heads.locator(".heads-page")).to_be_visible()
        heads.wait_for_function(f"document.documentElement.scrollWidth <= {width}")


def test_the_grid_can_show_what_heads_do_outside_the_sinks(shown):
    shown.get_by_label("Metric").select_option("previous_token_score")
    expect(shown.locator("#page-metric-finding")).to_have_text(re.compile(r"^Highest in head \d\.\d: "))
    shown.get_by_text("What is previous token?").click()
    expect(shown.locator("#page-metric-about")).to_contain_text("Olsson et al. 2022")


def test_heads_of_a_random_model_are_grouped_or_said_to_have_no_groups(shown):
    expect(shown.locator("#page-groups-finding")).to_have_text(re.compile("silhouette|nothing to group"))
