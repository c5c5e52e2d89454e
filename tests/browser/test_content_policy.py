"""The page works under its own content policy, and a script that gets into it all the same does not run."""

from __future__ import annotations

from playwright.sync_api import BrowserContext

from tests.browser.panel_steps import expect_settled, open_stored_example

WATCH = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
INTRUDE = """() => {
  const place = document.createElement("div");
  place.innerHTML = '<img src="static/none.png" onerror="window.owned = true">';
  document.body.append(place);
  const script = document.createElement("script");
  script.textContent = "window.owned = true";
  document.body.append(script);
  const stranger = document.createElement("script");
  stranger.src = "https://example.org/script.js";
  document.body.append(stranger);
}"""


def test_pages_need_nothing_that_is_forbidden_and_intruders_get_nothing(context: BrowserContext, base_url):
    page = context.new_page()  # the fixture's own page would count the refusals that are wanted here
    page.add_init_script(WATCH)
    open_stored_example(page, base_url)
    for title in ("Heads", "Sinks", "Deep dive"):
        page.get_by_role("tab", name=title, exact=True).click()
        expect_settled(page)
    assert page.evaluate("window.refused") == []

    page.evaluate(INTRUDE)
    page.wait_for_function("window.refused.length >= 3")
    assert page.evaluate("window.owned") is None
    refused = page.evaluate("window.refused")
    assert {"script-src-attr inline", "script-src-elem inline"} <= set(refused)
    assert any("example.org" in entry for entry in refused)
    page.close()
