"""The texts of a study: each once, in an order that depends on nothing but the texts and the seed."""

from __future__ import annotations

import tracemalloc

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.study import text_set
from sinklens.study.errors import BadTexts
from sinklens.study.folder import StudyFolder
from sinklens.study.study_file import read_study
from sinklens.study.text_drawing import Draw, draw_texts, write_texts
from sinklens.study.text_files import GivenText
from sinklens.study.text_set import TextSet, gather
from tests.capture.tiny_models import tiny_tokenizer


def written(tmp_path, items, *, n=None, seed=0):
    with TextSet(seed) as texts:
        texts.add(items)
        texts.draw(n)
        texts.write(tmp_path / "texts.parquet")
        return texts.counts(), pq.read_table(tmp_path / "texts.parquet").to_pylist()


def given_texts(*texts, category="c"):
    return [GivenText(text, category, f"line {i}") for i, text in enumerate(texts)]


def test_a_repeated_text_is_kept_once_and_counted(tmp_path):
    items = given_texts("bb", "a", "bb", "bb") + given_texts("bb", category="other")
    counts, rows = written(tmp_path, items)
    assert (counts.n, counts.n_repeated) == (3, 2)
    found = [(row["text"], row["category"], row["n_copies"]) for row in rows]
    assert found == [("a", "c", 1), ("bb", "c", 3), ("bb", "other", 1)]
    assert [row["text_id"] for row in rows] == [0, 1, 2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abc ", min_size=1, max_size=6), min_size=1, max_size=20), st.randoms())
def test_the_drawn_texts_do_not_depend_on_their_order(tmp_path_factory, texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    folder = tmp_path_factory.mktemp("texts")
    first, second = (written(folder, given_texts(*order), n=5, seed=3) for order in (texts, shuffled))
    assert first[0].sha256 == second[0].sha256
    assert [row["text"] for row in first[1]] == [row["text"] for row in second[1]]
    assert len(first[1]) == min(5, len(set(texts)))


def test_another_seed_draws_other_texts(tmp_path):
    items = given_texts(*(f"text {i}" for i in range(50)))
    drawn = [written(tmp_path, items, n=10, seed=seed)[0].sha256 for seed in range(4)]
    assert len(set(drawn)) == 4


def test_texts_are_written_shortest_first_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(text_set, "N_GROUP_CHARS", 6)
    counts, rows = written(tmp_path, given_texts("ccc", "a", "bb", "dddd"))
    assert [row["text"] for row in rows] == ["a", "bb", "ccc", "dddd"]
    metadata = pq.ParquetFile(tmp_path / "texts.parquet").metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 1]
    assert counts.n_chars == 10


@pytest.mark.parametrize("n_each", [1, 2, 3, 7, 20])
def test_shards_are_the_same_texts_however_the_file_is_grouped(n_each, tmp_path, monkeypatch):
    monkeypatch.setattr(text_set, "N_GROUP_TEXTS", 5)
    _, rows = written(tmp_path, given_texts(*(f"text {i:02d}" for i in range(17))))
    folder = StudyFolder(tmp_path)
    shards = [folder.text_rows(number, n_each) for number in range(-(-17 // n_each))]
    assert [row for shard in shards for row in shard] == rows
    assert all(len(shard) == n_each for shard in shards[:-1])
    assert list(folder.each_text(["text_id"])) == [{"text_id": i} for i in range(17)]


def test_memory_does_not_grow_with_the_number_of_texts(tmp_path):
    def peak_bytes(n: int) -> int:
        folder = tmp_path / str(n)
        folder.mkdir()
        with TextSet() as texts:
            texts.add(GivenText(f"{i:06d} {'word ' * 30}", "c", f"line {i}") for i in range(n))
            tracemalloc.start()
            texts.write(folder / "texts.parquet")
            for _ in StudyFolder(folder).each_text(["n_chars"]):
                pass
            StudyFolder(folder).text_rows(n // 40, 32)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    few, many = peak_bytes(4_000), peak_bytes(16_000)
    assert many < 1.2 * few


def test_generated_texts_are_described_once_for_each_seed(tmp_path):
    study = read_study(
        "name: x\nmodels: [m]\nseeds: [4, 5]\ntexts:\n- {generate: random tokens, n: 3, n_tokens: 8}\n"
    )
    with gather(study, tmp_path) as texts:
        assert texts.counts().n == 6
        assert texts.counts().n_tokens_generated == 48


def test_a_study_without_any_text_is_refused_with_the_first_reason(tmp_path):
    study = read_study("name: x\nmodels: [m]\ntexts: [' ']\n")
    with pytest.raises(BadTexts, match="The first reason: study file, text 1: the text is empty"):
        gather(study, tmp_path)


def test_a_drawn_set_has_texts_of_the_asked_length_and_reads_back(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(" ".join(["w1"] * n) for n in range(1, 21)), "utf-8")
    source = read_study("name: x\nmodels: [m]\ntexts:\n- path: a.txt\n").texts
    draw = Draw(n=4, seed=1, max_tokens=9, min_tokens=3)
    drawn = draw_texts(source, tiny_tokenizer(), draw, tmp_path)
    assert len(drawn) == 4
    assert all(3 <= text.n_tokens <= 9 for text in drawn)
    assert drawn == draw_texts(source, tiny_tokenizer(), draw, tmp_path)
    digest = write_texts(tmp_path / "set.jsonl", drawn)
    assert digest == write_texts(tmp_path / "again.jsonl", drawn)
    again = read_study("name: x\nmodels: [m]\ntexts:\n- path: set.jsonl\n")
    with gather(again, tmp_path) as texts:
        assert {given.text for given in texts.drawn()} == {text.text for text in drawn}
        assert not texts.unread


def test_longer_texts_are_cut_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.txt").write_text("w1 w2 w3 w4 w5 w6\nw7 w8", "utf-8")
    source = read_study("name: x\nmodels: [m]\ntexts:\n- path: a.txt\n").texts
    cut = draw_texts(source, tiny_tokenizer(), Draw(n=2, max_tokens=3, longer="cut"), tmp_path)
    assert sorted(text.text for text in cut) == ["w1 w2 w3", "w7 w8"]
    with pytest.raises(BadTexts, match="Only 1 of 2 texts"):
        draw_texts(source, tiny_tokenizer(), Draw(n=2, max_tokens=3), tmp_path)
