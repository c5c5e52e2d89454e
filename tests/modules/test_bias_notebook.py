"""Notes are merged, numbered and drawn; what a stranger left in the browser is no notebook.

python -m pytest tests/modules/test_bias_notebook.py
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from modules import bias_notes
from modules.bias_notebook_drawing import NONE_AGAINST, against_list, notebook_finding, notes_list
from modules.bias_notes import kept_notes, merged, next_name, read_notebook
from sinklens.analysis.notebook_export import notes_json
from sinklens.errors import BadSelection
from sinklens.notebook_records import Finding, Note

NOTE = Note("note 1", "2026-01-02T03:04:05+00:00", "a claim <b>", "", "unsure", "next")
OTHER = replace(NOTE, identifier="note 4", claim="another")


def test_numbers_go_on_after_the_largest():
    assert next_name(()) == "note 1"
    assert next_name((OTHER, NOTE)) == "note 5"
    assert next_name((replace(NOTE, identifier="by hand"),)) == "note 1"


def test_an_opened_notebook_is_added_without_doubles():
    clash = replace(OTHER, identifier="note 1")
    assert merged((NOTE,), (NOTE, OTHER)) == (NOTE, OTHER)
    assert merged((NOTE,), (clash,)) == (NOTE, replace(clash, identifier="note 2"))


def test_what_something_else_left_in_the_browser_is_passed_over():
    assert kept_notes(notes_json([NOTE])) == (NOTE,)
    assert kept_notes("[1, 2]") == kept_notes("nonsense") == ()


def test_a_file_that_is_no_notebook_is_told(tmp_path, monkeypatch):
    path = tmp_path / "notes.json"
    path.write_text(notes_json([NOTE, OTHER]), "utf-8")
    assert read_notebook(path) == (NOTE, OTHER)
    monkeypatch.setattr(bias_notes, "N_BYTES_MAX", 10)
    with pytest.raises(BadSelection, match="at most 10 bytes"):
        read_notebook(path)


def test_notes_are_drawn_as_text_with_what_speaks_against_them():
    found = Finding("Heads taken away", "Nothing changes.", ("Random heads do the same.",), {"texts": "4"})
    drawn = str(notes_list([replace(NOTE, findings=(found,), conditions={"model": "m"})], remove="remove"))
    assert "a claim &lt;b&gt;" in drawn
    assert "Heads taken away: Random heads do the same." in drawn
    assert "texts: 4" in drawn
    assert "Random heads do the same." in str(against_list([found]))
    assert NONE_AGAINST.split(" (")[0] in str(against_list([replace(found, against=())]))


def test_the_finding_says_where_the_notes_are():
    assert notebook_finding(0, 0, True).startswith("No note yet")
    assert notebook_finding(1, 1, True) == "1 note, in this browser alone, 1 of them in no file yet."
    assert "the browser refuses" in notebook_finding(2, 0, False)
