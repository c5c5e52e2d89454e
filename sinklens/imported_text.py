"""Tokens from elsewhere as a Prompt: the text is put together again, with the place of every token in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sinklens.capture.labels import label_of, piece_bytes
from sinklens.records import Prompt, Token

SPECIAL = re.compile(r"<[^<>\s]+>|<\|[^<>]+\|>|\[[A-Z]+\d*\]")
"""What special tokens are called; a file says nothing else about them."""
BYTE_MARKS, PIECE_MARK, REST_MARK = ("Ġ", "Ċ"), "▁", "##"


def prompt_from_tokens(tokens: Sequence[str], ids: Sequence[int] | None = None) -> Prompt:
    """The tokens as SinkLens knows them; equal strings have equal ids where none are given.

    Spaces are read from the marks of the vocabulary (Ġ, ▁, ##) or from the tokens themselves; where
    there are neither, one space stands between tokens.
    """
    is_byte_level = any(mark in token for token in tokens for mark in BYTE_MARKS)
    is_special = [bool(SPECIAL.fullmatch(token)) for token in tokens]
    numbers = list(ids) if ids is not None else _numbers(tokens)
    text, made = "", []
    for index, word in enumerate(_words(tokens, is_special, is_byte_level)):
        start = len(text) + len(word) - len(word.lstrip(" "))
        text += word
        piece = tokens[index]
        label = label_of(piece, is_byte_level=is_byte_level and not is_special[index])
        span = (None, None) if is_special[index] else (min(start, len(text)), len(text))
        made.append(Token(index, int(numbers[index]), piece, label, *span, is_special[index]))
    return Prompt(text, tuple(made), bos_added=False, n_tokens_total=len(made))


def _numbers(tokens: Sequence[str]) -> list[int]:
    known = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return [known[token] for token in tokens]


def _words(tokens: Sequence[str], is_special: list[bool], is_byte_level: bool) -> list[str]:
    """What every token adds to the text; a special token adds nothing."""
    plain = [token for token, special in zip(tokens, is_special, strict=True) if not special]
    has_spaces = any(PIECE_MARK in token or token.startswith(" ") for token in plain)
    words = []
    for token, special in zip(tokens, is_special, strict=True):
        if special:
            words.append("")
        elif is_byte_level:
            raw = piece_bytes(token)
            words.append(token if raw is None else raw.decode("utf-8", "replace"))
        elif has_spaces:
            words.append(token.replace(PIECE_MARK, " "))
        elif token.startswith(REST_MARK):
            words.append(token.removeprefix(REST_MARK))
        else:
            words.append(token if not any(words) else f" {token}")
    return words
