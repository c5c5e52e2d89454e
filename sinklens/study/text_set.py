"""The texts of a study: gathered, each once, drawn by a seed, and written shortest first.

A table on disk (SQLite) does the sorting, so that memory does not grow with the number of texts.
Which texts are drawn depends on the texts and the seed alone, not on the order in which they came.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sinklens.study.errors import BadTexts
from sinklens.study.plan import Study, TextSource
from sinklens.study.records import TEXTS
from sinklens.study.text_files import GivenText, Unread, read_source

_TABLE = """
CREATE TABLE texts (
    hash TEXT, category TEXT, kind TEXT, source TEXT, seed INTEGER, n_chars INTEGER, n_tokens_asked INTEGER,
    text TEXT, drawn TEXT, n_copies INTEGER DEFAULT 1, PRIMARY KEY (hash, category)
)"""
_ADD = """
INSERT INTO texts (hash, category, kind, source, seed, n_chars, n_tokens_asked, text, drawn)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (hash, category) DO UPDATE SET n_copies = n_copies + 1"""
_COLUMNS = "hash, kind, category, source, seed, n_chars, n_copies, n_tokens_asked, text"
N_GROUP_CHARS, N_GROUP_TEXTS = 1 << 18, 1 << 12
"""Most of one row group of texts.parquet: it is what is in memory at once, and groups cost memory too."""
_DRAW = """
SELECT rowid FROM texts WHERE kind = 'text' ORDER BY drawn, hash, category LIMIT ?"""


@dataclass(frozen=True)
class TextCounts:
    """What was gathered."""

    n: int
    n_chars: int
    n_repeated: int
    """Texts given again in the same category; each is measured once."""
    sha256: str
    """Of the hashes and categories of all texts in their order."""
    n_tokens_generated: int


class TextSet:
    """Texts on disk, open while they are gathered; use it in a `with`."""

    def __init__(self, draw_seed: int = 0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sinklens-texts-")
        self._rows = sqlite3.connect(Path(self._folder.name) / "texts.sqlite")
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute(_TABLE)
        self._draw_seed = draw_seed
        self.unread: list[Unread] = []
        """Places without a text, with the reason."""

    def __enter__(self) -> TextSet:
        return self

    def __exit__(self, *error) -> None:
        self._rows.close()
        self._folder.cleanup()

    def add(self, items: Iterable[GivenText | Unread]) -> None:
        """Take given texts; one that is there already counts as a copy."""
        for item in items:
            if isinstance(item, Unread):
                self.unread.append(item)
                continue
            digest = hashlib.sha256(item.text.encode("utf-8")).hexdigest()
            drawn = hashlib.sha256(f"{self._draw_seed}:{digest}".encode()).hexdigest()
            row = (digest, item.category, "text", item.source, None, len(item.text), None, item.text, drawn)
            self._rows.execute(_ADD, row)

    def generate(self, source: TextSource, seed: int) -> None:
        """Take the descriptions of generated texts; their tokens are drawn once a tokenizer is there."""
        for number in range(source.n):
            text = f"{source.generate}: {source.n_tokens} tokens, seed {seed}, number {number}"
            digest = hashlib.sha256(text.encode()).hexdigest()
            row = (digest, source.label, source.generate, "generated", seed, 0, source.n_tokens, text, "")
            self._rows.execute(_ADD, row)

    def draw(self, n: int | None) -> None:
        """Keep n of the given texts, all where n is None or larger; generated ones stay."""
        if n is not None:
            self._rows.execute(f"DELETE FROM texts WHERE kind = 'text' AND rowid NOT IN ({_DRAW})", (n,))

    def drawn(self) -> Iterator[GivenText]:
        """The given texts in the order in which they would be drawn."""
        query = "SELECT text, category, source FROM texts WHERE kind = 'text' ORDER BY drawn, hash, category"
        for row in self._rows.execute(query):
            yield GivenText(*row)

    def counts(self) -> TextCounts:
        query = "SELECT count(*), total(n_chars), total(n_copies - 1), total(n_tokens_asked) FROM texts"
        n, n_chars, n_repeated, n_generated = (int(value) for value in self._rows.execute(query).fetchone())
        digest = hashlib.sha256()
        for text_hash, category in self._rows.execute(f"SELECT hash, category FROM texts {_ORDER}"):
            digest.update(f"{text_hash}\0{category}\n".encode())
        return TextCounts(n, n_chars, n_repeated, digest.hexdigest(), n_generated)

    def write(self, path: Path) -> None:
        """Write texts.parquet."""
        # Whoever opens the file reads what it says about every group, the least and largest value included.
        with pq.ParquetWriter(path, TEXTS, write_statistics=False) as writer:
            for records in self._groups():
                writer.write_table(pa.Table.from_pylist(records, schema=TEXTS))

    def _groups(self) -> Iterator[list[dict]]:
        """The texts in their order, as many as a row group holds."""
        names = ["text_id", *(name.strip() for name in _COLUMNS.split(","))]
        group: list[dict] = []
        n_chars = 0
        for index, row in enumerate(self._rows.execute(f"SELECT {_COLUMNS} FROM texts {_ORDER}")):
            group.append(dict(zip(names, (index, *row), strict=True)))
            n_chars += len(row[-1])
            if n_chars >= N_GROUP_CHARS or len(group) == N_GROUP_TEXTS:
                yield group
                group, n_chars = [], 0
        if group:
            yield group


_ORDER = "ORDER BY n_chars, n_tokens_asked, hash, category"


def gather(study: Study, base: Path) -> TextSet:
    """All texts of a study; the caller closes the set.

    Raises
    ------
    BadTexts
        A source cannot be read, or no text is left.
    EngineMissing
        A data set is asked for without its package.
    """
    texts = TextSet(study.sampling.seed)
    try:
        for source in study.texts:
            if source.generate is None:
                texts.add(read_source(source, base))
            else:
                for seed in study.seeds:
                    texts.generate(source, seed)
        texts.draw(study.sampling.n)
        if not texts.counts().n:
            raise BadTexts(_none_left(texts))
        return texts
    except BaseException:
        texts.__exit__()
        raise


def _none_left(texts: TextSet) -> str:
    first = f" The first reason: {texts.unread[0].source}: {texts.unread[0].reason}." if texts.unread else ""
    return f"No text could be read.{first}"
