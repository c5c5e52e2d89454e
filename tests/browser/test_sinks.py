"""Run with: pytest tests/browser/test_sinks.py"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel_steps import slide

APP = "tests/browser/apps/sinks_app.py"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


@pytest.fixture
def sinks(page: Page, serve) -> Page:
    return opened(page, serve)


@pytest.fixture(scope="module")
def shown(shared_page: Page, serve) -> Page:
    """For tests that only read."""
    return opened(shared_page, serve)


def opened(page: Page, serve) -> Page:
    page.goto(serve(APP))
    expect(finding(page)).to_contain_text("<bos>")
    expect(rows(page).first).to_be_visible()
    return page


def finding(page):
    return page.locator(".sinks-finding")


def rows(page):
    return page.locator("shiny-data-frame tbody tr")


def selected_rows(page):
    return page.locator("shiny-data-frame tbody tr[aria-selected=true]")


def chosen(page):
    return page.locator("#sinks-selection h3")


def download(page, name):
    with page.expect_download() as info:
        page.get_by_role("link", name=name).click()
    return info.value


def test_finding_names_the_sink_with_its_floor_and_its_effect(shown):
    expect(finding(shown)).to_contain_text(re.compile(r"receives \d+\s%.*uniform would be \d+\s%.*parked"))
    expect(shown.locator(".sl-box", has_text="parked,").locator(".sl-value")).to_have_text("1")
    expect(chosen(shown)).to_contain_text("<bos>")


def test_a_clicked_row_selects_the_token_and_a_token_its_row_until_it_is_let_go(sinks):
    rows(sinks).nth(3).click()
    expect(sinks.get_by_text("Selected token: 3,")).to_be_visible()
    expect(chosen(sinks)).to_contain_text("<b>brown</b> at position 3")
    sinks.locator(".sinks-top button").first.click()
    expect(sinks.get_by_text("Selected token: 0,")).to_be_visible()
    expect(selected_rows(sinks)).to_contain_text("<bos>")
    rows(sinks).nth(2).click()
    expect(selected_rows(sinks)).to_have_count(1)
    sinks.get_by_role("button", name="Let the token go").click()
    expect(sinks.get_by_text("Selected token: None")).to_be_visible()
    expect(selected_rows(sinks)).to_have_count(0)
    sinks.locator("shiny-data-frame thead input").nth(3).fill("parking")
    expect(rows(sinks)).to_have_count(1)
    expect(rows(sinks).first).to_contain_text("<bos>")


def test_another_definition_changes_the_numbers_and_keeps_sorting_and_selection(sinks):
    sinks.locator("shiny-data-frame th", has_text="Writes").click()
    expect(rows(sinks).first).not_to_contain_text("<bos>")
    position = f"position {rows(sinks).first.locator('td').first.inner_text()} "
    rows(sinks).first.click()
    expect(chosen(sinks)).to_contain_text(position)
    sinks.get_by_label("Attention received, defined as").select_option(label="Last query")
    expect(sinks.locator(".sinks-definition")).to_contain_text("StreamingLLM")
    expect(finding(sinks)).to_contain_text(re.compile(r"uniform would be 4\.0\s%"))
    expect(rows(sinks).first).not_to_contain_text("<bos>")
    expect(selected_rows(sinks)).to_have_count(1)
    expect(chosen(sinks)).to_contain_text(position)


def test_editable_thresholds_change_both_rules_and_epsilon_the_sink_rate(sinks):
    sinks.get_by_text("Thresholds, and what the labels mean").click()
    sinks.get_by_label("Parked: writes less than ×").fill("0.01")
    expect(finding(sinks)).to_contain_text("partly parked")
    expect(sinks.locator("#sinks-table_finding")).not_to_contain_text("25 neutral")
    sinks.get_by_label("SinkFix: share above θ").fill("0.9")
    expect(sinks.locator("#sinks-table_finding")).to_contain_text("0 beneficial, 0 detrimental, 25 neutral")
    expect(sinks.get_by_text("That is the signature of harmless parking")).to_be_visible()
    box = sinks.locator(".sl-box", has_text="Sink rate")
    expect(box).to_contain_text("ε = 0.3")
    slide(sinks, "sinks-epsilon", 0.95)
    expect(box).to_contain_text("ε = 0.95")
    expect(box.locator(".sl-value")).to_contain_text("0")
    expect(sinks.locator("#sinks-ecdf_finding")).to_contain_text(re.compile(r"more than 95\s%"))


def test_charts_are_drawn_and_say_what_they_show(shown):
    charts = shown.locator(".sl-chart")
    expect(charts).to_have_count(5)
    for number in range(5):
        expect(charts.nth(number)).to_have_attribute("aria-label", re.compile(r".+\.$"))
        expect(charts.nth(number).locator("svg").first).to_be_visible()


def test_csv_names_its_definition_and_holds_every_token(shown):
    saved = download(shown, "Download the table as CSV")
    assert saved.suggested_filename == "sinks-hand-made-eligible.csv"
    with open(saved.path(), encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 25
    assert lines[0]["label"] == "parking sink"
    assert {line["definition"] for line in lines} == {"eligible"}


def test_json_holds_the_analysis_and_what_it_rests_on(shown):
    saved = download(shown, "Download the analysis as JSON")
    report = json.loads(Path(saved.path()).read_text("utf-8"))
    assert report["schema"] == "sinklens/sinks/1"
    assert report["model"]["dtype"] == "float32"
    assert report["tokens"][3]["str"] == "<b>brown</b>"
    assert report["thresholds"]["sinkfix_share"] == 0.02
    assert len(report["tokens"][0]["value_norm"]) == 6


def test_having_no_sink_is_a_result_and_a_learned_one_has_its_own_row(sinks):
    for run, sentence in (
        ("uniform", "No sink here."),
        ("short", "Too short to say: on 4 tokens"),
        ("single", "Too short to say: on 1 token"),
        ("learned", "No token is a sink here."),
    ):
        sinks.get_by_label("Capture").select_option(run)
        expect(finding(sinks)).to_contain_text(sentence)
        expect(sinks.locator(".shiny-output-error")).to_have_count(0)
    expect(finding(sinks)).to_contain_text(re.compile(r"40\s% of a row goes to the learned sink"))
    sinks.locator("shiny-data-frame thead input").nth(3).fill("learned")
    expect(rows(sinks)).to_have_count(1)
    rows(sinks).first.click()
    expect(sinks.get_by_text("Selected token: None")).to_be_visible()
    sinks.set_viewport_size({"width": 390, "height": 800})
    expect(sinks.locator(".sl-chart").first).to_be_visible()
    sinks.wait_for_function("document.documentElement.scrollWidth <= 390")


def test_axe_finds_nothing_serious_that_is_ours(shown):
    shown.add_script_tag(path=AXE)
    found = shown.evaluate("axe.run({exclude: ['shiny-data-frame', '.irs']})")
    serious = [item for item in found["violations"] if item["impact"] in {"serious", "critical"}]
    assert [(item["id"], [node["html"][:160] for node in item["nodes"]]) for item in serious] == []
