"""Sets of keys that heads may prefer, read off the tokens alone."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from sinklens.records import Prompt, Token

RESTING_LABELS = ("parking sink", "mixed sink", "attended")
"""Labels of tokens that heads rest on; a content target gets much attention too, but for what it writes."""


def key_sets(prompt: Prompt) -> dict[str, np.ndarray]:
    """Name -> bool (K,): punctuation, line breaks and special tokens of a text."""
    members = {
        "punctuation": [is_punctuation(prompt, token) for token in prompt.tokens],
        "line break": ["\n" in written(prompt, token) for token in prompt.tokens],
        "special": [token.is_special for token in prompt.tokens],
    }
    return {name: np.array(flags, bool) for name, flags in members.items()}


def sink_keys(table: pd.DataFrame) -> np.ndarray:
    """bool (K,): the tokens that heads rest on by a sink table; special tokens where it cannot say."""
    tokens = table[table["index"] >= 0]
    if (tokens["label"] == "too short to say").all():
        return tokens["special"].to_numpy(bool)
    return tokens["label"].isin(RESTING_LABELS).to_numpy(bool)


def is_punctuation(prompt: Prompt, token: Token) -> bool:
    """Does the token consist of punctuation and symbols only, spaces aside?"""
    text = written(prompt, token).strip()
    return bool(text) and not token.is_special and all(unicodedata.category(c)[0] in "PS" for c in text)


def written(prompt: Prompt, token: Token) -> str:
    """The token's characters in the text; its vocabulary entry where the tokenizer gives no offsets."""
    return token.piece if token.start is None else prompt.text[token.start : token.end]
