"""The chooser of the language at the foot of the left panel, and the words of one session."""

from __future__ import annotations

import json

from htmltools import Tag, TagList
from shiny import Session, reactive, ui

from modules.language import COOKIE, DEFAULT, LANGUAGES, Words, browser_words, later, words_in

CHOOSER = "language"
"""Id of the chooser; Shiny tells its value like that of any other input."""
SCRIPT_WORDS = "sl-words"
"""Id of the element in which `sinklens/widgets/say.js` finds its words."""
STILL_ENGLISH = later(
    "In German, sources, model cards, reports of studies and rare messages, and figures and files that are "
    "downloaded, are still in English, and numbers of an analysis are written as in English: 1,000 is a "
    "thousand, 0.5 a half."
)


def language_choice_ui(say: Words) -> Tag:
    """The chooser; `static/language.js` keeps the choice in a cookie and opens the page again."""
    options = (
        ui.tags.option(name, value=code, lang=code, selected="" if code == say.language else None)
        for code, name in LANGUAGES.items()
    )
    choice = ui.tags.select(
        *options,
        id=CHOOSER,
        class_="form-select form-select-sm",
        data_sl_cookie=COOKIE,
        autocomplete="off",
        aria_describedby="sl-language-hint",
    )
    return ui.div(
        ui.tags.label(say("Language"), **{"for": CHOOSER}, class_="control-label"),
        choice,
        ui.p(say(STILL_ENGLISH), id="sl-language-hint", class_="sl-muted"),
        frame_words(say),
        class_="sl-language",
    )


def frame_words(say: Words) -> TagList | None:
    """What stands on the drawer's handle, and what scripts say, in another language than their own."""
    if say.language == DEFAULT:
        return None
    style = ui.tags.style(
        f":root {{ --sl-word-panel: {quoted(say('Model and text'))};"
        f" --sl-word-results: {quoted(say('Back to the results'))}; }}"
    )
    words = json.dumps(browser_words(say.language), ensure_ascii=False).replace("<", "\\u003c")
    return TagList(style, ui.tags.script(words, type="application/json", id=SCRIPT_WORDS))


def quoted(text: str) -> str:
    """The text as a CSS string that no markup can leave."""
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in text) + '"'


def words_of(session: Session) -> Words:
    """The words of the language that this session's page was sent in.

    Asked of the page itself: a browser need not name its languages again when it opens the socket.
    """
    chosen = session.root_scope().input[CHOOSER]
    with reactive.isolate():
        language = chosen() if chosen.is_set() else DEFAULT
    return words_in(language if language in LANGUAGES else DEFAULT)
