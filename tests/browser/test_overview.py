"""Run with: pytest tests/browser/test_overview.py"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel_steps import until

APP = "tests/browser/apps/overview_app.py"


@pytest.fixture
def overview(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that leave everything as they found it."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(tokens(page).first).to_be_visible()
    return page


def tokens(page):
    return page.locator(".sl-strip-text .sl-token")


def choose_run(page, name, first_token):
    page.get_by_label("Run", exact=True).select_option(name)
    expect(tokens(page).first).to_have_text(first_token)


def test_badge_and_question_mark_open_what_they_stand_for_and_escape_closes_it(shown):
    shown.get_by_role("button", name="Self-check: 2 checks passed, 1 not applicable").click()
    checks = shown.get_by_role("dialog", name="Self-check of hand-made")
    expect(checks.get_by_role("row", name="Same logits")).to_contain_text("3.1e-06")
    shown.keyboard.press("Escape")
    expect(checks).to_be_hidden()

    shown.get_by_role("button", name="What is Sparsity?").focus()
    shown.keyboard.press("Enter")
    definition = shown.get_by_role("dialog", name="Sparsity")
    expect(definition).to_contain_text("A[i,k] < 1/T")
    expect(definition).to_contain_text("Attention Atlas")
    definition.get_by_role("button", name="Close").click()
    expect(definition).to_be_hidden()


def test_clicked_token_is_selected_everywhere_and_a_second_click_lets_it_go(shown):
    fox = shown.get_by_role("button", name=re.compile(r"^token 4 'fox': receives .+ % \(floor .+ %\)"))
    fox.click()
    expect(shown.get_by_text("Selected token: 4")).to_be_visible()
    expect(fox).to_have_attribute("aria-pressed", "true")
    expect(shown.get_by_text("After “·fox”, token 4")).to_be_visible()
    fox.click()
    expect(shown.get_by_text("Selected token: None")).to_be_visible()
    expect(fox).to_have_attribute("aria-pressed", "false")


def test_strip_is_one_tab_stop_and_its_tokens_are_marked_in_either_theme_and_on_a_phone(overview):
    thickness = "span => parseFloat(getComputedStyle(span, '::after').height)"
    sink, other = tokens(overview).nth(0), tokens(overview).nth(5)
    expect(sink).to_have_class(re.compile("sl-token-sink"))
    expect(sink).to_have_css("border-top-style", "solid")
    assert sink.evaluate(thickness) > other.evaluate(thickness) + 1

    legend = overview.locator(".sl-strip-legend")
    expect(legend).to_contain_text("Shade: excess over uniform attention")
    overview.get_by_label("attention received", exact=True).check()
    expect(legend).to_contain_text("Shade: attention received")
    assert float(tokens(overview).nth(3).evaluate("span => span.style.getPropertyValue('--fill')")) > 0
    assert tokens(overview).evaluate_all("spans => spans.filter(span => span.tabIndex === 0).length") == 1
    tokens(overview).first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        overview.keyboard.press(key)
    expect(overview.get_by_text("Selected token: 1")).to_be_visible()
    overview.keyboard.press("End")
    expect(tokens(overview).last).to_be_focused()
    assert tokens(overview).evaluate_all("spans => spans.filter(span => span.tabIndex === 0).length") == 1
    overview.set_viewport_size({"width": 390, "height": 800})
    overview.wait_for_function("document.documentElement.clientWidth <= 390")
    overview.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    colour = "span => getComputedStyle(span).color"
    light = tokens(overview).first.evaluate(colour)
    overview.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    until(overview, lambda: tokens(overview).first.evaluate(colour) != light)


def test_line_breaks_direction_length_and_markup_of_a_text_are_kept(overview):
    place = "span => { const box = span.getBoundingClientRect(); return [box.left, box.top]; }"
    newline = overview.get_by_role("button", name=re.compile("^token 21 '↵'"))
    assert tokens(overview).nth(22).evaluate(place)[1] > newline.evaluate(place)[1]

    choose_run(overview, "hebrew", "[CLS]")
    assert tokens(overview).nth(1).evaluate(place)[0] > tokens(overview).nth(2).evaluate(place)[0]
    choose_run(overview, "book", "·w0")
    expect(tokens(overview)).to_have_count(400)
    box = overview.locator(".sl-strip-text")
    # It scrolls in its own box.
    until(overview, lambda: box.evaluate("box => box.scrollHeight > box.clientHeight + 100"))
    tokens(overview).first.focus()
    overview.keyboard.press("End")
    until(overview, lambda: box.evaluate("box => box.scrollTop") > 0)
    choose_run(overview, "script", "[CLS]")
    expect(tokens(overview).nth(1)).to_have_text("<script>document.title='owned'</script>")
    tokens(overview).nth(1).click()
    expect(overview.locator(".sl-predictions caption")).to_contain_text("<script>document.title")
    expect(overview).to_have_title("Overview")
    expect(overview.locator(".sl-stack script:not([src]), .sl-stack img")).to_have_count(0)


def test_masked_model_predicts_the_selected_token_and_what_does_not_apply_is_said(overview):
    choose_run(overview, "encoder", "[CLS]")
    caption = overview.locator(".sl-predictions caption")
    expect(caption).to_contain_text("at position 10")
    tokens(overview).nth(4).click()
    expect(caption).to_have_text("Instead of “·fox” at position 4")
    expect(overview.get_by_text("The text has “·fox” here: rank 2.")).to_be_visible()
    expect(overview.locator(".sl-predictions").get_by_text("<i>it</i>")).to_be_visible()

    choose_run(overview, "refused", "[CLS]")
    expect(overview.get_by_text("The model's files are damaged.")).to_be_visible()
    choose_run(overview, "single", "word")
    expect(overview.get_by_text("Too short to say").first).to_be_visible()
    choose_run(overview, "headless", "[CLS]")
    expect(overview.get_by_text("This checkpoint has no language-model head")).to_be_visible()
    choose_run(overview, "long", "<bos>")
    expect(overview.get_by_text("Not applicable: the averaged map is kept")).to_have_count(8)
    expect(overview.get_by_text("window 2 of 5, tokens 30–59 of 140")).to_be_visible()
    expect(overview.get_by_text("A warning of the run.")).to_be_visible()
    expect(overview.locator(".shiny-output-error")).to_have_count(0)
