"""Tables and differences of runs as files. python -m pytest tests/export/test_tables.py"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sinklens.analysis.sinkfix import sinkfix_verdict
from sinklens.errors import BadSelection
from sinklens.export.difference import difference
from sinklens.export.provenance import provenance_of
from sinklens.export.tables import (
    as_csv,
    as_html,
    as_json,
    map_table,
    rows_of,
    sinkfix_table,
    tokens_table,
)
from sinklens.results import HeadMap
from tests.analysis.profiles import capture_from_maps, one_hot_maps, uniform_maps
from tests.export.analyses import decoder_run, three_stream_run

ODD = ['</script><b>"x"</b>', "a,b\r\nc", "=1+1", "שלום"]


@pytest.fixture
def facts():
    return provenance_of(decoder_run())


def test_no_text_breaks_out_of_a_file(facts):
    table = pd.DataFrame({"token": ODD, "share": [0.5, float("nan"), 1 / 3, 0.0]})
    assert [row[0] for row in csv.reader(io.StringIO(as_csv(table)))] == ["token", *ODD]
    assert [row["token"] for row in json.loads(as_json(table, facts))["rows"]] == ODD
    page = as_html(table, facts, ODD[0])
    assert "<b>" not in page
    assert "</script>" not in page


def test_what_is_not_applicable_is_null_in_json_and_empty_elsewhere(facts):
    table = pd.DataFrame({"share": [float("nan"), 0.25]})
    assert rows_of(table) == [{"share": None}, {"share": 0.25}]
    assert as_csv(table) == 'share\r\n""\r\n0.25\r\n'
    assert '<td class="number"></td>' in as_html(table, facts, "x")


def test_a_page_of_a_table_says_what_it_rests_on(facts):
    page = as_html(tokens_table(decoder_run()), facts, "Tokens")
    assert "hand-made (revision test), 3 tokens, text " in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_map_as_a_table_is_empty_where_a_query_cannot_see():
    weights = np.array([[1.0, np.nan], [0.25, 0.75]], np.float32)
    labels = ("a", "b")
    table = map_table(HeadMap("self", 0, 0, weights, labels, labels, np.ones(2)))
    assert list(table.columns) == ["query", "0 a", "1 b"]
    assert as_csv(table) == "query,0 a,1 b\r\n0 a,1,\r\n1 b,0.25,0.75\r\n"


def test_a_run_does_not_differ_from_itself():
    for capture in (decoder_run(), three_stream_run()):
        found = difference(capture, capture)
        assert found.is_same
        assert found.facts.empty


def test_differences_are_a_minus_b():
    even = capture_from_maps(uniform_maps(2, 2, 20, is_causal=True), is_causal=True)
    parked = capture_from_maps(one_hot_maps(2, 2, 20), is_causal=True)
    found = difference(parked, even)
    assert not found.is_same
    assert found.tokens["difference"][0] == pytest.approx(1 - even.profile().received[0, 0, 0] / 20, abs=1e-6)
    assert (found.heads["first_token_share_difference"] > 0.5).all()
    share = found.numbers.set_index("number").loc["first_share"]
    assert share["difference"] == pytest.approx(share["a"] - share["b"])


def test_other_tokens_and_other_sizes_are_said_and_never_paired():
    one = capture_from_maps(uniform_maps(2, 2, 5, is_causal=True), is_causal=True)
    other = capture_from_maps(uniform_maps(3, 2, 6, is_causal=True), is_causal=True)
    found = difference(one, other)
    assert found.tokens is None
    assert found.heads is None
    assert "other tokens" in found.note
    assert "2 x 2 and 3 x 2" in found.note
    with pytest.raises(BadSelection, match="cross"):
        difference(one, other, "cross")


def test_an_edit_is_a_fact_that_differs():
    capture = decoder_run()
    plain = replace(capture, request=replace(capture.request, interventions=()))
    facts = difference(plain, capture).facts
    assert facts["fact"].tolist() == ["edits"]
    assert facts["a"].tolist() == ["none"]


def test_sinkfix_clients_find_their_columns():
    run = decoder_run()
    table, verdict = sinkfix_table(run), sinkfix_verdict(run.profile())
    assert list(table) == ["index", "token", "classification", "attention_received", "value_norm"]
    assert list(table["token"]) == list(run.prompt.labels)
    assert table["attention_received"].sum() == pytest.approx(1, abs=1e-5)
    assert list(table["classification"]) == list(verdict.labels)
