"""The cards of the Intervene page that compute by themselves, as a link says what they are asked."""

from __future__ import annotations

from collections.abc import Mapping

from modules.cache_bits import KEPT, SCALES, BitsWish
from modules.cache_study import TEXTS, CacheWish
from modules.link_values import Notes, count, one_of, yes_or_no

MIN_SIZE = 2
"""Tokens in a cache, as the card's input has it."""
CARDS = {
    "cache": (
        CacheWish(),
        {"text": one_of(TEXTS), "size": lambda text: _size(text), "with_recompute": yes_or_no},
    ),
    "bits": (BitsWish(), {"kept": one_of(KEPT), "scale": one_of(SCALES)}),
}
"""What each begins with, and readers by the fields of its wish."""
CARD_FIELDS = tuple(f"{card}.{name}" for card, (_, readers) in CARDS.items() for name in readers)
CardWish = CacheWish | BitsWish | None


def card_fields(card: str, wish: CardWish) -> dict[str, str]:
    """What a link says of a card; defaults are left out."""
    plain, readers = CARDS[card]
    said = {name: getattr(plain if wish is None else wish, name) for name in readers}
    return {
        f"{card}.{name}": str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in said.items()
        if value != getattr(plain, name)
    }


def read_card(card: str, given: Mapping[str, str], notes: Notes) -> CardWish:
    """What a link asks of a card; None where it asks for nothing special."""
    plain, readers = CARDS[card]
    found = {name: notes.known(f"{card}.{name}", given, read) for name, read in readers.items()}
    wish = type(plain)(**{name: value for name, value in found.items() if value is not None})
    return None if wish == plain else wish


def _size(text: str) -> int | None:
    found = count(text)
    return found if found is not None and found >= MIN_SIZE else None
