"""Names of files. python -m pytest tests/test_file_name.py"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sinklens.file_name import file_name, slug


@given(st.text())
def test_a_slug_holds_nothing_that_a_path_or_a_shell_reads(words):
    found = slug(words)
    assert re.fullmatch(r"[\w.-]*", found)
    assert not found.startswith((".", "-"))
    assert slug(found) == found


def test_words_are_joined_and_empty_ones_left_out():
    assert file_name("sinks", "google-bert/bert base", "", ending="csv") == "sinks-google-bert-bert-base.csv"
