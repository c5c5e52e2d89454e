"""The tokens of a text as units with the characters that they cover, spaces around them left out."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.analysis.words import words_of
from sinklens.records import Prompt


@dataclass(frozen=True)
class Unit:
    """Tokens that are taken together, and their characters."""

    tokens: tuple[int, ...]
    start: int
    """First character; spaces count only where there is nothing else."""
    end: int
    text: str
    """What a reader sees: the characters, visible where they are only spaces."""
    is_special: bool = False


@dataclass(frozen=True)
class Frame:
    """The tokens that stand before and after the text without being a part of it."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def framed_units(prompt: Prompt) -> Frame:
    """Start and end tokens: those without characters, before the first and after the last that has some."""
    inside = [token.index for token in prompt.tokens if token.start is not None]
    if not inside:
        return Frame((), ())
    return Frame(tuple(range(inside[0])), tuple(range(inside[-1] + 1, len(prompt))))


def spanned_units(prompt: Prompt, unit: str) -> tuple[Unit, ...]:
    """The text between start and end tokens, token by token or word by word, in reading order.

    A token without characters of its own goes with the one after it. Where the tokenizer gives no offsets,
    labels stand for the characters, so that only equal tokens meet.

    Parameters
    ----------
    unit : "pieces" or "words"
    """
    frame = framed_units(prompt)
    inside = range(len(frame.before), len(prompt) - len(frame.after))
    if all(token.start is None for token in prompt.tokens):
        return _without_offsets(prompt)
    groups = [word.tokens for word in words_of(prompt)] if unit == "words" else [(i,) for i in inside]
    units: list[Unit] = []
    waiting: tuple[int, ...] = ()
    for group in groups:
        tokens = tuple(position for position in group if position in inside)
        if not tokens:
            continue
        spans = [(prompt.tokens[i].start, prompt.tokens[i].end) for i in tokens]
        known = [span for span in spans if span[0] is not None and span[1] > span[0]]
        if not known:
            waiting += tokens
            continue
        units.append(_unit(prompt, waiting + tokens, known[0][0], known[-1][1]))
        waiting = ()
    if waiting and units:
        last = units.pop()
        units.append(Unit(last.tokens + waiting, last.start, last.end, last.text, last.is_special))
    return tuple(units)


def _unit(prompt: Prompt, tokens: tuple[int, ...], start: int, end: int) -> Unit:
    written = prompt.text[start:end]
    is_special = all(prompt.tokens[i].is_special for i in tokens)
    if not written.strip():
        return Unit(tokens, start, end, prompt.tokens[tokens[-1]].label, is_special)
    left = len(written) - len(written.lstrip())
    return Unit(tokens, start + left, start + len(written.rstrip()), written.strip(), is_special)


def _without_offsets(prompt: Prompt) -> tuple[Unit, ...]:
    units, end = [], 0
    for token in prompt.tokens:
        start, end = end, end + max(len(token.label), 1)
        units.append(Unit((token.index,), start, end, token.label, token.is_special))
    return tuple(units)
