"""Run with `pytest tests/browser/test_studies.py`."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.panel_steps import open_stored_example
from tests.browser.test_accessibility import grave_violations

STUDY_PATIENCE_MS = 180_000
"""A study has a process of its own, which first imports torch."""
TEXTS = (
    "The old lighthouse stood at the end of the harbour for more than a century and a half.\n"
    "In the depths of the ocean, mysterious creatures thrive in complete darkness, adapted to cold.\n"
    "Seven green lamps hung above the quiet station door, and nobody knew who had put them there."
)


def open_studies(page: Page, base_url: str) -> None:
    open_stored_example(page, base_url)
    page.get_by_role("tab", name="Studies").click()
    expect(page.get_by_text("Ready to start: 1 model")).to_be_visible()


def study_file(page: Page) -> Locator:
    return page.get_by_label("Study file (YAML)")


def test_a_study_from_the_form_is_run_reported_and_can_be_taken_away(
    page: Page, base_url: str, tmp_path: Path
):
    open_studies(page, base_url)
    page.get_by_label("Name", exact=True).fill("Three texts")
    page.get_by_label("Texts, one a line").fill(TEXTS)
    expect(study_file(page)).to_have_value(re.compile("name: Three texts.*Seven green lamps", re.DOTALL))
    page.get_by_role("button", name="Start the study").click()
    expect(page.get_by_role("heading", name="Three texts")).to_be_visible()
    state = page.locator("#studies-view-state")
    expect(state).to_contain_text("✓ done · 3 texts × demo-gpt2", timeout=STUDY_PATIENCE_MS)
    report = page.locator(".study-report")
    expect(report).to_contain_text(re.compile(r"demo-gpt2: \d+\s%.* of the attention .* mean of 3 texts"))
    expect(report.get_by_role("img", name=re.compile("First-token share by layer"))).to_be_visible()
    assert grave_violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Report (HTML)").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    alone = page.context.new_page()
    alone.goto(file.as_uri())
    expect(alone.get_by_role("heading", name="Three texts", level=1)).to_be_visible()
    assert grave_violations(alone) == []
    assert alone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Another visitor finds it in the list.
    open_studies(alone, base_url)
    alone.get_by_role("button", name="Open the study Three texts").click()
    expect(alone.locator(".study-report")).to_contain_text("Summary over texts")


def test_what_is_wrong_is_told_with_line_field_and_file(page: Page, base_url: str, tmp_path: Path):
    open_studies(page, base_url)
    good = study_file(page).input_value()
    study_file(page).fill(good.replace("models:", "modells:"))
    expect(page.get_by_text("line 2, 'modells': this field is not known here")).to_be_visible()
    expect(page.get_by_text("This file is not the form's any more")).to_be_visible()
    page.get_by_role("button", name="Write it from the form again").click()
    expect(page.get_by_text("Ready to start: 1 model")).to_be_visible()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n", "utf-8")
    (tmp_path / "lines.txt").write_text("One line.\nAnother line.\n", "utf-8")
    page.get_by_label("Files with texts").set_input_files([tmp_path / "table.csv", tmp_path / "lines.txt"])
    expect(page.get_by_text("'table.csv' has no column 'text'; it has 'a', 'b'.")).to_be_visible()
    expect(page.get_by_text("lines.txt: 2 texts")).to_be_visible()
    expect(study_file(page)).to_have_value(re.compile(r"path: uploads/lines-\w+\.txt"))
    page.get_by_label("Column with the text").fill("b")
    expect(page.get_by_text("table.csv: 1 text")).to_be_visible()


def test_a_study_at_work_can_be_stopped_and_goes_on_later(page: Page, base_url: str):
    open_studies(page, base_url)
    study_file(page).fill(
        "name: Long\nmodels: [demo-gpt2]\nmeasurements: [first_token]\n"
        "texts: [{generate: random tokens, n: 5000, n_tokens: 64}]\n"
    )
    expect(page.get_by_text("Ready to start: 1 model, 1 source of texts, 1 measurement.")).to_be_visible()
    page.get_by_role("button", name="Start the study").click()
    progress = page.locator("#studies-view-progress")
    told = re.compile(r"[\d,]+ of 5,000 texts × models · [\d,]+ tokens a second.* left at this rate")
    expect(progress).to_contain_text(told, timeout=STUDY_PATIENCE_MS)
    page.get_by_role("button", name="Stop the study").click()
    expect(page.locator("#studies-view-state")).to_contain_text("stopped, can go on")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.locator(".study-report")).to_contain_text("Not finished (stopped)")
