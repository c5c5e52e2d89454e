"""Uploaded texts: which files are kept, and under which names."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest

from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.study_jobs import UPLOADS
from tests.stand_in_engine import StandInEngine


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("texts.txt", "one\n")
    return content.getvalue()


@pytest.fixture
async def keep(tmp_path):
    """Stores one file of given content under a given name; what became of it, and the names in the folder."""
    settings = Settings(cache_dir=tmp_path / "c", studies_dir=tmp_path / "s", max_upload_bytes=100_000)
    service = InferenceService(StandInEngine(), settings)

    async def kept(name, content):
        path = tmp_path / "0.part"
        path.write_bytes(content)
        (found,) = await service.keep_uploads(((name, str(path)),), "", "")
        return found, sorted(file.name for file in (settings.studies_dir / UPLOADS).glob("*"))

    yield kept
    service.close()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("texts.zip", archive(), "was not kept"),
        ("texts.npz", archive(), "was not kept"),
        ("model.pkl", pickle.dumps({}), "was not kept"),
        ("model.bin", b"\x80\x04", "was not kept"),
        ("program.py", b"print()", "was not kept"),
        ("noending", b"a text", "was not kept"),
        ("large.txt", b"x" * 100_001, "at most 100,000 can be uploaded"),
    ],
)
async def test_what_is_no_file_of_texts_is_refused_and_not_kept(keep, name, content, words):
    found, names = await keep(name, content)
    assert words in found.problem
    assert names == []


@pytest.mark.parametrize(
    ("content", "words"),
    [(archive(), "zip archive"), (pickle.dumps({"a": 1}), "zero byte|not UTF-8"), (b"a\0b\n", "zero byte")],
    ids=["zip", "pickle", "zero byte"],
)
async def test_a_file_that_only_calls_itself_a_text_is_refused(keep, content, words):
    import re

    found, _ = await keep("texts.txt", content)
    assert re.search(words, found.problem)


@pytest.mark.parametrize(
    "name", ["../../x.txt", "/etc/x.txt", "..txt.txt", "a\0b.txt", "..", "x/../../y.txt"]
)
async def test_no_name_leads_out_of_the_folder_of_uploads(keep, name, tmp_path):
    found, names = await keep(name, b"one\ntwo\n")
    outside = [path for path in tmp_path.rglob("*.txt") if UPLOADS not in path.parts]
    assert outside == []
    assert all("/" not in kept and not kept.startswith("..") for kept in names)
    assert bool(names) is not bool(found.problem)
