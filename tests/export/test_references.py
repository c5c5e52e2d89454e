"""One place for the literature. python -m pytest tests/export/test_references.py"""

from __future__ import annotations

import re
from pathlib import Path

from sinklens.analysis.received import DEFINITIONS
from sinklens.export.references import REFERENCES, bibtex, cited_in, tool_bibtex
from sinklens.version import VERSION

REPOSITORY = Path(__file__).resolve().parents[2]
CITED = re.compile(r"arXiv[: ]+(\d{4}\.\d{5})")


def test_every_preprint_that_the_code_cites_has_an_entry():
    sources = [path for folder in ("sinklens", "modules") for path in (REPOSITORY / folder).rglob("*.py")]
    cited = {number for path in sources for number in CITED.findall(path.read_text("utf-8"))}
    assert sorted(cited - {one.arxiv for one in REFERENCES}) == []


def test_keys_and_numbers_are_there_once():
    assert len({one.key for one in REFERENCES}) == len({one.arxiv for one in REFERENCES}) == len(REFERENCES)


def test_entries_are_balanced_and_plain_ascii():
    entries = bibtex().split("\n\n")
    assert len(entries) == 1 + len(REFERENCES)
    for entry in entries:
        assert entry.count("{") == entry.count("}")
        assert entry.isascii()
        assert re.match(r"@(misc|software)\{[a-z0-9]+,\n", entry)


def test_the_tools_entry_has_this_version():
    assert f"version = {{{VERSION}}}" in tool_bibtex()


def test_a_source_is_found_by_its_number_or_by_its_names():
    found = cited_in(DEFINITIONS["eligible"].source, "As Abnar and Zuidema 2020 do, and Sun et al. 2024.")
    assert [one.names for one in found] == ["Gu et al. 2025", "Sun et al. 2024", "Abnar and Zuidema 2020"]
    assert cited_in("Nobody et al. 1999") == ()
