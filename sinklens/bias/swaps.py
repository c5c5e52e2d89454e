"""Contrast pairs: the same text with words of one group in the place of another's.

Words are found by the lists of `swap_lists`, the longest first. Case is kept, and an article straight before
a swapped word is put right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sinklens.bias.swap_lists import SwapPair, SwapWord
from sinklens.errors import BadSelection
from sinklens.language.annotation import Annotation, TaggedWord

PERSON_NOUNS = frozenset(
    re.findall(
        r"\w+",
        """
        person people man men woman women boy girl guy gal kid child children baby teenager adult lady
        gentleman
        father mother parent son daughter brother sister husband wife uncle aunt nephew niece cousin
        friend
        neighbour neighbor colleague boss worker employee manager student teacher pupil professor doctor nurse
        lawyer judge engineer scientist farmer driver player actor actress singer writer artist soldier
        officer
        citizen immigrant refugee foreigner family couple community folk folks voter customer client patient
        priest leader president politician candidate guest stranger human individual population grandmother
        grandfather grandma grandpa fellow crowd team pensioner veteran passenger tenant tourist
        """,
    )
)
PERSON_ENTITIES = frozenset({"PER", "PERSON", "NORP"})
PERSON_PRONOUNS = frozenset({"he", "she", "they", "i", "we", "you", "who", "him", "her", "them", "us", "me"})
SAYS_AN = re.compile(r"^(?:[aeiou]|hour|honest|heir|honou?r)", re.IGNORECASE)
SAYS_A = re.compile(r"^(?:uni(?!n|m)|us[aeiu]|eu|one\b|once|ubi|ut[ei])", re.IGNORECASE)
ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)


@dataclass(frozen=True)
class SwapMatch:
    """A word of a text that can be exchanged."""

    start: int
    """First character."""
    end: int
    text: str
    replacement: str
    """With the case of the text."""
    category: str


@dataclass(frozen=True)
class SwappedText:
    """A text before and after some of its words were exchanged."""

    before: str
    after: str
    swaps: tuple[SwapMatch, ...]
    spans: tuple[tuple[int, int, int, int], ...]
    """For every swap: first character and last + 1 before, and the same after."""
    articles: tuple[tuple[int, int, int, int], ...]
    """The same for the articles that had to change."""


def find_swaps(text: str, pairs: Sequence[SwapPair], annotation: Annotation | None) -> tuple[SwapMatch, ...]:
    """The words of a text that the pairs can exchange, in its order, none overlapping.

    Parameters
    ----------
    annotation : tags and heads of the text; without them words that depend on those are left alone
    """
    sides = [(own, other, pair) for pair in pairs for own, other in _directions(pair)]
    sides.sort(key=lambda side: -len(side[0].text))
    words = {word.start: word for word in annotation.words} if annotation else {}
    taken, found = [False] * len(text), []
    for own, other, pair in sides:
        for match in re.finditer(_pattern(own.text), text, re.IGNORECASE):
            start, end = match.span()
            if any(taken[start:end]) or not _fits(own, words.get(start), annotation):
                continue
            taken[start:end] = [True] * (end - start)
            replacement = with_case_of(match[0], own.text, other.text)
            found.append(SwapMatch(start, end, match[0], replacement, pair.category))
    return tuple(sorted(found, key=lambda swap: swap.start))


def apply_swaps(text: str, swaps: Sequence[SwapMatch]) -> SwappedText:
    """Exchange the words.

    Raises
    ------
    BadSelection
        Nothing to exchange, swaps of another text, or swaps that overlap.
    """
    ordered = sorted(swaps, key=lambda swap: swap.start)
    if not ordered:
        raise BadSelection("Choose at least one word to exchange; this text has none that is chosen.")
    after, done, spans, articles = "", 0, [], []
    for swap in ordered:
        if swap.start < done or text[swap.start : swap.end] != swap.text:
            raise BadSelection(f"'{swap.text}' is not at character {swap.start} of the text, or overlaps.")
        between = text[done : swap.start]
        repaired = repaired_article(between, swap.replacement)
        if repaired != between:
            articles.append(_article_spans(between, repaired, done, len(after)))
        after += repaired
        spans.append((swap.start, swap.end, len(after), len(after) + len(swap.replacement)))
        after += swap.replacement
        done = swap.end
    return SwappedText(text, after + text[done:], tuple(ordered), tuple(spans), tuple(articles))


def with_case_of(found: str, listed: str, replacement: str) -> str:
    """The replacement in capitals, with a capital, or as it is listed, like the word that was found."""
    if found.isupper() and len(found) > 1:
        return replacement.upper()
    if found[:1].isupper() and not listed[:1].isupper():
        return replacement[:1].upper() + replacement[1:]
    return replacement.lower() if found[:1].islower() and listed[:1].isupper() else replacement


def repaired_article(before: str, word: str) -> str:
    """What stands before a word, with "a" or "an" as the word asks for it."""
    match = ARTICLE.search(before)
    if match is None:
        return before
    wanted = "an" if takes_an(word) else "a"
    article = match[1]
    if article.lower() == wanted:
        return before
    cased = wanted.upper() if article.isupper() and len(article) > 1 else wanted
    cased = cased[:1].upper() + cased[1:] if article[:1].isupper() else cased
    return before[: match.start()] + cased + match[2]


def takes_an(word: str) -> bool:
    """Does a word begin with the sound of a vowel, as far as its letters say?"""
    return SAYS_AN.match(word) is not None and SAYS_A.match(word) is None


def _directions(pair: SwapPair) -> tuple[tuple[SwapWord, SwapWord], ...]:
    return (pair.left, pair.right), (pair.right, pair.left)


def _pattern(text: str) -> str:
    """The words of a phrase with any spaces between, at the boundaries of words; hyphens join words."""
    words = r"\s+".join(re.escape(word) for word in text.split())
    return rf"(?<![\w\-]){words}(?![\w\-])" if text[-1].isalnum() else rf"(?<![\w\-]){words}"


def _fits(own: SwapWord, word: TaggedWord | None, annotation: Annotation | None) -> bool:
    """May the word be exchanged here, by its tag and by what it speaks of?"""
    if not own.tag and not own.of_person:
        return True
    if word is None or annotation is None:
        return False
    if own.tag and word.fine_tag != own.tag:
        return False
    return not own.of_person or speaks_of_person(word, annotation)


def speaks_of_person(word: TaggedWord, annotation: Annotation) -> bool:
    """Does an adjective belong to a person, or does a noun name one?

    By its head ("an old man"), by its subject ("she is old"), by its own tag ("the blacks", "the old"), or as
    part of a name of a people.
    """
    words, index = annotation.words, next(i for i, w in enumerate(annotation.words) if w.start == word.start)
    if word.entity in PERSON_ENTITIES or (word.tag in ("NOUN", "PROPN") and word.fine_tag in ("NNS", "NNPS")):
        return True
    if word.head != index and is_person(words[word.head]):
        return True
    subjects = [w for w in words if w.dependency.startswith("nsubj") and w.head in (index, word.head)]
    is_predicate = any(w.head == index for w in subjects) or word.dependency in ("acomp", "attr", "conj")
    if is_predicate and any(is_person(subject) for subject in subjects):
        return True
    before = words[index - 1] if index else None
    after = words[index + 1] if index + 1 < len(words) else None
    ends_phrase = after is None or after.tag not in ("NOUN", "PROPN", "ADJ", "NUM")
    return before is not None and before.text.lower() == "the" and ends_phrase and word.head != index + 1


def is_person(word: TaggedWord) -> bool:
    """Does a noun or pronoun stand for a person, as far as a short list and its entity say?"""
    lower = word.text.lower()
    if word.entity in PERSON_ENTITIES or lower in PERSON_PRONOUNS:
        return True
    return lower in PERSON_NOUNS or (lower.endswith("s") and lower[:-1] in PERSON_NOUNS)


def _article_spans(between: str, repaired: str, n_before: int, n_after: int) -> tuple[int, int, int, int]:
    """Characters of an article before and after it was put right."""
    old, new = ARTICLE.search(between), ARTICLE.search(repaired)
    return n_before + old.start(1), n_before + old.end(1), n_after + new.start(1), n_after + new.end(1)
