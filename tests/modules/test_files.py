"""The panel's files: what is saved, what is opened, and what a page says of it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from shiny import reactive, render, ui
from shiny.testserver import test_server_async

from modules.compare_files import FilePair, compare_files_server, difference_sentence, difference_tables
from modules.files import analysis_name, analysis_on_screen, files_server, opened_note, own_file
from modules.link_session import link_server
from modules.page import Page, open_when_visited
from modules.request_panel import request_panel_server
from modules.session_run import SessionRun
from sinklens.export import saved
from sinklens.export.difference import difference
from sinklens.opened_file import OpenedFile, open_file
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.analysis.profiles import capture_from_maps, random_maps
from tests.captures import assert_same
from tests.export.analyses import decoder_run
from tests.modules.test_session_run import INPUTS, PATIENCE_S, RUN, seen
from tests.stand_in_engine import StandInEngine

session_loop = pytest.mark.asyncio(loop_scope="session")
FILE_INPUTS = INPUTS | {
    "page": "one", "link": "", "files-tokens": "", "files-direction": "read",
    "files-rest_is_sink": False, "files-with_maps": True,
}  # fmt: skip


@pytest.fixture
async def service(tmp_path):
    service = InferenceService(StandInEngine(), Settings(cache_dir=tmp_path / "cache"))
    yield service
    service.close()


@pytest.fixture
def example():
    capture = capture_from_maps(random_maps(2, 2, 3, is_causal=True), is_causal=True)
    return replace(capture, request=CaptureRequest("demo", "stored"))


@pytest.fixture
def attention(tmp_path):
    path = tmp_path / "attention.npz"
    np.savez(path, attention=random_maps(2, 2, 3, is_causal=True), tokens=np.array(["a", "b", "c"]))
    return path


@pytest.fixture
def analysis(tmp_path):
    run = replace(decoder_run(), request=CaptureRequest("demo", "The cat"))
    kept = saved.analysis_of(run, view={"layer": 1, "head": 0, "metric": "focus"}, note="mine")
    saved.save(kept, tmp_path / "run.sinklens")
    return tmp_path / "run.sinklens"


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    """Uploads are believed only in the folder that Shiny makes for them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def upload(path, folder) -> list[dict]:
    """What Shiny's file input gives: the file under another name in a folder of its own."""
    folder = folder.parent / "fileupload-test" / folder.name
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"0{path.suffix}"
    shutil.copy(path, copy)
    return [{"name": path.name, "size": copy.stat().st_size, "type": "", "datapath": str(copy)}]


def files_app(service, example, runs=None):
    def server(input, output, session):
        run = SessionRun(service, example)
        if runs is not None:
            runs.append(run)
        state = replace(request_panel_server("panel", run=run), page=input.page)
        door = link_server(
            session, run=run, page=input.page, pages=("one", "two"), models=("demo",), default_model="demo"
        )
        files_server("files", service=service, run=run, view=door.view, show=door.show)
        compare_files_server("compare", service=service, state=state)
        needy = Page("Two", lambda id: ui.div(), lambda id, service, state: None, needs_model=True)
        open_when_visited(needy, input, output, service, state, is_first=False)

        @render.text
        def shown():
            opened = run.opened()
            return f"{state.capture().model.name}, head {state.head()}, file: {opened and opened.name}"

    return server


def session_of(service, example, runs=None):
    return test_server_async(files_app(service, example, runs), timeout_secs=PATIENCE_S)


@session_loop
async def test_attention_is_opened_and_pages_that_run_the_model_say_why_not(
    service, example, attention, tmp_path
):
    async with session_of(service, example) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(**{"files-file": upload(attention, tmp_path / "up")})
        await seen(session, "shown", "file: attention.npz")
        await seen(session, "two_reason", "“attention.npz” holds attention alone")
        await session.set_inputs(**{RUN: 1})
        await seen(session, "shown", "file: None")
        assert session.get_output("two_reason").value is None


@session_loop
async def test_a_saved_analysis_is_looked_at_as_it_was_saved(service, example, analysis, tmp_path):
    runs = []
    async with session_of(service, example, runs) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(**{"files-file": upload(analysis, tmp_path / "up")})
        await seen(session, "shown", "head (1, 0), file: run.sinklens")
        with reactive.isolate():
            kept = analysis_on_screen(runs[0], {"layer": "0"}, with_maps=True)
            light = analysis_on_screen(runs[0], {}, with_maps=False)
    original = saved.load(analysis)
    assert_same(replace(kept, made_at="", view={}), replace(original, made_at="", view={}))
    assert kept.view == {"layer": "0"}
    assert (light.capture.states, light.capture.maps) == ({}, {})


@session_loop
async def test_a_file_that_cannot_be_read_is_told_and_what_was_there_stays(service, example, tmp_path):
    (tmp_path / "evil.npz").write_bytes(b"\x80\x04\x95 pickle")
    async with session_of(service, example) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(**{"files-file": upload(tmp_path / "evil.npz", tmp_path / "up")})
        await seen(session, "files-problem", "is a pickle, which can run code")
        await seen(session, "shown", "file: None")
        await session.set_inputs(**{RUN: 1})
        await seen(session, "files-problem", "None")


@session_loop
async def test_what_a_file_does_not_say_can_be_said_beside_it(service, example, tmp_path):
    np.save(tmp_path / "half.npy", random_maps(1, 2, 3, is_causal=True) / 2)
    async with session_of(service, example) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(**{"files-file": upload(tmp_path / "half.npy", tmp_path / "up")})
        await seen(session, "files-problem", "say so if the rest goes to a sink")
        await session.set_inputs(**{"files-rest_is_sink": True})
        await seen(session, "shown", "file: half.npy")
        await session.set_inputs(**{"files-tokens": "one\ntwo"})
        await seen(session, "files-problem", "3 tokens; 2 tokens were named")


@session_loop
async def test_two_files_are_compared_by_the_function_of_the_command_line(
    service, example, analysis, attention, tmp_path
):
    async with session_of(service, example) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(
            **{
                "compare-a": upload(analysis, tmp_path / "a"),
                "compare-b": upload(analysis, tmp_path / "b"),
            }
        )
        await seen(session, "compare-finding", "run.sinklens and run.sinklens: all numbers are equal.")
        await session.set_inputs(**{"compare-b": upload(attention, tmp_path / "c")})
        await seen(session, "compare-finding", "run.sinklens and attention.npz differ")
        await seen(session, "compare-tables", "What they rest on")


def test_the_sentence_of_a_difference_names_the_number_that_is_furthest_apart():
    runs = [
        capture_from_maps(random_maps(2, 2, 4, is_causal=True, seed=seed), is_causal=True) for seed in (0, 1)
    ]
    found = difference(*runs)
    table = found.numbers.dropna().set_index("number")
    largest = table.loc[table["difference"].abs().idxmax()]
    sentence = difference_sentence(FilePair(("one", "other"), found))
    assert sentence.startswith("one and other differ, most in ")
    assert (
        f"{largest['a']:.4g} in A, {largest['b']:.4g} in B, A - B = {largest['difference']:.2g}." in sentence
    )
    html = str(difference_tables(found))
    assert f"{table.loc['entropy', 'a']:.4g}" in html
    assert "Heads" in html


def test_a_note_says_what_is_on_screen_and_never_as_html(attention, analysis):
    opened = open_file(attention, max_bytes=10**8)
    assert "2 layers × 2 heads over 3 tokens, computed elsewhere" in str(opened_note(opened))
    kept = replace(saved.load(analysis), note="<script>alert(1)</script>")
    html = str(opened_note(OpenedFile("run.sinklens", kept.capture, kept)))
    assert "Its numbers are those of the file" in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("run one.sinklens", "run one.sinklens"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\evil.npz", "evil.npz"),
        (".hidden", "hidden"),
        ("....", "file"),
        ("a\nb<i>.npz", "a_b_i_.npz"),
        ("x" * 300 + ".npz", "x" * 76 + ".npz"),
    ],
)
def test_a_name_that_comes_with_a_file_stays_in_its_folder(name, plain, tmp_path):
    folder = tmp_path / "fileupload-test" / "job"
    folder.mkdir(parents=True)
    (folder / "0.npz").write_bytes(b"content")
    files = ((name, str(folder / "0.npz")),)
    assert own_file(files) == folder / plain
    assert own_file(files).read_bytes() == b"content"


@session_loop
async def test_a_file_of_the_server_that_nobody_uploaded_is_not_opened(service, example, attention):
    forged = [{"name": "attention.npz", "size": 1, "type": "", "datapath": str(attention)}]
    async with session_of(service, example) as session:
        await session.set_inputs(**FILE_INPUTS)
        await session.set_inputs(**{"files-file": forged})
        await seen(session, "files-problem", "was not uploaded here")
        assert session.is_ok


@session_loop
async def test_a_saved_file_is_named_after_its_model_and_first_words(service, example):
    async with test_server_async(lambda input, output, session: None, timeout_secs=PATIENCE_S):
        run = SessionRun(service, example)
        assert analysis_name(run).endswith(".sinklens")
        assert "/" not in analysis_name(run)
