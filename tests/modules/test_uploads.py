"""What a file input may hold: nothing but files that were uploaded."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from shiny._fileupload import FileUploadManager

from modules.uploads import uploaded
from sinklens.errors import BadSelection


@pytest.fixture
def upload():
    """A file as Shiny itself stores an upload."""
    manager = FileUploadManager()
    job = manager.create_upload_operation([{"name": "texts.txt", "size": 2, "type": "text/plain"}])
    operation = manager.get_upload_operation(job)
    with operation:
        operation.write_chunk(b"hi")
    (file,) = operation.finish()
    yield file
    manager.rm_upload_dir()


def test_a_file_that_shiny_has_stored_is_taken(upload):
    files = ((upload["name"], upload["datapath"]),)
    assert uploaded(files) == files


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../etc/passwd", "", ".", "a\0b",
        f"{tempfile.gettempdir()}/fileupload-x/y/../../../etc/passwd",
        f"{tempfile.gettempdir()}/elsewhere/y/0.txt", f"{tempfile.gettempdir()}/fileupload-x",
    ],
)  # fmt: skip
def test_a_path_that_a_browser_made_up_is_refused(path):
    with pytest.raises(BadSelection, match=r"'texts\.txt' was not uploaded here"):
        uploaded((("texts.txt", path),))


def test_a_link_in_the_place_of_an_upload_is_refused(upload):
    link = Path(upload["datapath"]).with_name("1.txt")
    link.symlink_to("/etc/passwd")
    with pytest.raises(BadSelection):
        uploaded((("texts.txt", str(link)),))


@pytest.mark.parametrize("name", ["", "..", "/", "a/..", "x\0.txt"])
def test_a_name_that_is_none_is_refused(upload, name):
    with pytest.raises(BadSelection):
        uploaded(((name, upload["datapath"]),))
