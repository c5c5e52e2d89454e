"""A stored capture reads back exactly, or is refused with a sentence."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from sinklens import capture_file
from sinklens.errors import DamagedFile
from sinklens.results import arrays_in
from tests.captures import TEXTS, assert_same, decoder_capture, encoder_decoder_capture

STORED = "run.safetensors"


def round_trip(capture, folder):
    capture_file.save(capture, folder / STORED)
    return capture_file.load(folder / STORED)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory):
    """For hypothesis, whose examples must not share a function's own tmp_path."""
    return tmp_path_factory.mktemp("captures")


@pytest.fixture(scope="module")
def stored_bytes(shared_folder):
    capture_file.save(decoder_capture(), shared_folder / STORED)
    return (shared_folder / STORED).read_bytes()


@pytest.mark.parametrize("labels", TEXTS.values(), ids=TEXTS)
def test_every_field_of_a_causal_run_comes_back_exactly(labels, tmp_path):
    capture = decoder_capture(labels)
    assert_same(round_trip(capture, tmp_path), capture)


def test_all_streams_of_an_encoder_decoder_run_come_back_exactly(tmp_path):
    capture = encoder_decoder_capture()
    assert_same(round_trip(capture, tmp_path), capture)


@given(text=st.text(st.characters(exclude_categories=())), window=st.integers(), factor=st.floats())
@settings(max_examples=60, deadline=None)
def test_any_text_and_any_number_comes_back(shared_folder, text, window, factor):
    capture = decoder_capture()
    capture = replace(
        capture,
        request=replace(capture.request, text=text, window=window),
        elapsed_ms=factor,
        warnings=(text,),
    )
    assert_same(round_trip(capture, shared_folder), capture)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.array(7.5),
        np.arange(6, dtype=np.int64).reshape(2, 3).T,
        np.array([[True, False]]),
        np.arange(8, dtype=np.float16)[::-2],
        np.array([np.nan, np.inf, -0.0]),
    ],
    ids=["empty", "scalar", "transposed", "bool", "strided half", "not finite"],
)
def test_arrays_of_any_layout_and_type_come_back(array, tmp_path):
    capture = replace(decoder_capture(), token_loss=array)
    assert_same(round_trip(capture, tmp_path).token_loss, array)


def test_an_array_that_layers_share_is_stored_once(tmp_path):
    capture = decoder_capture()
    states = round_trip(capture, tmp_path).states["self"]
    assert states[0].mask is states[1].mask


def test_arrays_of_a_loaded_capture_are_read_only(tmp_path):
    capture = round_trip(decoder_capture(), tmp_path)
    assert not any(array.flags.writeable for array in arrays_in(capture))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_changed_byte_is_noticed_unless_it_changes_nothing(shared_folder, stored_bytes, data):
    position = data.draw(st.integers(0, len(stored_bytes) - 1))
    damaged = bytearray(stored_bytes)
    damaged[position] ^= data.draw(st.integers(1, 255))
    (shared_folder / "damaged").write_bytes(damaged)
    try:
        capture = capture_file.load(shared_folder / "damaged")
    except DamagedFile:
        return
    assert_same(capture, decoder_capture())


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_file_is_refused(shared_folder, stored_bytes, data):
    n_bytes = data.draw(st.integers(0, len(stored_bytes) - 1))
    (shared_folder / "cut").write_bytes(stored_bytes[:n_bytes])
    with pytest.raises(DamagedFile, match="'cut'"):
        capture_file.load(shared_folder / "cut")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", pickle.dumps({"capture": 1}), b"\xff" * 64],
    ids=["empty", "text", "pickle", "ones"],
)
def test_a_file_of_another_kind_is_refused(content, tmp_path):
    (tmp_path / STORED).write_bytes(content)
    with pytest.raises(DamagedFile):
        capture_file.load(tmp_path / STORED)


def test_the_weights_of_a_model_are_refused_as_a_capture(tmp_path):
    save_file({"wte.weight": np.zeros((4, 4), np.float32)}, tmp_path / STORED)
    with pytest.raises(DamagedFile, match="format 'None'"):
        capture_file.load(tmp_path / STORED)


def test_a_file_of_another_version_is_refused_and_named(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(capture_file, "FORMAT", "sinklens-capture-0")
        capture_file.save(decoder_capture(), tmp_path / STORED)
    with pytest.raises(DamagedFile, match="sinklens-capture-0"):
        capture_file.load(tmp_path / STORED)


def test_a_missing_file_is_missing_and_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        capture_file.load(tmp_path / STORED)


def test_a_value_that_cannot_be_stored_leaves_no_file_behind(tmp_path):
    capture = replace(decoder_capture(), warnings=(object(),))
    with pytest.raises(TypeError, match="cannot hold a value of type object"):
        capture_file.save(capture, tmp_path / STORED)
    assert list(tmp_path.iterdir()) == []


def test_a_second_save_replaces_the_first(tmp_path):
    capture_file.save(decoder_capture(seed=1), tmp_path / STORED)
    assert_same(round_trip(decoder_capture(seed=2), tmp_path), decoder_capture(seed=2))
    assert [path.name for path in tmp_path.iterdir()] == [STORED]
