"""python -m pytest tests/analysis/test_notebook_export.py"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.analysis.notebook_export import (
    check_note,
    notes_frame,
    notes_from_json,
    notes_json,
    notes_markdown,
)
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding, Note

FINDING = Finding("Heads taken away", "Nothing changes.", ("Random heads do the same.",), {"texts": "4"})
NOTE = Note(
    identifier="note 1",
    written="2026-01-02T03:04:05+00:00",
    claim="Head 3.2 reads\nage.",
    evidence="It looks at “old”.",
    uncertainty="One text.",
    next_step="Ten more.",
    findings=(
        Finding("Heads taken away", "Nothing changes.", ("Random heads do the same.",), {"texts": "4"}),
    ),
    conditions={"model": "demo-gpt2", "text": "a `quoted` text"},
)


@given(st.text(), st.text(), st.text())
def test_notes_come_back_from_json_as_they_were(claim, evidence, value):
    note = replace(NOTE, claim=claim, evidence=evidence, conditions={"text": value})
    try:
        whole = notes_json([note, NOTE])
        whole.encode("utf-8")
    except UnicodeEncodeError:
        return
    assert notes_from_json(whole) == (note, NOTE)
    assert notes_from_json(whole)[0].conditions == {"text": value}


def test_a_note_without_its_uncertainty_is_none():
    assert check_note(NOTE) is NOTE
    with pytest.raises(BadSelection, match="missing: claim, uncertainty and next step"):
        check_note(replace(NOTE, claim=" ", uncertainty="", next_step="\n"))
    with pytest.raises(BadSelection, match=r"missing: next step\.$"):
        check_note(replace(NOTE, next_step=""))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "it is no JSON"),
        ("[]", "got 'list'"),
        ('{"schema": "sinklens/trial/1"}', "got 'sinklens/trial/1'"),
        ('{"schema": "sinklens/notebook/1"}', "damaged"),
        ('{"schema": "sinklens/notebook/1", "notes": [{"claim": "x"}]}', "damaged"),
        ('{"schema": "sinklens/notebook/1", "notes": [1]}', "damaged"),
    ],
)
def test_other_files_are_refused_in_a_sentence(text, sentence):
    with pytest.raises(BadSelection, match=sentence):
        notes_from_json(text)


def test_markdown_has_everything_that_is_needed_to_make_it_again():
    text = notes_markdown([NOTE, replace(NOTE, findings=(), evidence="")])
    first, second = text.split("## Head 3.2 reads age.")[1:]
    for part in ("It looks at “old”.", "- Heads taken away: Nothing changes. [texts: 4]",
                 "- Heads taken away: Random heads do the same.", "**Uncertainty.** One text.",
                 "**Next step.** Ten more.", "- model: `demo-gpt2`", "`a 'quoted' text`"):  # fmt: skip
        assert part in first
    assert "does not make the claim true" in second
    assert "**Evidence.**" not in second


def test_the_table_has_a_row_for_each_note():
    row = notes_frame([NOTE]).iloc[0]
    assert row["against"] == "Heads taken away: Random heads do the same."
    assert row["conditions"] == "model: demo-gpt2; text: a `quoted` text"
    assert json.loads(notes_json([NOTE]))["notes"][0]["findings"][0]["settings"] == {"texts": "4"}
