"""A piece of the page in another language: the same tree, with the words that people read exchanged.

Pages are written in English alone; what they show is looked up here, node by node, on its way out. Values
of inputs, ids and whatever else a server compares stay as they are.
"""

from __future__ import annotations

from copy import copy

from htmltools import HTML, Tag, TagChild, TagifiedTag, TagList

from modules.language import DEFAULT, Words

READ_OUT = ("aria-label", "title", "placeholder", "alt")
"""Attributes that people see or hear, on any element."""
GROUP = "optgroup"
"""Its attribute `label` is what a menu shows."""
NOT_WORDS = frozenset(
    {"bdi", "code", "kbd", "math", "pre", "samp", "script", "style", "svg", "textarea", "var"}
)
"""Elements whose text is no language: formulas, names of things, and what people type."""
CELL = "td"
"""Its text comes from the data: a token may be spelled like a word of the page."""
NUMBERS = "sl-num"
"""Class of a cell for a number: where it holds none, its words are the app's."""
N_SENTENCE_WORDS = 3
"""Text of so many words that is not in the catalogue is an English sentence, and no name."""


def translated(node: TagChild, say: Words) -> TagChild:
    """A copy of what a page shows in the language of the words; for the language of the code the node itself.

    What the catalogue does not have stays English. Text in NOT_WORDS, in cells other than those for NUMBERS,
    in heads of rows, and text of a direction of its own (`dir="auto"`) stays too, as HTML says it with
    `translate="no"`; `translate="yes"` takes an element out of that again, as modules/widgets/word_cell.py
    does. Elements say which language their text is in, so that a screen reader pronounces both.
    """
    if say.language == DEFAULT:
        return node
    return TagList(*(_node(part, say, is_data=False) for part in TagList(node).tagify()))


def shown_words(node: TagChild) -> list[str]:
    """Everything in a tree that `translated` looks up, in the order of the page, with repetitions."""
    found = Collected()
    translated(node, found)
    return found.sentences


class Collected(Words):
    """Words that translate nothing and write down what they are asked for."""

    def __init__(self) -> None:
        super().__init__("none", {})
        self.sentences: list[str] = []

    def finished(self, text: str) -> str:
        self.sentences.append(text)
        return text


def _node(node, say: Words, *, is_data: bool):
    if isinstance(node, Tag | TagifiedTag):
        return _tag(node, say, is_data=is_data)
    return _text(node, say) if _is_text(node) and not is_data else node


def _tag(tag: Tag | TagifiedTag, say: Words, *, is_data: bool) -> Tag:
    """A copy of an element.

    Parameters
    ----------
    is_data : an element around it says that its text is not to be translated
    """
    own = Tag(tag.name, _add_ws=tag.add_ws)
    own.attrs = copy(tag.attrs)
    wish = own.attrs.get("translate")
    is_data = wish == "no" or (is_data and wish != "yes")
    if not is_data:
        _say_attributes(own, say)
    is_data = is_data or (wish != "yes" and _holds_data(own))
    children = [_node(child, say, is_data=is_data) for child in tag.children]
    if not is_data:
        _mark_language(own, tag.children, children, say)
    own.children = TagList(*children)
    return own


def _holds_data(tag: Tag) -> bool:
    """Does its text come from the run? Such text has its own direction, an option made of it a number."""
    if tag.name == "option":
        return str(tag.attrs.get("value", "")).isdecimal()
    is_cell = tag.name == CELL and not tag.has_class(NUMBERS)
    is_row_name = tag.attrs.get("scope") == "row"
    return tag.name in NOT_WORDS or is_cell or is_row_name or tag.attrs.get("dir") == "auto"


def _say_attributes(tag: Tag, say: Words) -> None:
    for name in (*READ_OUT, "label") if tag.name == GROUP else READ_OUT:
        if name in tag.attrs:
            tag.attrs[name] = _text(str(tag.attrs[name]), say)


def _mark_language(tag: Tag, before, after, say: Words) -> None:
    """Say which language an element's own text is in, where it may differ from what is around it."""
    texts = [(old, new) for old, new in zip(before, after, strict=True) if _is_text(old)]
    if any(old != new for old, new in texts):
        tag.attrs["lang"] = say.language
    elif any(len(old.split()) >= N_SENTENCE_WORDS for old, _ in texts):
        tag.attrs["lang"] = DEFAULT


def _is_text(node) -> bool:
    return isinstance(node, str) and not isinstance(node, HTML)


def _text(text: str, say: Words) -> str:
    """The text in the language, with the space around it as it was; numbers and signs are no words."""
    words = text.strip()
    if not any(letter.isalpha() for letter in words):
        return text
    start = text.index(words)
    return text[:start] + say.finished(words) + text[start + len(words) :]
