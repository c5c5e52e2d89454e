"""The whole report, and the files to take away, from a folder as a study leaves it.

python -m pytest tests/study/test_report.py
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from sinklens.errors import BadSelection, RunCancelled
from sinklens.study.errors import BadStudy
from sinklens.study.folder import StudyFolder
from sinklens.study.records import FAILURES, RUNS, TABLES, Progress
from sinklens.study.report import report_fragment, report_html
from sinklens.study.report_data import TokenLabels, read_report, rows_by_head
from sinklens.study.report_files import write_file, write_head_cards
from tests.study.report_rows import run, table, write_study

NEVER = (lambda fraction, message: None), (lambda: False)


class Tags(HTMLParser):
    """Ids, and tags that are opened and closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "rect", "path", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag


@pytest.fixture
def folder(tmp_path) -> StudyFolder:
    return write_study(tmp_path / "study", models=("first", "second"))


def test_a_report_is_one_whole_file_that_asks_for_nothing(folder):
    html = report_html(read_report(folder))
    tags = Tags(html)
    assert tags.open == []
    assert len(set(tags.ids)) == len(tags.ids)
    assert "<script" not in html
    assert not re.search(r"<[^>]*\b(src|href)=", html)
    assert not re.search(r"url\((?![\"']?#)", html)


def test_the_report_says_what_was_found_in_a_sentence_for_every_model(folder):
    html = report_html(read_report(folder)).replace("\N{NO-BREAK SPACE}", " ")
    for model in ("first", "second"):
        assert f"{model}: 30 % of the attention goes to the first token (95 % interval" in html
    assert "mean of 6 texts; uniform attention would give 10 %." in html


def test_the_report_names_seeds_hashes_versions_and_the_study_file(folder):
    html = report_html(read_report(folder))
    for said in ("h" * 64, "t" * 64, "torch 2.9", "models: [first, second]", "2026-11-21T20:00:00Z"):
        assert said in html


def test_the_fragment_has_the_same_parts_without_a_heading_of_its_own(folder):
    fragment = report_fragment(read_report(folder))
    assert "<h1" not in fragment
    assert "Summary over texts" in fragment


def test_a_study_at_work_is_called_unfinished(folder):
    folder.write_progress(Progress("running", 3, 12, 10.0, 100.0, 50.0, 1.8, 0))
    html = report_html(read_report(folder))
    assert "Not finished (running): 3 of 12 texts × models so far." in html


def test_a_study_without_any_row_says_so(tmp_path):
    folder = write_study(tmp_path / "empty", models=())
    html = report_html(read_report(folder))
    assert "Nothing has been measured." in html
    Tags(html)


def test_failures_stand_with_their_reasons_and_texts(folder):
    rows = [run(t, "second") | {"stage": "measure", "reason": "It has no head."} for t in (1, 4)]
    folder.write_shard(
        "second-slug-1",
        {name: table(schema, rows if name == "failures" else []) for name, schema in TABLES.items()},
    )
    html = report_html(read_report(folder))
    assert "2 things could not be measured" in html
    assert re.search(r"It has no head\.</td><td>1, 4</td>", html)


def test_a_model_that_did_not_load_is_named_with_its_reason(folder):
    folder.write_json("models/lost.json", {"name": "lost", "error": "There is no model <lost>."})
    assert "did not load: There is no model &lt;lost&gt;." in report_html(read_report(folder))


def test_only_the_layers_that_the_study_wants_shown_are_drawn(folder):
    about = folder.about()
    about["plan"]["show"]["layers"] = [1]
    folder.write_json("study.json", about)
    html = report_html(read_report(folder)).replace("\N{NO-BREAK SPACE}", " ")
    assert "head 1.0: 12 %" in html
    assert "head 0.0:" not in html


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(BadStudy, match="no study"):
        read_report(StudyFolder(tmp_path))


def test_every_head_comes_with_all_its_texts(folder):
    heads = list(rows_by_head(folder, "first"))
    assert [(rows["layer"].iloc[0], rows["head"].iloc[0], len(rows)) for rows in heads] == [
        (layer, head, 6) for layer in range(2) for head in range(3)
    ]


def test_token_labels_are_found_by_their_text(folder):
    labels = TokenLabels(folder, "first")
    assert len(labels) == 6
    assert 5 in labels
    assert 6 not in labels
    assert labels[5][:2] == ["w0", "w1"]


# --- files ------------------------------------------------------------------------------------------


def test_parquet_holds_every_row_with_the_schema_of_the_store(folder, tmp_path):
    place = write_file(folder, "parquet.zip", *NEVER)
    with zipfile.ZipFile(place) as archive:
        runs = pq.read_table(io.BytesIO(archive.read("runs.parquet")))
        failures = pq.read_table(io.BytesIO(archive.read("failures.parquet")))
        names = archive.namelist()
    assert runs.num_rows == 12
    assert runs.schema.names == RUNS.names
    assert runs.schema.field("loss").metadata == RUNS.field("loss").metadata
    assert failures.schema.equals(FAILURES)
    assert {"heads.parquet", "texts.parquet", "study.yaml", "study.json", "columns.txt"} <= set(names)


def test_csv_has_lists_as_json_and_nothing_for_null(folder):
    place = write_file(folder, "csv.zip", *NEVER)
    with zipfile.ZipFile(place) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode())))
        columns = archive.read("columns.txt").decode()
    assert len(rows) == 12
    assert json.loads(rows[0]["received_by_position"])[1] == pytest.approx(0.02)
    assert rows[0]["loss"] == ""
    assert "first_share [share]: First-token share" in columns


def test_head_cards_of_two_models_have_a_folder_each_and_a_first_page(folder, tmp_path):
    assert write_head_cards(folder, tmp_path / "out") == 12
    first = (tmp_path / "out" / "index.html").read_text("utf-8")
    for link in re.findall(r'href="([^"]+)"', first):
        assert (tmp_path / "out" / link).is_file()
    assert (tmp_path / "out" / "second-slug" / "heads" / "1-2.json").is_file()


def test_head_cards_of_one_model_begin_with_its_list_and_fit_into_an_archive(tmp_path):
    folder = write_study(tmp_path / "one")
    place = write_file(folder, "heads.zip", *NEVER)
    with zipfile.ZipFile(place) as archive:
        assert {"index.html", "heads.json", "heads/0-0.html", "heads/1-2.json"} <= set(archive.namelist())


def test_a_study_without_heads_has_no_cards_and_says_which_measurement_they_need(tmp_path):
    folder = write_study(tmp_path / "none", models=())
    with pytest.raises(BadSelection, match="need 'heads'"):
        write_head_cards(folder, tmp_path / "out")


def test_an_unknown_file_is_refused_with_the_names_of_those_there_are(folder):
    with pytest.raises(BadSelection, match=r"report\.html, .*got '\.\./secret'"):
        write_file(folder, "../secret", *NEVER)


def test_a_download_that_nobody_waits_for_is_stopped(folder):
    with pytest.raises(RunCancelled):
        write_file(folder, "csv.zip", lambda fraction, message: None, lambda: True)
