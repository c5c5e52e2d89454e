"""Names of files that come from names of models and cards."""

from __future__ import annotations

import re


def slug(words: str) -> str:
    """Words as part of a file name: what a file system or a shell may dislike becomes one hyphen.

    >>> slug("google-bert/bert-base-uncased")
    'google-bert-bert-base-uncased'
    """
    return re.sub(r"[^\w.-]+", "-", words).strip("-.")


def file_name(*words: str, ending: str) -> str:
    """Words that are not empty, joined by hyphens, and the ending: "sinks-demo-gpt2.csv"."""
    return f"{'-'.join(filter(None, map(slug, words)))}.{ending}"
