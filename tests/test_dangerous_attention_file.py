"""Attention files that are damaged, dangerous or foreign are refused with a sentence.

python -m pytest tests/test_dangerous_attention_file.py
"""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import sinklens
from sinklens.attention_file import read_attention
from sinklens.errors import DamagedFile, NotEnoughMemory, SinkLensError
from tests.analysis.profiles import random_maps
from tests.test_attention_file import as_hooks, as_numbered


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """For hypothesis, whose examples must not share a function's own tmp_path."""
    return tmp_path_factory.mktemp("arrays")


class Trap:
    """Would leave a trace if it were unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


def zip_of(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def false_header(shape, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps(Trap()), "pickle"),
        (npy(np.array([Trap()], object), allow_pickle=True), "object"),
        (zip_of(**{"a.npy": npy(np.array([Trap()], object), allow_pickle=True)}), "object"),
        (zip_of(**{"data.pkl": pickle.dumps(Trap())}), "data.pkl"),
        (zip_of(**{"../../evil.npy": b"x"}), "no readable .npy header"),
        (false_header((10**9, 10**9)) + b"\0" * 8, "announces"),
        (false_header((-1, 4)), "header|announces"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "header"),
        (b"", "neither"),
        (b"PK\x03\x04 cut", "npz"),
        (zip_of(**{"x.npy": npy(np.zeros(3))}), "the file has x"),
        (zip_of(**{"attention.npy": npy(np.zeros((2, 3, 4, 5, 5)))}), "3 texts"),
        (zip_of(**{"l1.npy": npy(np.zeros((1, 2, 2))), "l4.npy": npy(np.zeros((1, 2, 2)))}), "missing"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_a_dangerous_or_foreign_file_is_refused(content, words, tmp_path, capsys):
    (tmp_path / "attention.npz").write_bytes(content)
    with pytest.raises(DamagedFile, match=words):
        sinklens.open(tmp_path / "attention.npz")
    assert "unpickled" not in capsys.readouterr().out


def test_a_defect_is_not_told_as_a_damaged_file(tmp_path, monkeypatch):
    def broken(arrays):
        raise RuntimeError("a defect")

    monkeypatch.setattr("sinklens.attention_file.find_attention", broken)
    (tmp_path / "good.npz").write_bytes(zip_of(**{"attention.npy": npy(np.eye(2)[None, None])}))
    with pytest.raises(RuntimeError, match="a defect"):
        read_attention(tmp_path / "good.npz", max_bytes=1_000_000)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    (tmp_path / "bomb.npz").write_bytes(zip_of(**{"attention.npy": b"\0" * 50_000_000}))
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    with pytest.raises(NotEnoughMemory, match="50,000,000 bytes"):
        read_attention(tmp_path / "bomb.npz", max_bytes=1_000_000)


def test_an_archive_that_lies_about_its_size_is_not_unpacked_further(tmp_path):
    content = bytearray(zip_of(**{"attention.npy": b"\0" * 1_000_000}))
    true_size = (1_000_000).to_bytes(4, "little")
    assert content.count(true_size) == 2
    (tmp_path / "liar.npz").write_bytes(bytes(content).replace(true_size, (1_000).to_bytes(4, "little")))
    with pytest.raises(DamagedFile):
        read_attention(tmp_path / "liar.npz", max_bytes=10_000)


@given(data=st.data())
@settings(max_examples=200)
def test_a_damaged_file_is_read_or_refused_with_a_sentence(folder, data):
    maps = random_maps(2, 2, 3, is_causal=True).astype(np.float32)
    path = folder / "attention"
    if data.draw(st.booleans()):
        save_file(as_hooks(maps), path, {"tokens": '["a", "b", "c"]'})
    else:
        with path.open("wb") as file:
            np.savez_compressed(file, tokens=np.array(["a", "b", "c"]), **as_numbered(maps))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    run, sentence = attempt(path)
    if run is None:
        assert sentence.endswith((".", "'"))
    else:
        assert len(run.sinks()) == len(run.tokens)


def attempt(path):
    """(run, "") or (None, the sentence of the refusal); any other error is a failure."""
    try:
        return sinklens.open(path), ""
    except SinkLensError as error:
        return None, str(error)
