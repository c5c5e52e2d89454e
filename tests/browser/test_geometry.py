"""Run with: pytest tests/browser/test_geometry.py"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from safetensors.numpy import load

from tests.browser.panel_steps import expect_tokens, open_stored_example
from tests.browser.test_accessibility import grave_violations

APP = "tests/browser/apps/geometry_app.py"
LOADING_MS = 240_000
"""The first page that computes has to load the model; a busy machine takes its time."""


@pytest.fixture
def geometry(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that stay with the run and its sinks."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(text(page, "layers-finding")).to_contain_text("Cosine of the contribution", timeout=LOADING_MS)
    return page


def text(page: Page, name: str, at: str = "page") -> Locator:
    return page.locator(f"#{at}-{name}")


def choose_run(page: Page, name: str) -> None:
    page.get_by_label("Run", exact=True).select_option(name)


def write_texts(page: Page, *texts: str) -> None:
    """Leave the ready-made texts out and take these."""
    page.locator("#page-study-texts").evaluate("select => select.selectize.clear()")
    page.get_by_label("More texts, one a line").fill("\n".join(texts))
    expect(text(page, "study-cost")).to_contain_text(re.compile(rf"^{len(texts)} texts"))


def test_a_sentence_says_what_the_sinks_add_and_what_it_rests_on(shown):
    expect(text(shown, "layers-finding")).to_have_text(
        re.compile(r"^(No sink was found; token 0 stands in\. )?Sink: the \(0\)\. Cosine .+ in layer \d\.$")
    )
    expect(text(shown, "layers-rests_on")).to_contain_text("One text, 12 queries a layer")
    expect(text(shown, "layers-directions").locator(".sl-chart")).to_have_attribute(
        "aria-label", re.compile(r"^Direction by layer\. ")
    )


def test_a_head_is_read_with_the_keyboard_and_chosen(shown):
    grid = shown.locator("#page-layers-heads .cells-front")
    expect(grid).to_have_attribute("data-rows", "3")
    grid.focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowRight")
    expect(shown.locator("#page-layers-heads .cells-reading")).to_have_text(re.compile(r"^Head 0\.1: [\d.]+"))
    shown.get_by_label("Shown").first.select_option("part")
    expect(text(shown, "layers-heads_finding")).to_contain_text("Sinks' part of the value updates: from")


def test_a_study_separates_texts_from_first_tokens(geometry):
    expect(text(geometry, "study-finding")).to_contain_text("Not computed yet")
    expect(text(geometry, "study-by_layer")).to_be_hidden()
    write_texts(geometry, "the cat sat on a mat", "one dog saw the cat run", "mat and cat and dog", "the")
    geometry.get_by_role("button", name="Compute", exact=True).click()
    expect(text(geometry, "study-finding")).to_contain_text(
        re.compile(r"^3 texts as they are: cosine .+ interval over texts")
    )
    expect(text(geometry, "study-first_finding")).to_contain_text(
        "With 4 other first tokens in the same texts"
    )
    expect(text(geometry, "study-rests_on")).to_contain_text(re.compile(r"Rests on 3 texts with \d+ queries"))
    expect(text(geometry, "study-left_out")).to_contain_text(
        "Left out: “the”. Not applicable: no query looks"
    )
    expect(geometry.locator("#page-study-cosines .cells-front")).to_have_attribute("data-rows", "5")
    # One text and one word of one's own give numbers without an interval.
    write_texts(geometry, "the cat sat on a mat")
    geometry.locator("#page-study-first").evaluate("select => select.selectize.clear()")
    geometry.get_by_label("More first tokens").fill("dog")
    expect(text(geometry, "study-cost")).to_contain_text("= 2 passes")
    geometry.get_by_role("button", name="Compute", exact=True).click()
    expect(text(geometry, "study-finding")).to_contain_text("1 text as it is")
    expect(text(geometry, "study-rests_on")).to_contain_text("Intervals need three texts")
    expect(text(geometry, "study-first_finding")).to_contain_text("With 1 other first token")
    # Other sinks make the numbers old.
    geometry.get_by_label("Sinks", exact=True).select_option("first")
    expect(text(geometry, "study-finding")).to_contain_text("Not computed yet for this model and these sinks")
    expect(text(geometry, "study-by_layer")).to_be_hidden()


def test_the_means_are_handed_over_as_a_file(shown, tmp_path):
    with shown.expect_download() as waiting:
        shown.get_by_role("link", name="Download the means μ as safetensors").click()
    vectors = load(waiting.value.path().read_bytes())
    assert vectors["mean"].shape[0] == 3
    with shown.expect_download() as waiting:
        shown.get_by_role("link", name="Download the layers as CSV").click()
    rows = waiting.value.path().read_text("utf-8").splitlines()
    assert rows[0].startswith("layer,n_queries,directionality,explained")
    assert len(rows) == 4


def test_the_landscape_is_flat_first_and_solid_when_asked(shown):
    flat = shown.locator("#page-surface-flat .cells-front")
    expect(flat).to_have_attribute("data-columns", "13")
    solid = shown.locator("#page-surface-solid .sl-chart")
    expect(solid).to_be_hidden()
    for form in ("surface", "wireframe"):
        shown.get_by_label("Drawn as").select_option(form)
        expect(flat).to_be_hidden()
        expect(solid).to_have_attribute(
            "aria-label", re.compile(rf"^{form.capitalize()} in 3-D: \|h\| after")
        )


def test_an_eager_family_and_an_encoder_decoder_keep_what_applies_to_them(geometry):
    choose_run(geometry, "eager")
    for name in ("layers-finding", "layers-heads_finding"):
        expect(text(geometry, name)).to_contain_text(
            "Not applicable: the family 'bloom' shows finished weights only"
        )
    expect(text(geometry, "layers-directions")).to_be_hidden()
    expect(text(geometry, "norms-finding")).to_contain_text("Farthest apart")
    choose_run(geometry, "seq2seq")
    expect(text(geometry, "layers-rests_on")).to_contain_text(re.compile(r"One text, \d+ queries"))
    geometry.get_by_label("Attention", exact=True).select_option("decoder")
    expect(text(geometry, "study-first_finding")).to_contain_text(
        "not applicable to the decoder's own stream"
    )
    geometry.get_by_label("Attention", exact=True).select_option("cross")
    expect(text(geometry, "norms-finding")).to_contain_text("the sinks of cross-attention stand in the text")
    geometry.set_viewport_size({"width": 390, "height": 844})
    expect(text(geometry, "norms-finding")).to_be_visible()
    geometry.wait_for_function("document.documentElement.scrollWidth <= 390")


def test_the_stored_example_shows_its_numbers_without_a_run(page: Page, base_url):
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Geometry").click()
    finding = text(page, "layers-finding", at="geometry")
    expect(finding).to_contain_text("Sink: <|bos|> (0). Cosine of the contribution", timeout=LOADING_MS)
    expect(text(page, "norms-massive_finding", at="geometry")).to_contain_text(re.compile("massive"))
    assert grave_violations(page) == []


def test_demo_bert_has_its_own_sentence_about_sinks(page: Page, base_url):
    open_stored_example(page, base_url)
    page.get_by_label("Model", exact=True).select_option("demo-bert")
    page.get_by_role("button", name="Run", exact=True).click()
    expect_tokens(page, r"\d+")
    page.get_by_role("tab", name="Geometry").click()
    expect(text(page, "layers-finding", at="geometry")).to_contain_text(
        re.compile(r"Sinks?: .+ Cosine of the contribution"), timeout=LOADING_MS
    )
    expect(text(page, "norms-note", at="geometry")).to_contain_text("Not additive")
