"""The folder of a study: read by anybody at any time, written by one process at a time.

Its layout is described in `sinklens.study.records`. Everything is written beside its place, flushed to
the disk and renamed, so that a reader, or a run that goes on after a kill, meets whole files only.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sinklens.study.errors import BadStudy, DiskFull, FolderInUse, Problem
from sinklens.study.records import FAILURES, TABLES, Progress

NEW = ".new-"
N_READ = 1_024
"""Texts that are read at once where all are gone through."""


class StudyFolder:
    """The results of a study, finished or not."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    # --- reading ----------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        """Is a study in this folder?"""
        return (self.path / "study.json").is_file()

    def about(self) -> dict:
        """study.json; BadStudy where the folder holds no study."""
        try:
            return json.loads((self.path / "study.json").read_text("utf-8"))
        except FileNotFoundError:
            raise BadStudy([Problem(None, "", "there is no study in this folder")], str(self.path)) from None

    def yaml(self) -> str:
        """The study file as it was given; empty where it is not there."""
        file = self.path / "study.yaml"
        return file.read_text("utf-8") if file.is_file() else ""

    def models(self) -> dict[str, dict]:
        """By name, facts of the models met so far; {"error": reason} for one that did not load."""
        records = [json.loads(file.read_text("utf-8")) for file in sorted(self.path.glob("models/*.json"))]
        return {record["name"]: record for record in records}

    def progress(self) -> Progress | None:
        """How far the last run is, or was when it ended; None before the first."""
        file = self.path / "progress.json"
        return Progress(**json.loads(file.read_text("utf-8"))) if file.is_file() else None

    def finished(self) -> set[str]:
        """Names of the shards that are complete."""
        return {path.name for path in self.path.glob("shards/*") if not path.name.startswith(NEW)}

    def texts(self, columns: Sequence[str] | None = None) -> pa.Table:
        """texts.parquet, all of it or some columns."""
        return pq.read_table(self.path / "texts.parquet", columns=columns)

    def each_text(self, columns: Sequence[str]) -> Iterator[dict]:
        """Some columns of one text after the other, in their order; few are in memory at once."""
        with pq.ParquetFile(self.path / "texts.parquet") as file:
            for part in file.iter_batches(N_READ, columns=list(columns)):
                yield from part.to_pylist()

    def text_rows(self, shard: int, n_each: int) -> list[dict]:
        """The texts of one shard, where every shard but the last has so many."""
        start, found = shard * n_each, []
        with pq.ParquetFile(self.path / "texts.parquet") as file:
            first = 0
            for group in range(file.num_row_groups):
                end = first + file.metadata.row_group(group).num_rows
                here = range(max(start, first), min(start + n_each, end))
                if here:
                    found += file.read_row_group(group).slice(here.start - first, len(here)).to_pylist()
                first = end
        return found

    def runs(self, columns: Sequence[str] | None = None, **equal) -> pa.Table:
        """Rows of all complete shards; `equal` narrows them: model="demo-gpt2", condition="unedited"."""
        return self._table("runs", columns, equal)

    def heads(self, columns: Sequence[str] | None = None, **equal) -> pa.Table:
        """The same with one row per head; several times larger, so name the columns."""
        return self._table("heads", columns, equal)

    def failures(self) -> pa.Table:
        """What could not be measured, models that did not load and places without a text among it."""
        parts = [self._table("failures", None, {})]
        lost = [
            {"model": name, "stage": "model", "reason": facts["error"]}
            for name, facts in self.models().items()
            if "error" in facts
        ]
        parts.append(pa.Table.from_pylist(lost, schema=FAILURES))
        unread = self.path / "unread.parquet"
        if unread.is_file():
            parts.append(pq.read_table(unread))
        return pa.concat_tables(parts)

    def batches(self, table: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of one shard after the other, for tables that are too large to be read at once."""
        for name in sorted(self.finished()):
            yield pq.read_table(self.path / "shards" / name / f"{table}.parquet", columns=columns)

    def _table(self, table: str, columns: Sequence[str] | None, equal: dict) -> pa.Table:
        schema = TABLES[table]
        wanted = list(columns or schema.names)
        needed = list(dict.fromkeys([*wanted, *equal]))
        parts = []
        for part in self.batches(table, needed):
            for name, value in equal.items():
                part = part.filter(pc.equal(part[name], pa.scalar(value, schema.field(name).type)))
            parts.append(part.select(wanted))
        empty = pa.schema([schema.field(name) for name in wanted]).empty_table()
        return pa.concat_tables([empty, *parts])

    # --- writing ----------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only process that writes here; the system lets go of the lock when the process dies.

        Raises
        ------
        FolderInUse
            Another process is at work here.
        """
        with _written(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle, self.path)
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def write_json(self, name: str, value: dict) -> None:
        """Replace a small file at once."""
        text = json.dumps(value, ensure_ascii=False, indent=1)
        self.write_text(name, text)

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file at once."""
        place = self.path / name
        with _written(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            new = place.with_name(f"{NEW}{place.name}")
            with new.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(new, place)
            _sync_folder(place.parent)

    def write_parquet(self, name: str, write) -> None:
        """Replace a Parquet file at once; `write` is given the path to write to."""
        place = self.path / name
        with _written(place):
            new = place.with_name(f"{NEW}{place.name}")
            write(new)
            _sync_file(new)
            os.replace(new, place)
            _sync_folder(place.parent)

    def write_progress(self, progress: Progress) -> None:
        self.write_json("progress.json", asdict(progress))

    def write_shard(self, name: str, tables: dict[str, pa.Table]) -> None:
        """Put a whole shard into its place; DiskFull leaves nothing of it behind."""
        place, new = self.path / "shards" / name, self.path / "shards" / f"{NEW}{name}"
        try:
            with _written(place):
                shutil.rmtree(new, ignore_errors=True)
                new.mkdir(parents=True)
                for table, schema in TABLES.items():
                    file = new / f"{table}.parquet"
                    pq.write_table(tables[table].cast(schema), file, compression="zstd")
                    _sync_file(file)
                _sync_folder(new)
                os.rename(new, place)
                _sync_folder(place.parent)
        except DiskFull:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def sweep(self) -> None:
        """Remove what a killed run left half-written; only under the lock."""
        for leftover in [*self.path.glob(f"shards/{NEW}*"), *self.path.glob(f"**/{NEW}*")]:
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)

    def write_unread(self, rows: list[dict]) -> None:
        """Places of the sources that gave no text."""
        table = pa.Table.from_pylist(rows, schema=FAILURES)
        self.write_parquet("unread.parquet", lambda path: pq.write_table(table, path))


def shard_sizes(n_texts: int, n_each: int) -> list[int]:
    """Number of texts of every shard of one model."""
    return [min(n_each, n_texts - start) for start in range(0, n_texts, n_each)]


@contextmanager
def _written(place: Path) -> Iterator[None]:
    """Errors of the disk as sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
            raise DiskFull(
                f"The disk is full: '{place.name}' could not be written into {place.parent}. Everything "
                "that was finished before is kept; make room and start the same study again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EPERM):
            raise DiskFull(f"{place} cannot be written ({error.strerror}).") from error
        raise


def _lock(handle: int, path: Path) -> None:
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # not a POSIX system
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise _in_use(handle, path) from None
    except OSError:
        raise _in_use(handle, path) from None


def _in_use(handle: int, path: Path) -> FolderInUse:
    owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    return FolderInUse(
        f"Another process{f' ({owner})' if owner else ''} is writing into {path}. Wait for it, stop it, "
        "or choose another folder."
    )


def _sync_file(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
