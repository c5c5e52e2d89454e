"""Files that a browser brought: only those that it really did bring."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sinklens.errors import BadSelection

Files = tuple[tuple[str, str], ...]
"""(name, path) of files in a file input."""
FOLDER_PREFIX = "fileupload-"
"""How Shiny names the folder of a session's uploads, in the folder for temporary files."""


def uploaded(files: Files) -> Files:
    """The files of a file input, once it is certain that they were uploaded.

    An input's value comes from the browser: one that is written by hand could name any file of this machine.

    Raises
    ------
    BadSelection
        A path that Shiny has not made for an upload, or a name that is none.
    """
    for name, path in files:
        if Path(name).name in ("", "..") or "\0" in name or not _is_upload(path):
            raise BadSelection(f"'{Path(name).name}' was not uploaded here.")
    return files


def _is_upload(path: str) -> bool:
    if "\0" in path:
        return False
    temporary, found = Path(tempfile.gettempdir()).resolve(), Path(path).resolve()
    if not found.is_relative_to(temporary):
        return False
    parts = found.relative_to(temporary).parts
    return len(parts) == 3 and parts[0].startswith(FOLDER_PREFIX)
