"""Reports open anywhere and hold everything. python -m pytest tests/export/test_report.py"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from sinklens.analysis.sink_summary import main_finding
from sinklens.analysis.sinks import sink_table
from sinklens.errors import BadSelection
from sinklens.export.provenance import provenance_of
from sinklens.export.report import as_file, report_of
from sinklens.figures import fonts
from sinklens.results import HeadMap
from tests.analysis.profiles import capture_from_maps, random_maps
from tests.export.analyses import decoder_run, three_stream_run
from tests.figures.made_font import save_font

EVIL = '<script>alert("x")</script> $a_1$'
ADDRESSES = ("src", "href", "action", "data", "poster", "srcset")


class Seen(HTMLParser):
    """Tags, addresses that a browser would fetch, and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.addresses, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ADDRESSES]

    def handle_data(self, data):
        self.text.append(data)


def report_of_run(capture, **choices):
    profile = capture.profile()
    shape = (profile.n_queries, profile.n_keys)
    weights = np.where(np.tri(*shape, dtype=bool), 1 / shape[1], np.nan)
    head_map = HeadMap.of(capture, profile.stream, 0, 0, weights.astype(np.float32))
    return report_of(capture, head_map, **choices)


@pytest.fixture(scope="module")
def run():
    capture = capture_from_maps(
        random_maps(2, 3, 20, is_causal=True),
        is_causal=True,
        thumbnails=random_maps(2, 3, 20, is_causal=True),
    )
    return replace(capture, prompt=replace(capture.prompt, text=EVIL))


@pytest.fixture(scope="module")
def html(run):
    return as_file(report_of_run(run), "html").decode()


def test_a_page_fetches_nothing_from_anywhere(html):
    seen = Seen(html)
    assert seen.addresses
    assert all(address.startswith("data:image/svg+xml;base64,") for address in seen.addresses)
    assert "default-src 'none'" in html
    assert not re.search(r"url\((?![\"']?#)|@import", html)


def test_the_text_stays_text(html):
    assert html.count("<script") == 0
    assert EVIL in unescape(html)


def test_a_page_begins_with_the_finding_and_says_what_it_rests_on(html, run):
    words = " ".join(Seen(html).text)
    assert main_finding(sink_table(run)) in words
    assert provenance_of(run).caption() in words
    assert provenance_of(run).text_sha256 in words


def test_every_token_and_every_picture_is_in_it(html, run):
    words = Seen(html).text
    assert all(token.label in words for token in run.prompt.tokens)
    assert Seen(html).tags.count("img") == 3


def test_definitions_of_what_was_computed_come_with_their_papers(run):
    page = as_file(report_of_run(run, definition="last"), "html").decode()
    assert "StreamingLLM (arXiv 2309.17453)" in page
    assert "@misc{xiao2024streaming" in page
    assert "@software{sinklens" in page


def test_a_pdf_has_pages_a_title_an_outline_and_its_fonts(run):
    content = as_file(report_of_run(run), "pdf")
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") >= 3
    assert b"/Title (Attention of hand-made)" in content
    assert b"/Title (Method)" in content
    assert content.count(b"/FontFile2") == 3


def test_a_pdf_draws_what_its_fonts_lack_with_those_of_the_machine(run, tmp_path, monkeypatch):
    files = (save_font(tmp_path / "Wide.ttf", "日本", "SinkLens Wide"),)
    monkeypatch.setattr(fonts, "wide_files", lambda: files)
    written = replace(run, prompt=replace(run.prompt, text="日本 and 水"))
    content = as_file(report_of_run(written), "pdf")
    assert content.count(b"/FontFile2") == 4


@pytest.mark.parametrize("form", ["html", "pdf"])
@pytest.mark.parametrize("build", [decoder_run, three_stream_run])
def test_every_kind_of_run_has_a_report(form, build):
    assert len(as_file(report_of_run(build()), form)) > 10_000


def test_another_form_is_refused(run):
    with pytest.raises(BadSelection, match="html, pdf; got 'docx'"):
        as_file(report_of_run(run), "docx")
