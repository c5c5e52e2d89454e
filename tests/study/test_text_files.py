"""Sources of texts: what they give, and one sentence for what cannot be read."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest

from sinklens.study import text_files
from sinklens.study.errors import BadTexts, EngineMissing
from sinklens.study.plan import TextSource
from sinklens.study.text_files import GivenText, Unread, read_source


def read(path, **choices):
    return list(read_source(TextSource(path=str(path), **choices), path.parent))


def texts_of(items) -> list[str]:
    return [item.text for item in items if isinstance(item, GivenText)]


def reasons_of(items) -> list[str]:
    return [f"{item.source}: {item.reason}" for item in items if isinstance(item, Unread)]


def test_a_txt_file_gives_a_text_per_line_or_per_paragraph(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("\ufefffirst line\r\nsecond\n\n  \nthird é\n", "utf-8")
    assert texts_of(read(file)) == ["first line", "second", "third é"]
    assert texts_of(read(file, paragraphs=True)) == ["first line\r\nsecond", "third é"]
    assert [item.source for item in read(file)][-1] == "a.txt, line 5"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_an_empty_file_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(BadTexts, match="empty"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("naïve".encode("latin-1"), "Line 1 of 'a.txt' is not UTF-8 (byte 0xEF at 2)"),
        ("text".encode("utf-16"), "is UTF-16"),
        (b"\x1f\x8b\x08\x00", "is gzip"),
        (b"abc\0def\n", "zero byte"),
    ],
)
def test_a_file_in_another_encoding_is_refused_with_its_place(content, words, tmp_path):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(BadTexts) as caught:
        read(tmp_path / "a.txt")
    assert words in str(caught.value)


def test_mixed_types_are_listed_and_the_rest_is_read(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = ['{"text": "one"}', '{"text": 4}', '"two"', "[1]", '{"txt": "x"}', "{", '{"text": null}']
    file.write_text("\n".join([*lines, '{"text": "\\ud800"}', '{"text": "  "}']), "utf-8")
    items = read(file)
    assert texts_of(items) == ["one", "two"]
    said = reasons_of(items)
    assert "a.jsonl, line 2: 'text' is a number; a text was expected" in said
    assert "a.jsonl, line 4: an object or a string was expected; got a list" in said
    assert "a.jsonl, line 5: there is no field 'text'; there are 'txt'" in said
    assert len(said) == 7


def test_a_csv_gives_texts_with_their_categories(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text('kind,text\nx,"one, with\na line"\ny,two\n,three\nz,four,five\n', "utf-8")
    items = read(file, category_column="kind")
    assert [(item.text, item.category) for item in items if isinstance(item, GivenText)] == [
        ("one, with\na line", "x"),
        ("two", "y"),
    ]
    assert [reason.split(": ")[1] for reason in reasons_of(items)] == [
        "there is no category in 'kind'",
        "the row has more cells than the 2 columns",
    ]
    with pytest.raises(BadTexts, match="no column 'body'; it has 'kind', 'text'"):
        read(file, column="body")


def test_a_line_without_end_is_never_loaded_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_LINE_BYTES", 1_000)
    file = tmp_path / "a.txt"
    with file.open("wb") as stream:
        stream.write(b"short\n")
        for _ in range(2_000):
            stream.write(b"x" * 1_000)
        stream.write(b"\nlast\n")
    longest = []
    original = text_files._lines

    def watched(stream, name):
        class Reader:
            def readline(self, limit):
                longest.append(limit)
                return stream.readline(limit)

        return original(Reader(), name)

    monkeypatch.setattr(text_files, "_lines", watched)
    items = read(file)
    assert texts_of(items) == ["short", "last"]
    assert len(reasons_of(items)) == 1
    assert set(longest) == {1_000}


def test_a_folder_gives_a_text_per_file(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "b.txt").write_text("two\nlines\n", "utf-8")
    (tmp_path / "texts" / "a.txt").write_text("one", "utf-8")
    assert texts_of(read(tmp_path / "texts")) == ["one", "two\nlines"]
    with pytest.raises(BadTexts, match="no file or folder"):
        read(tmp_path / "other")


def test_a_text_that_is_not_the_stored_one_is_not_read(tmp_path):
    good = {"text": "one", "sha256": hashlib.sha256(b"one").hexdigest()}
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [good, good | {"text": "two"}])), "utf-8")
    items = read(tmp_path / "a.jsonl")
    assert texts_of(items) == ["one"]
    assert "sha256" in reasons_of(items)[0]


def test_a_data_set_without_its_package_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(EngineMissing, match="pip install datasets"):
        list(read_source(TextSource(dataset="some/set"), tmp_path))


def test_a_data_set_gives_its_rows_and_says_which_cannot_be_read(tmp_path):
    rows = [{"text": "one", "kind": "a"}, {"text": " ", "kind": "a"}, {"text": "two", "kind": "b"}]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    items = list(read_source(TextSource(dataset=str(tmp_path), category_column="kind"), tmp_path))
    assert [(item.text, item.category) for item in items if isinstance(item, GivenText)] == [
        ("one", "a"),
        ("two", "b"),
    ]
    assert reasons_of(items) == [f"{tmp_path}/train, row 1: the text is empty or has only spaces"]
    with pytest.raises(BadTexts, match="cannot be read: Bad split: test"):
        list(read_source(TextSource(dataset=str(tmp_path), split="test"), tmp_path))
