"""Tables of cards as files. python -m pytest tests/modules/test_table_files.py"""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest

from modules import table_files
from modules.table_files import table_buttons
from sinklens.export.provenance import provenance_of
from tests.export.analyses import decoder_run

TABLE = pd.DataFrame({"token": ["a,b", "</td>"], "share": [0.25, float("nan")]})


@pytest.fixture
def files(monkeypatch):
    """Name -> (file name, content) of every download that a card registers."""
    found = {}

    def download_button(*, filename, media_type):
        return lambda content: found.update({content.__name__: (filename(), "".join(content()), media_type)})

    monkeypatch.setattr(table_files.render, "download_button", download_button)
    return found


def test_a_card_has_its_table_in_both_forms(files):
    run = decoder_run()
    table_files.table_files(lambda: TABLE, lambda ending: f"heads.{ending}", lambda: [run], prefix="heads_")
    name, content, kind = files["heads_csv"]
    assert (name, kind) == ("heads.csv", "text/csv")
    assert list(csv.reader(io.StringIO(content))) == [["token", "share"], ["a,b", "0.25"], ["</td>", ""]]
    name, content, kind = files["heads_json"]
    assert (name, kind) == ("heads.json", "application/json")
    assert json.loads(content)["rows"] == [{"token": "a,b", "share": 0.25}, {"token": "</td>", "share": None}]
    assert json.loads(content)["provenance"]["revision"] == provenance_of(run).revision


def test_a_comparison_rests_on_two_runs_and_a_study_on_words(files):
    table_files.table_files(lambda: TABLE, "x.{}".format, lambda: [decoder_run()] * 2)
    assert len(json.loads(files["json"][1])["provenance"]) == 2
    table_files.table_files(lambda: TABLE, "x.{}".format, lambda: ["three texts"])
    assert json.loads(files["json"][1])["provenance"] == "three texts"


def test_buttons_say_what_they_give():
    labels = [button.attrs["aria-label"] for button in table_buttons("the heads")]
    assert labels == ["Download the heads as CSV", "Download the heads as JSON"]
