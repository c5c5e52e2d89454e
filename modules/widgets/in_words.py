"""What a widget says, in the language of the session that it was made in.

Traits that hold words say so where they are declared, `.tag(words=("rowName", "tokens.spoken"))`: paths of
names, "" for the value itself; lists are passed through. `labels=` are paths of labels that come from the
data: of those only one with a space is looked up, such as "learned sink" among tokens, whose labels have
none. Only what travels to the browser is in that language: the trait itself, and the figure that is
downloaded, stay as the code has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from shiny.session import get_current_session

from modules.language import ENGLISH, Words
from modules.language_choice import words_of


class InWords:
    """Put in front of a widget whose traits hold words."""

    words: Words = ENGLISH

    def __init__(self, **traits) -> None:
        session = get_current_session()
        if session is not None:
            self.words = words_of(session)
        super().__init__(**traits)

    def get_state(self, key=None, drop_defaults=False):
        """The traits as the browser gets them."""
        state = super().get_state(key, drop_defaults)
        if self.words is ENGLISH:
            return state
        return {name: self.in_words(name, value) for name, value in state.items()}

    def in_words(self, trait: str, value):
        """The value of a trait with its words exchanged."""
        said = self.words.finished
        for path in self.trait_metadata(trait, "words") or ():
            value = exchanged(value, steps(path), said)
        for path in self.trait_metadata(trait, "labels") or ():
            value = exchanged(value, steps(path), spaced(said))
        return value


def steps(path: str) -> list[str]:
    """The names of a path."""
    return path.split(".") if path else []


def spaced(say: Callable[[str], str]) -> Callable[[str], str]:
    """The same for labels among those of tokens, which have no space: without one, a label stays."""
    return lambda text: say(text) if " " in text else text


def exchanged(value, path: list[str], say: Callable[[str], str]):
    """A copy of a value with the texts at the end of a path exchanged; whatever else is there stays."""
    if isinstance(value, list | tuple):
        return [exchanged(entry, path, say) for entry in value]
    if not path:
        return say(value) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        return value
    name, *rest = path
    return {
        key: exchanged(entry, rest, say) if fnmatchcase(key, name) else entry for key, entry in value.items()
    }
