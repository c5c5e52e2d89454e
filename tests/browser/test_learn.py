"""Lessons that ask first, a German frame with its tour, and a class that follows its presenter."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from modules.language import COOKIE
from modules.lesson_results import stored_lessons
from sinklens.settings import Settings
from tests.browser.panel_steps import open_stored_example, text_area


def open_learn(page: Page) -> None:
    page.get_by_role("tab", name="Learn", exact=True).click()
    expect(page.get_by_role("heading", name="1 · What attention computes")).to_be_visible()


def expect_page(page: Page, title: str) -> None:
    tab = page.locator(".navbar").get_by_role("tab", name=title, exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")


def test_a_lesson_asks_first_then_shows_and_its_exercise_opens_the_fitting_page(page: Page):
    open_stored_example(page, "/")
    open_learn(page)
    lesson, picture = page.locator("#learn-attention"), page.locator("#learn-attention_map .cells-front")
    reveal = lesson.get_by_role("button", name="Show what was measured")
    expect(reveal).to_be_disabled()
    expect(picture).to_have_count(0)
    lesson.get_by_label("To the first token of the text").check()
    reveal.click()
    result = stored_lessons(Settings().models_dir).results.of("attention")
    expect(lesson.locator(".learn-verdict")).to_contain_text("You expected: “To the first token of the text”")
    weight = f"{100 * result.numbers['weight']:.0f}"
    expect(lesson.locator(".learn-result")).to_contain_text(re.compile(rf"puts {weight}\s%"))
    expect(picture).to_have_attribute("data-rows", str(result.numbers["n_tokens"]))
    expect(page.locator("#learn-attention_row .sl-chart")).to_have_attribute(
        "aria-label", f"The weights of the row of “{result.numbers['token']}”."
    )
    page.reload()
    open_learn(page)
    expect(page.get_by_text("1 of 7 answered")).to_be_visible()
    expect(lesson.locator(".learn-verdict")).to_contain_text("You expected")
    lesson.get_by_role("button", name="The same words twice").click()
    expect_page(page, "Heads")
    expect(text_area(page)).to_have_value(re.compile("Seven green lamps"))
    layer, head = result.head
    expect(page.locator("#heads-chosen-title")).to_have_text(re.compile(rf"^Head {layer}\.{head}:"))


def test_a_german_reader_is_led_through_the_pages_in_german(page: Page, base_url: str):
    page.context.add_cookies([{"name": COOKIE, "value": "de", "url": base_url}])
    try:
        page.goto("/")
        expect(page.get_by_text("Gespeichertes Beispiel.")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page.get_by_role("heading", name="Vorhersagen")).to_be_visible()
        expect(page.get_by_role("button", name="Starten", exact=True)).to_be_enabled()
        page.get_by_role("tab", name="Lernen", exact=True).click()
        expect(page.get_by_role("heading", name="1 · Was Aufmerksamkeit berechnet")).to_be_visible()
        page.locator(".learn-content").get_by_role("button", name="Rundgang starten").click()
        card = page.get_by_role("dialog", name="Ein Modell und ein Text")
        expect(card.get_by_role("heading")).to_be_focused()
        expect_page(page, "Übersicht")
        expect(page.locator("#sidebar")).to_have_class(re.compile("tour-target"))
        page.get_by_role("button", name="Weiter").press("Enter")
        expect(page.get_by_role("dialog", name="Die wichtigsten Zahlen")).to_contain_text("Schritt 2 von 7")
        page.keyboard.press("Escape")
        expect(page.locator("#sl-tour")).to_be_hidden()
        expect(page.locator(".tour-target")).to_have_count(0)
        page.get_by_label("Sprache").select_option("en")
        expect(page.get_by_role("tab", name="Overview", exact=True)).to_be_visible()
    finally:
        page.context.clear_cookies(name=COOKIE)


def test_a_pupil_follows_the_presenter_until_they_look_around(page: Page):
    open_stored_example(page, "/")
    page.get_by_text("Present to a class").click()
    page.get_by_role("button", name="Begin to present").click()
    link = page.get_by_label("Link for pupils")
    expect(link).to_have_value(re.compile(r"\?room=[A-Z2-9]{6}$"))
    pupil = page.context.new_page()
    pupil.goto(link.input_value())
    line = pupil.locator(".sl-note", has_text="room")
    expect(line).to_contain_text("You follow the presenter of room")
    expect(page.get_by_text("1 in the room.")).to_be_visible()
    page.get_by_role("tab", name="Heads", exact=True).click()
    expect_page(pupil, "Heads")
    cell = page.locator("#heads-all-mosaic .cells-front")
    expect(cell).to_be_visible()
    text_area(page).fill("A short one.")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(text_area(pupil)).to_have_value("A short one.")
    expect(pupil.locator("#panel-notes")).to_contain_text(re.compile(r"\b\d tokens"))
    line.get_by_role("button", name="Look around on my own").click()
    expect(line).to_contain_text("You look around on your own")
    page.get_by_role("tab", name="Flow", exact=True).click()
    expect_page(page, "Flow")
    expect_page(pupil, "Heads")
    line.get_by_role("button", name="Follow again").click()
    expect_page(pupil, "Flow")
    page.close()
    expect(line).to_contain_text("has left. What you see stays.")
