"""Draws an evaluation set and stores it, so that a study can be repeated on the same texts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from sinklens.study.errors import BadTexts
from sinklens.study.plan import TextSource
from sinklens.study.text_files import GivenText, read_source
from sinklens.study.text_set import TextSet


@dataclass(frozen=True)
class DrawnText:
    """One line of an evaluation set."""

    text: str
    category: str
    source: str
    n_tokens: int
    """With the tokenizer that it was drawn for, special tokens left out."""
    sha256: str
    """Of the text in UTF-8; a study that reads the line checks it."""


@dataclass(frozen=True)
class Draw:
    """What is drawn."""

    n: int
    seed: int = 0
    max_tokens: int | None = None
    """Longest text, special tokens left out; None: any length."""
    min_tokens: int = 1
    longer: str = "skip"
    """"skip" longer texts, or "cut" them at the last token that fits."""


def draw_texts(
    sources: Sequence[TextSource], tokenizer: PreTrainedTokenizerBase, draw: Draw, base: Path = Path()
) -> list[DrawnText]:
    """Texts of some sources in the order of a seed, each once; the same texts and seed give the same set.

    Raises
    ------
    BadTexts
        A source cannot be read, or has too few texts of the right length.
    EngineMissing
        A data set is asked for without its package.
    """
    with TextSet(draw.seed) as texts:
        for source in sources:
            texts.add(read_source(source, base))
        fitting = _fitting(texts.drawn(), tokenizer, draw)
        drawn = [text for text, _ in zip(fitting, range(draw.n), strict=False)]
        n_given = texts.counts().n
    if len(drawn) < draw.n:
        limits = f"{draw.min_tokens} to {draw.max_tokens or 'any number of'} tokens"
        raise BadTexts(f"Only {len(drawn)} of {n_given} texts have {limits}; {draw.n} were asked for.")
    return drawn


def _fitting(
    texts: Iterator[GivenText], tokenizer: PreTrainedTokenizerBase, draw: Draw
) -> Iterator[DrawnText]:
    seen: set[str] = set()
    for given in texts:
        text = given.text
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        n_tokens = len(encoded["input_ids"])
        if draw.max_tokens is not None and n_tokens > draw.max_tokens:
            if draw.longer == "skip":
                continue
            text = text[: encoded["offset_mapping"][draw.max_tokens - 1][1]]
            n_tokens = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        digest = hashlib.sha256(text.encode()).hexdigest()
        # Cut at the same length, two texts may have become one.
        if n_tokens >= draw.min_tokens and text.strip() and digest not in seen:
            seen.add(digest)
            yield DrawnText(text, given.category, given.source, n_tokens, digest)


def write_texts(path: Path, texts: Sequence[DrawnText]) -> str:
    """Write a .jsonl file at once; the SHA-256 of the file."""
    content = "".join(json.dumps(asdict(text), ensure_ascii=False) + "\n" for text in texts).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".new-{path.name}")
    new.write_bytes(content)
    os.replace(new, path)
    return hashlib.sha256(content).hexdigest()
