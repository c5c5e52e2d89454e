"""Cause, definitions, uncertainty and nulls over real runs.

Run with: pytest tests/browser/test_sink_runs.py
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

APP = "tests/browser/apps/sink_runs_app.py"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
OWN_TEXTS = """Hello.
The mill by the river closed in the spring, and the people of the town moved away.
The cat sat on the mat while the dog ran over the hill and back again to the barn."""
PERCENT = r"\d+(\.\d+)?\s%"


@pytest.fixture
def sinks(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that stay with the run and the token on screen, and say which head they are about."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(text(page, "definitions-finding")).to_contain_text("<|bos|>")
    return page


def text(page: Page, name: str) -> Locator:
    return page.locator(f"#page-{name}")


def choose_run(page: Page, name: str, token: str) -> None:
    """Show another run and wait until its definitions are there."""
    page.get_by_label("Run", exact=True).select_option(name)
    expect(text(page, "definitions-finding")).to_contain_text(token)


def strongest_head(page: Page, head: str) -> None:
    page.get_by_role("button", name="Head with the largest share").click()
    expect(text(page, "cause-cause_finding")).to_contain_text(f"Head {head} scores")


def test_cards_stand_in_the_order_from_finding_to_nulls(shown):
    titles = shown.locator(".sinks-page h3, .sinks-panels .accordion-button").all_inner_texts()
    wanted = [
        "Where the sinks stand",
        "Every token",
        "Why this token, and does it matter?",
        "What makes its state large",
        "Definitions side by side",
        "How sure is it, over the queries of this text?",
        "Against matched nulls",
        "How sure is it, over texts?",
    ]
    assert [title for title in titles if title in wanted] == wanted


def test_cause_and_consequence_of_a_chosen_head_stand_side_by_side(shown):
    strongest_head(shown, "5.8")
    expect(text(shown, "cause-cause_finding")).to_have_text(
        re.compile(
            r"^Head 5\.8 scores “<\|bos\|>” \(0\) \d.* logits above its other keys, most by the direction"
        )
    )
    expect(text(shown, "cause-parts").locator("tbody tr")).to_have_count(3)
    expect(text(shown, "cause-consequence_finding")).to_have_text(
        re.compile(
            rf"^{PERCENT} of this head's attention \(uniform {PERCENT}\) brings {PERCENT}.*: parked\.$"
        )
    )
    expect(text(shown, "cause-consequence")).to_contain_text("No-op index")


def test_another_head_can_be_chosen_from_the_keyboard(shown):
    layer = shown.get_by_label("Layer", exact=True)
    layer.select_option("3")
    shown.get_by_label("Head", exact=True).select_option("7")
    expect(text(shown, "cause-cause_finding")).to_contain_text("Head 3.7 scores")


def test_the_query_bias_and_the_position_are_measured_by_one_run_each(shown):
    strongest_head(shown, "5.8")
    shown.get_by_role("button", name="Without this head's query bias").click()
    finding = text(shown, "cause-edit_finding")
    expect(finding).to_contain_text(re.compile(r"Without the query bias of head 5\.8 the gap .* logits"))
    shown.get_by_label("with that of token").fill("1")
    shown.get_by_role("button", name="Swap its position vector").click()
    expect(finding).to_contain_text("“<|bos|>” (0) and “The” (1) swapped, head 5.8 gives")
    expect(text(shown, "cause-edit").locator("thead")).to_contain_text("edited")
    shown.get_by_label("with that of token").fill("0")
    shown.get_by_role("button", name="Swap its position vector").click()
    expect(finding).to_have_text("Choose another token than the one in view to swap its position with.")


def test_a_model_with_rotary_positions_says_what_does_not_apply(sinks):
    choose_run(sinks, "rotary", "12 of the 13")
    strongest_head(sinks, "3.6")
    sinks.get_by_role("button", name="Swap its position vector").click()
    expect(text(sinks, "cause-edit_finding")).to_have_text(
        "Swapping positions is not applicable: it needs a learned vector for each position, and demo-llama "
        "has rotary positions."
    )
    sinks.get_by_role("button", name="Without this head's query bias").click()
    expect(text(sinks, "cause-edit_finding")).to_contain_text("bias")


def test_the_states_are_read_when_a_panel_is_opened_in_a_page_for_everybody(sinks):
    expect(text(sinks, "states-birth_finding")).to_be_empty()
    sinks.get_by_role("button", name="What makes its state large").click()
    expect(text(sinks, "states-birth_finding")).to_have_text(
        re.compile(r"^The state of “<\|bos\|>” \(0\) is largest .* feed-forward of layer 5 brings")
    )
    expect(text(sinks, "states-writers")).to_contain_text("norm of the state")
    sinks.get_by_role("button", name="Secondary sinks").click()
    expect(text(sinks, "states-secondary_finding")).to_contain_text("|cos| above 0.9")
    sinks.add_script_tag(path=AXE)
    found = sinks.evaluate("axe.run({exclude: ['shiny-data-frame', '.irs']})")
    serious = [item for item in found["violations"] if item["impact"] in {"serious", "critical"}]
    assert [(item["id"], [node["html"][:160] for node in item["nodes"]]) for item in serious] == []
    sinks.set_viewport_size({"width": 390, "height": 800})
    sinks.wait_for_function("document.documentElement.scrollWidth <= 390")


def test_a_short_text_has_no_verdict_and_an_encoder_no_sink_and_no_writer(sinks):
    choose_run(sinks, "short", "no verdict on a text this short")
    expect(text(sinks, "definitions-warning")).to_contain_text("6 tokens: below 16 uniform attention alone")
    expect(text(sinks, "where-finding")).to_contain_text("too short to tell a sink")
    choose_run(sinks, "encoder", "destroyed")
    expect(text(sinks, "where-finding")).to_have_text(
        "No token of this text is a sink under this definition."
    )
    sinks.get_by_role("button", name="What makes its state large").click()
    expect(text(sinks, "states-birth_note")).to_contain_text("Not additive: this model normalises the sum")
    expect(text(sinks, "sure-queries_finding")).to_contain_text(
        re.compile(r"over 43 queries; 95 %: .* \(BCa\)")
    )
    expect(text(sinks, "cause-cause_finding")).to_contain_text("logits")


def test_the_verdict_changes_with_the_definition_and_each_row_opens(shown):
    expect(text(shown, "definitions-finding")).to_have_text(
        re.compile(r"is a sink by \d+ of the 13 definitions that apply, and none by \d+: the verdict depends")
    )
    row = text(shown, "definitions-table").locator("tbody tr", has_text="Barbero")
    expect(row).to_contain_text("45.97 %")
    row.locator("summary").click()
    expect(row).to_contain_text("Source: Barbero et al. 2025 (arXiv 2504.02732).")
    expect(text(shown, "definitions-same")).to_contain_text("They are one number")


def test_another_token_stands_beside_the_strongest_one(sinks):
    sinks.locator("#page-where-strip .sl-token", has_text="storm").click()
    expect(text(sinks, "definitions-finding")).to_contain_text("“·storm” (24)")
    expect(text(sinks, "definitions-table").locator("thead")).to_contain_text("Raw, “<|bos|>” (0)")
    expect(text(sinks, "sure-queries_finding")).to_contain_text("“·storm” (24) gets")


def test_nulls_stand_beside_the_run(shown):
    expect(text(shown, "nulls-finding")).to_have_text("Not measured yet: each takes one run.")
    shown.get_by_role("button", name="Measure", exact=True).click()
    expect(text(shown, "nulls-finding")).to_have_text(
        re.compile(
            rf"gets {PERCENT}; uniform {PERCENT}, the same tokens shuffled {PERCENT}, .* random weights"
        )
    )
    rows = text(shown, "nulls-table").locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.nth(3)).to_contain_text("random weights")
    expect(rows.nth(3)).to_contain_text(re.compile(r"0\.000"))


def test_own_texts_are_asked_for_and_measured_and_short_ones_are_left_out(shown):
    shown.get_by_text("Which texts").click()
    for box in shown.locator("#page-sure-examples input").all():
        box.set_checked(False)
    shown.get_by_role("button", name="Measure these texts").click()
    expect(text(shown, "sure-texts_finding")).to_contain_text("Choose a bundled text or type one of your own")
    own = shown.get_by_label("Own texts, one a line")
    own.fill(OWN_TEXTS)
    own.press("Tab")
    shown.get_by_role("button", name="Measure these texts").click()
    expect(text(shown, "sure-texts_finding")).to_contain_text("Over 2 texts the first token gets")
    expect(text(shown, "sure-texts")).to_contain_text("fewer than 16; listed, not averaged")
    expect(text(shown, "sure-texts")).to_contain_text("Strongest heads")


def test_a_sink_that_is_no_token_has_its_own_entry(sinks):
    for run, token, name in (("learned", "w10", "learned sink"), ("off by one", "away", "off-by-one sink")):
        choose_run(sinks, run, token)
        expect(text(sinks, "where-kinds")).to_contain_text(
            re.compile(rf"no token\s+L\s+{name}\s+{PERCENT} of a row")
        )


def test_a_family_without_vectors_says_so_and_each_stream_of_another_has_its_own_sinks(sinks):
    choose_run(sinks, "eager", "w2")
    expect(text(sinks, "cause-cause_finding")).to_contain_text("shows finished weights only")
    expect(text(sinks, "cause-parts")).not_to_be_visible()
    expect(text(sinks, "cause-consequence_finding")).to_contain_text("this head")
    sinks.get_by_role("button", name="Measure", exact=True).click()
    expect(text(sinks, "nulls-table")).to_contain_text("can be shown but not edited")
    choose_run(sinks, "seq2seq", "w9")
    text(sinks, "stream").select_option("cross")
    expect(text(sinks, "definitions-finding")).to_contain_text("w8")
    expect(text(sinks, "cause-cause_finding")).to_contain_text("logits")
    expect(sinks.locator(".shiny-output-error")).to_have_count(0)
