"""Large captures on disk: one file per content key, bounded in bytes, healing itself."""

from __future__ import annotations

import logging
import os
import stat
import time
from pathlib import Path

from sinklens import capture_file
from sinklens.errors import DamagedFile
from sinklens.results import Capture

log = logging.getLogger(__name__)

PART_LIFE_S = 3_600
"""A half-written file older than this was left behind by a process that died."""


class DiskCache:
    """Captures in a folder, named by their key, the least recently read dropped first.

    The folder itself is the only state, so processes may share it; the methods block and belong
    on a worker thread. A file that is damaged is deleted and counts as missing.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._folder = folder
        self.n_bytes = sum(size for _, size, _ in self._files())
        """Bytes of all stored captures when this process last looked."""

    def read(self, key: str) -> Capture | None:
        """The capture stored under a key; None where there is none, or none that reads back."""
        path = self._path(key)
        try:
            capture = capture_file.load(path)
            os.utime(path)
            return capture
        except FileNotFoundError:
            return None
        except DamagedFile as error:
            log.warning("A stored capture is computed anew: %s", error)
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("A stored capture could not be read: %s", error)
        return None

    def write(self, key: str, capture: Capture) -> None:
        """Store a capture; one larger than the bound, or refused by the disk, is not stored."""
        if capture.nbytes > self.max_bytes:
            return
        try:
            self._shrink_to(self.max_bytes - capture.nbytes)
            capture_file.save(capture, self._path(key))
            self._shrink_to(self.max_bytes)
        except OSError as error:
            log.warning("A capture could not be stored in %s: %s", self._folder, error)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"

    def _files(self) -> list[tuple[float, int, Path]]:
        """(time of last use, bytes, path) of every stored capture, the longest unused first."""
        entries = []
        for path in self._folder.glob("*.safetensors"):
            try:
                status = path.stat()
            except OSError:
                continue  # Another process has just dropped it, or it is none of ours.
            if stat.S_ISREG(status.st_mode):
                entries.append((status.st_mtime, status.st_size, path))
        return sorted(entries)

    def _shrink_to(self, n_bytes_max: int) -> None:
        files = self._files()
        n_bytes = sum(size for _, size, _ in files)
        for _, size, path in files:
            if n_bytes <= n_bytes_max:
                break
            path.unlink(missing_ok=True)
            n_bytes -= size
        self.n_bytes = n_bytes
        for part in self._folder.glob(".*.part"):
            if time.time() - part.stat().st_mtime > PART_LIFE_S:
                part.unlink(missing_ok=True)
