"""
The training text: articles, their split, and the stream of token ids made from them.

An article is a string of paragraphs joined by newlines. A stream is one flat
array of token ids without special tokens; articles are parted by a blank line.

Notes:
- This module knows files and articles; how rows are cut from a stream is in sampler.py.
"""

import json
import lzma
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

TRAIN_FILES = ("wikipedia-featured.txt.xz", "wikipedia-good.txt.xz")
HELDOUT_FILE = "wikipedia-good.txt.xz"
OVERLAP_TITLES_FILE = "wikitext2_overlap_titles.json"
HELDOUT_SHARE = 0.01  # of all articles, taken from the end of HELDOUT_FILE
ARTICLE_BREAK = "\n\n"


def read_articles(path: Path) -> list[str]:
    """Return the articles of one compressed text file, in file order."""
    with lzma.open(path, "rt", encoding="utf-8") as text:
        return [article for article in text.read().split(ARTICLE_BREAK) if article.strip()]


def is_about(article: str, title: str) -> bool:
    """Return whether the article opens with the title, bracketed disambiguation left out."""
    subject = title.split(" (")[0]
    return subject.casefold() in article[: len(subject) + 40].casefold()


def split_articles(text_folder: Path) -> tuple[list[str], list[str]]:
    """
    Return the training articles and the held-out articles.

    Articles that also stand in the WikiText-2 evaluation files are left out of
    both, so that a perplexity on WikiText-2 can be reported later.
    """
    titles = json.loads((text_folder / OVERLAP_TITLES_FILE).read_text(encoding="utf-8"))
    by_file = {name: read_articles(text_folder / name) for name in TRAIN_FILES}
    n_heldout = round(HELDOUT_SHARE * sum(len(articles) for articles in by_file.values()))
    heldout = by_file[HELDOUT_FILE][-n_heldout:]
    by_file[HELDOUT_FILE] = by_file[HELDOUT_FILE][:-n_heldout]
    train = [
        article
        for name in TRAIN_FILES
        for article in by_file[name]
        if not any(is_about(article, title) for title in titles)
    ]
    return train, heldout


def encode_stream(tokenizer: Tokenizer, articles: Iterable[str]) -> np.ndarray:
    """Return the token ids of all articles in one row, `uint16 (n_tokens,)`."""
    texts = [article + ARTICLE_BREAK for article in articles]
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return np.concatenate([np.asarray(encoding.ids, dtype=np.uint16) for encoding in encodings])
