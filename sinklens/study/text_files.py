"""Texts out of files, data sets and study files, one at a time; no line is read beyond a limit."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sinklens.settings import Settings
from sinklens.study.errors import BadTexts, EngineMissing
from sinklens.study.plan import TextSource

MAX_TEXT_CHARS = Settings.max_text_chars
MAX_LINE_BYTES = 4 * MAX_TEXT_CHARS
MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip archive", b"\x1f\x8b": "gzip"}
"""First bytes of files that are often taken for text."""


@dataclass(frozen=True)
class GivenText:
    """One text of a source."""

    text: str
    category: str
    source: str


@dataclass(frozen=True)
class Unread:
    """A place in a source that gives no text, with the reason; the rest of the source is read."""

    source: str
    reason: str


def read_source(source: TextSource, base: Path) -> Iterator[GivenText | Unread]:
    """All texts of one source that is not generated, in its order.

    Parameters
    ----------
    base : folder that paths are counted from

    Raises
    ------
    BadTexts
        The source cannot be read, or has no text at all.
    EngineMissing
        A data set is asked for without the `datasets` package.
    """
    n_found = 0
    for item in _items(source, base):
        n_found += 1
        yield item
    if not n_found:
        raise BadTexts(f"'{source.label}' has no text: it is empty, or holds nothing but empty lines.")


def _items(source: TextSource, base: Path) -> Iterator[GivenText | Unread]:
    if source.inline is not None:
        for number, text in enumerate(source.inline, start=1):
            yield _checked(text, source.label, f"study file, text {number}")
        return
    if source.dataset is not None:
        yield from _data_set(source)
        return
    path = (base / Path(source.path).expanduser()).resolve()
    if path.is_dir():
        yield from _folder(path, source)
    elif not path.exists():
        raise BadTexts(f"There is no file or folder '{source.path}' (looked for {path}).")
    else:
        readers = {".csv": _csv, ".jsonl": _jsonl, ".txt": _txt}
        if path.suffix.lower() not in readers:
            raise BadTexts(f"'{path.name}' is none of .txt, .csv, .jsonl, and no folder.")
        with _opened(path) as stream:
            yield from readers[path.suffix.lower()](stream, path, source)


def _opened(path: Path) -> BinaryIO:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BadTexts(f"'{path.name}' cannot be read ({error.strerror}).") from None
    start = stream.read(4)
    kind = next((kind for mark, kind in MARKS.items() if start.startswith(mark)), None)
    if kind is not None:
        stream.close()
        raise BadTexts(f"'{path.name}' is {kind}; a UTF-8 text was expected.")
    stream.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
    return stream


def _lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, str | None]]:
    """(line number, line), None in place of a line that is too long."""
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES):
        number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
            continue
        if b"\0" in raw:
            raise BadTexts(f"Line {number:,} of '{name}' has a zero byte: this is no text file.")
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise BadTexts(
                f"Line {number:,} of '{name}' is not UTF-8 (byte 0x{byte:02X} at {error.start}); "
                "save the file as UTF-8."
            ) from None


TOO_LONG = f"the line has more than {MAX_LINE_BYTES:,} bytes"


def _txt(stream: BinaryIO, path: Path, source: TextSource) -> Iterator[GivenText | Unread]:
    paragraph: list[str] = []
    start = 1
    for number, line in _lines(stream, path.name):
        where = f"{path.name}, line {start if paragraph else number:,}"
        if line is None:
            yield Unread(f"{path.name}, line {number:,}", TOO_LONG)
        elif not source.paragraphs:
            if line.strip():
                yield _checked(line.rstrip("\r\n"), source.label, where)
        elif line.strip():
            start = start if paragraph else number
            paragraph.append(line)
        elif paragraph:
            yield _checked("".join(paragraph).strip(), source.label, where)
            paragraph = []
    if paragraph:
        yield _checked("".join(paragraph).strip(), source.label, f"{path.name}, line {start:,}")


def _csv(stream: BinaryIO, path: Path, source: TextSource) -> Iterator[GivenText | Unread]:
    def lines() -> Iterator[str]:
        for number, line in _lines(stream, path.name):
            if line is None:
                raise BadTexts(f"Line {number:,} of '{path.name}': {TOO_LONG}.")
            yield line

    csv.field_size_limit(MAX_LINE_BYTES)
    rows = csv.DictReader(lines(), strict=True)
    try:
        _check_columns(rows.fieldnames, path, source)
        for row in rows:
            where = f"{path.name}, line {rows.line_num:,}"
            if None in row:
                yield Unread(where, f"the row has more cells than the {len(rows.fieldnames)} columns")
            else:
                yield _of_record(row, source, where)
    except csv.Error as error:
        raise BadTexts(f"'{path.name}' is no .csv from line {rows.line_num:,} on: {error}.") from None


def _check_columns(names: list[str] | None, path: Path, source: TextSource) -> None:
    if not names:
        raise BadTexts(f"'{path.name}' is empty: a line with column names was expected.")
    for wanted in (source.column, source.category_column):
        if wanted is not None and wanted not in names:
            raise BadTexts(f"'{path.name}' has no column '{wanted}'; it has {', '.join(map(repr, names))}.")


def _jsonl(stream: BinaryIO, path: Path, source: TextSource) -> Iterator[GivenText | Unread]:
    for number, line in _lines(stream, path.name):
        where = f"{path.name}, line {number:,}"
        if line is None:
            yield Unread(where, TOO_LONG)
        elif line.strip():
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                yield Unread(where, f"this is no JSON: {error}")
                continue
            yield _of_record({source.column: record} if isinstance(record, str) else record, source, where)


def _folder(path: Path, source: TextSource) -> Iterator[GivenText | Unread]:
    for file in sorted(path.glob("*.txt")):
        if file.stat().st_size > MAX_LINE_BYTES:
            yield Unread(file.name, f"the file has more than {MAX_LINE_BYTES:,} bytes")
            continue
        with _opened(file) as stream:
            text = "".join(line for _, line in _lines(stream, file.name) if line)
        yield _checked(text.strip(), source.label, file.name)


def _data_set(source: TextSource) -> Iterator[GivenText | Unread]:
    try:
        from datasets import load_dataset
    except ImportError:
        raise EngineMissing(
            f"'{source.dataset}' is a data set: install the 'datasets' package (pip install datasets), or "
            "give its texts as a .jsonl file."
        ) from None
    try:
        rows = load_dataset(
            source.dataset, source.config, split=source.split, revision=source.revision, streaming=True
        )
        for number, row in enumerate(rows):
            yield _of_record(row, source, f"{source.dataset}/{source.split}, row {number:,}")
    except (OSError, ValueError, RuntimeError) as error:
        raise BadTexts(
            f"The data set '{source.dataset}' cannot be read: {str(error).splitlines()[0]}"
        ) from error


def _of_record(record: object, source: TextSource, where: str) -> GivenText | Unread:
    """The text of a row or object, where it is one."""
    if not isinstance(record, dict):
        return Unread(where, f"an object or a string was expected; got {_kind(record)}")
    if source.column not in record:
        return Unread(where, f"there is no field '{source.column}'; there are {', '.join(map(repr, record))}")
    text = record[source.column]
    if not isinstance(text, str):
        return Unread(where, f"'{source.column}' is {_kind(text)}; a text was expected")
    stored = record.get("sha256")
    if isinstance(stored, str) and stored != hashlib.sha256(text.encode("utf-8", "replace")).hexdigest():
        return Unread(where, "this is not the text that was stored: its sha256 is another")
    category = source.label
    if source.category_column is not None:
        if record.get(source.category_column) in (None, ""):
            return Unread(where, f"there is no category in '{source.category_column}'")
        category = str(record[source.category_column])
    return _checked(text, category, where)


def _checked(text: str, category: str, where: str) -> GivenText | Unread:
    if not text.strip():
        return Unread(where, "the text is empty or has only spaces")
    if len(text) > MAX_TEXT_CHARS:
        return Unread(where, f"the text has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} are read")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return Unread(where, "the text has half of a surrogate pair, which is no character")
    return GivenText(text, category, where)


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return "missing (null)" if value is None else names.get(type(value), type(value).__name__)
