"""A saved analysis opens again exactly, in every later version, or says in a sentence why not.

python -m pytest tests/export
"""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

import sinklens
from sinklens import capture_file
from sinklens.errors import DamagedFile, NotCaptured
from sinklens.export import saved
from sinklens.export.difference import difference
from sinklens.results import arrays_in
from sinklens.schema.answers import analysis_answer
from tests.captures import assert_same
from tests.export.analyses import decoder_run, three_stream_run

FIXTURES = Path(__file__).parent / "fixtures"
VIEW = {"layer": 1, "head": 0, "definition": "eligible", "stream": None, "is_log": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """For hypothesis, whose examples must not share a function's own tmp_path."""
    return tmp_path_factory.mktemp("analyses")


@pytest.fixture(scope="module")
def stored(folder):
    path = folder / "run.sinklens"
    saved.save(saved.analysis_of(decoder_run(), view=VIEW, note="odd"), path)
    return path


def rewritten(path, target, change):
    """The same file with another description, its checksum made anew, as a stranger would."""
    with safe_open(path, framework="np") as file:
        arrays, metadata = file.get_tensors(), file.metadata()
    document = json.dumps(change(json.loads(metadata["document"])))
    save_file(arrays, target, metadata | {"document": document, "crc32": str(zlib.crc32(document.encode()))})
    return target


def attempt(open_file, path):
    """(result, "") or (None, the sentence of the refusal); any other error is a failure."""
    try:
        return open_file(path), ""
    except DamagedFile as error:
        return None, str(error)


@pytest.mark.parametrize("capture", [decoder_run(), three_stream_run()], ids=["decoder", "three streams"])
def test_everything_comes_back_exactly(capture, tmp_path):
    analysis = saved.analysis_of(capture, view=VIEW, note="what I saw")
    saved.save(analysis, tmp_path / "run.sinklens")
    opened = saved.load(tmp_path / "run.sinklens")
    assert_same(opened, analysis)
    assert not any(array.flags.writeable for array in arrays_in(opened))
    assert [path.name for path in tmp_path.iterdir()] == ["run.sinklens"]


def test_bytes_and_file_are_the_same(stored, tmp_path):
    analysis = saved.load(stored)
    (tmp_path / "bytes.sinklens").write_bytes(saved.as_bytes(analysis))
    assert_same(saved.load(tmp_path / "bytes.sinklens"), analysis)


def test_what_the_numbers_rest_on_is_in_the_file(stored):
    facts = saved.load(stored).provenance
    assert (facts.model, facts.revision, facts.n_tokens) == ("hand-made", "test", 3)
    assert len(facts.text_sha256) == len(facts.tokens_sha256) == 64
    assert facts.edits[0] == "mask tokens 0 as keys in all layers, all heads"
    assert facts.packages["numpy"] == np.__version__


def test_without_maps_the_file_is_small_and_single_maps_are_gone(tmp_path):
    capture = replace(decoder_run(), request=replace(decoder_run().request, interventions=()))
    saved.save(saved.analysis_of(capture, with_maps=False), tmp_path / "small.sinklens")
    run = sinklens.open(tmp_path / "small.sinklens")
    assert len(run.sinks()) == 3
    with pytest.raises(NotCaptured):
        run.map(0, 0)


def test_a_file_of_the_first_version_still_opens():
    analysis = saved.load(FIXTURES / "analysis-1.sinklens")
    assert analysis.provenance.model == "hand-made"
    assert analysis.view == VIEW
    expected = decoder_run()
    found = difference(expected, analysis.capture)
    assert found.is_same, found.numbers
    assert analysis.capture.model.is_off_by_one is False
    assert analysis.capture.states["self"][0].n_first == 0


def test_an_older_document_goes_through_every_step_to_the_newest(stored, monkeypatch):
    steps = []

    def step(version):
        def upgraded(document):
            steps.append(version)
            return document | {"fields": document["fields"] | {"note": f"from {version}"}}

        return upgraded

    monkeypatch.setattr(saved, "VERSION", 3)
    monkeypatch.setattr(saved, "UPGRADES", {1: step(1), 2: step(2)})
    assert saved.load(stored).note == "from 2"
    assert steps == [1, 2]


def test_a_file_of_a_newer_version_says_so(stored, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(saved, "VERSION", 7)
        saved.save(saved.analysis_of(decoder_run()), tmp_path / "new.sinklens")
    with pytest.raises(DamagedFile, match=r"newer SinkLens \(version 7"):
        saved.load(tmp_path / "new.sinklens")


def test_a_stored_capture_opens_as_an_analysis(tmp_path):
    capture_file.save(decoder_run(), tmp_path / "cached.safetensors")
    assert_same(saved.load(tmp_path / "cached.safetensors").capture, decoder_run())
    assert saved.is_analysis(tmp_path / "cached.safetensors")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        saved.load(tmp_path / "none.sinklens")
    with pytest.raises(FileNotFoundError):
        sinklens.open(tmp_path / "none.npz")


# --- damage and malice ----------------------------------------------------------------------------


@given(data=st.data())
@settings(max_examples=200)
def test_a_changed_byte_is_noticed_unless_it_changes_nothing(folder, stored, data):
    content = bytearray(stored.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = folder / "damaged.sinklens"
    damaged.write_bytes(content)
    opened, sentence = attempt(saved.load, damaged)
    if opened is None:
        assert "damaged.sinklens" in sentence
    else:
        assert_same(opened, saved.load(stored))


@given(content=st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_give_a_sentence(folder, content):
    path = folder / "noise.sinklens"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"noise\.sinklens"):
        sinklens.open(path)


def places_in(node, place=()):
    """Every place in a JSON document."""
    yield place
    for key, item in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from places_in(item, (*place, key))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tuple", "dict", "record", "x"]), inner)
    ),
    max_leaves=4,
)


@given(data=st.data())
@settings(max_examples=100)
def test_a_document_that_a_stranger_changed_is_read_whole_or_refused(folder, stored, data):
    """The checksum is right, so only the check of types and shapes stands between the file and the page."""

    def change(document):
        place = data.draw(st.sampled_from(list(places_in(document))))
        if not place:
            return data.draw(JSON)
        node = document
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = data.draw(JSON)
        return document

    strange = rewritten(stored, folder / "strange.sinklens", change)
    run, sentence = attempt(sinklens.open, strange)
    if run is None:
        assert "strange.sinklens" in sentence
    else:
        assert len(run.sinks()) == len(analysis_answer(run.capture).tokens) == 3
        assert repr(run)


def test_a_deep_document_is_refused(stored, tmp_path):
    with safe_open(stored, framework="np") as file:
        arrays, metadata = file.get_tensors(), file.metadata()
    document = "[" * 100_000
    changed = metadata | {"document": document, "crc32": str(zlib.crc32(document.encode()))}
    save_file(arrays, tmp_path / "deep.sinklens", changed)
    with pytest.raises(DamagedFile, match="deep"):
        saved.load(tmp_path / "deep.sinklens")


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("prompt", {"record": "Token", "fields": {}}, "does not read back"),
        ("elapsed_ms", "soon", "elapsed_ms is of type str"),
        ("profiles", {"dict": []}, "attention streams none"),
        ("hidden_norm", 3, "hidden_norm is of type int"),
        ("warnings", {"tuple": [1]}, r"warnings\[0\] is of type int"),
    ],
)
def test_what_is_wrong_in_a_document_is_named(stored, tmp_path, part, value, words):
    def change(document):
        document["fields"]["capture"]["fields"][part] = value
        return document

    with pytest.raises(DamagedFile, match=words):
        saved.load(rewritten(stored, tmp_path / "odd.sinklens", change))
