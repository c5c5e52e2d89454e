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

        page.get_by_role("tab", name="Köpfe", exact=True).click()
        metric, finding = page.get_by_label("Metrik", exact=True), page.locator("#heads-metric-finding")
        expect(finding).to_contain_text("Am höchsten in Kopf")
        first = finding.inner_text()
        metric.select_option(label="Fokus (normierte Entropie)")
        expect(metric).to_have_value("focus")
        expect(finding).not_to_have_text(first)
        expect(finding).to_contain_text("Am höchsten in Kopf")

        page.get_by_role("tab", name="Senken", exact=True).click()
        rule = page.get_by_label("Erhaltene Aufmerksamkeit, definiert als")
        expect(page.get_by_role("heading", name="Wo die Senken stehen")).to_be_visible()
        rule.select_option(label="Letzte Query")
        expect(page.locator("#page-results, .tab-pane.active").locator("code").first).to_contain_text(
            "A[T−1,k]"
        )
        expect(page.locator(".tab-pane.active").get_by_text("P · Parksenke")).to_be_visible()
    finally:
        page.context.clear_cookies(name=COOKIE)
