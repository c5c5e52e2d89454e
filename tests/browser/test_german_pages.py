"""Pages of analysis in German: their words, their findings, and what their choices do."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from modules.language import COOKIE


def test_a_german_reader_finds_german_words_on_the_pages_and_their_choices_work(page: Page, base_url: str):
    page.context.add_cookies([{"name": COOKIE, "value": "de", "url": base_url}])
    try:
        page.goto("/")
        expect(page.get_by_role("heading", name="Der Text, eingefärbt")).to_be_visible()
        expect(
            page.get_by_text(re.compile(r"erhält \d+\s% der Aufmerksamkeit; gleich verteilt"))
        ).to_be_visible()

        token = page.locator(".sl-strip-text .sl-token").nth(1)
        token.hover()
        expect(page.locator(".sl-strip-readout")).to_contain_text("erhält")
        expect(token.locator("bdi")).to_have_text("The")
        curve = page.locator("#overview-curve .sl-chart")
        expect(curve.locator(".xtitle")).to_have_text("Schicht")
        expect(curve.locator(".legendtext").last).to_have_text("gleich verteilt")
        expect(curve).to_have_attribute("aria-label", re.compile("Aufmerksamkeit auf dem ersten Token"))

        # The model card, with a table whose cells are words of the app.
        page.get_by_role("button", name=re.compile(r"^Selbstprüfung: \d+ Prüfungen bestanden")).click()
        expect(page.get_by_role("dialog")).to_contain_text("✓ bestanden")
        expect(page.get_by_role("dialog")).to_contain_text("Zeilen ergeben bis auf")
        page.keyboard.press("Escape")

        page.get_by_role("tab", name="Köpfe", exact=True).click()
        metric, finding = page.get_by_label("Metrik", exact=True), page.locator("#heads-metric-finding")
        expect(finding).to_contain_text("Am höchsten in Kopf")
        first = finding.inner_text()
        metric.select_option(label="Fokus (normierte Entropie)")
        expect(metric).to_have_value("focus")
        expect(finding).not_to_have_text(first)
        expect(finding).to_contain_text("Am höchsten in Kopf")

        picture = page.locator("#heads-chosen-picture canvas.cells-front")
        expect(picture).to_have_attribute("data-rows", re.compile(r"\d+"))
        expect(picture).to_have_attribute(
            "aria-label", re.compile(r"seiner Aufmerksamkeit.*Pfeiltasten gehen")
        )
        picture.hover(position={"x": 120, "y": 120})
        expect(page.locator("#heads-chosen-picture .cells-reading")).to_contain_text("→ Key")

        page.get_by_role("tab", name="Senken", exact=True).click()
        rule = page.get_by_label("Erhaltene Aufmerksamkeit, definiert als")
        expect(page.get_by_role("heading", name="Wo die Senken stehen")).to_be_visible()
        rule.select_option(label="Letzte Query")
        expect(page.locator("#page-results, .tab-pane.active").locator("code").first).to_contain_text(
            "A[T−1,k]"
        )
        expect(page.locator(".tab-pane.active").get_by_text("P · Parksenke")).to_be_visible()
        expect(page.locator("#sinks-definitions-finding")).to_contain_text("Definitionen")
        expect(page.locator("#sinks-definitions-table")).to_contain_text("keine Senke")
        expect(page.get_by_role("columnheader", name="Erhalten %")).to_be_visible()
    finally:
        page.context.clear_cookies(name=COOKIE)
