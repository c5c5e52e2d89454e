"""Studies for the service: started, watched, stopped and read from pages; nothing of it blocks the loop."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sinklens.errors import SinkLensError
from sinklens.file_name import slug
from sinklens.run_status import OnStatus, RunStatus
from sinklens.shared_run import SharedRun
from sinklens.study.plan import TextSource
from sinklens.study_jobs import UPLOADS, StudyEntry, StudyJobs

if TYPE_CHECKING:
    from sinklens.study.report_data import ReportData

UPLOAD_ENDINGS = (".txt", ".csv", ".jsonl")
FILES = ("report.html", "study.yaml", "parquet.zip", "csv.zip", "heads.zip")
"""What can be downloaded of a study."""


@dataclass(frozen=True)
class Upload:
    """A file with texts that somebody brought."""

    name: str
    path: str = ""
    """From the folder of studies, as a study file names it."""
    n_texts: int = 0
    n_unread: int = 0
    """Places that give no text."""
    first_unread: str = ""
    problem: str = ""
    """Why the file cannot be used; empty when it can."""


@dataclass(frozen=True)
class StudyView:
    """A study as the page shows it."""

    entry: StudyEntry
    fragment: str
    """The report as HTML, to be put into a page that has its stylesheet; empty while nothing is there."""
    has_heads: bool = False
    """Are there heads to make cards of?"""


class StudyRuns:
    """The part of InferenceService that runs studies."""

    _studies: StudyJobs

    @property
    def studies_are_shared(self) -> bool:
        """Does everybody see all studies? On a public server a page lists only its own."""
        return self._studies.are_shared

    async def start_study(self, text: str) -> str:
        """Begin a study from the text of its file, or go on with it; its id. Errors as `StudyJobs.start`."""
        return await self._read_out(self._studies.start, text)

    async def resume_study(self, key: str) -> str:
        """Go on with a study of the list."""
        return await self._read_out(self._studies.resume, key)

    async def stop_study(self, key: str) -> None:
        """Stop a study after the piece in work."""
        await self._read_out(self._studies.stop, key)

    async def studies(self) -> tuple[StudyEntry, ...]:
        """All studies of this machine, the latest first."""
        return await self._read_out(self._studies.entries)

    async def study(self, key: str) -> StudyEntry:
        """One study, with how far it is."""
        return await self._read_out(self._studies.entry, key)

    async def study_view(self, key: str, on_status: OnStatus | None = None) -> StudyView:
        """The report of what is finished now; equal asks at one time share the work."""

        async def work(run: SharedRun) -> StudyView:
            run.report(RunStatus("running", message="Drawing the report"))
            return await self._on_study_thread(_view, self._studies, key)

        return await self._answer(None, ("study view", key), work, on_status)

    async def study_file(self, key: str, name: str, on_status: OnStatus | None = None) -> Path:
        """A file to download, one of `FILES`; the caller removes its folder once it is sent."""

        async def work(run: SharedRun) -> Path:
            run.report(RunStatus("running", message=f"Writing {name}"))
            return await self._on_study_thread(partial(_write_file, self._studies, key, name, run))

        # Not shared: whoever gets the file removes it.
        return await self._answer(None, ("study file", key, name, object()), work, on_status)

    async def keep_uploads(
        self, files: tuple[tuple[str, str], ...], column: str, category_column: str
    ) -> tuple[Upload, ...]:
        """Store uploaded files, (name, path) each, where studies find them, and read what is in them."""
        return await self._on_study_thread(_keep_uploads, self._studies, files, column, category_column)

    async def _on_study_thread(self, function: Callable, *args):
        self._require_open()
        return await asyncio.get_running_loop().run_in_executor(self._studies.readers, function, *args)


def _view(jobs: StudyJobs, key: str) -> StudyView:
    # The report needs pandas and pyarrow; the first page need not wait for them.
    from sinklens.study.report import report_fragment
    from sinklens.study.report_data import read_report

    entry = jobs.entry(key)
    if not entry.n_texts:
        return StudyView(entry, "")
    data: ReportData = read_report(jobs.open(key))
    return StudyView(entry, report_fragment(data), bool(data.heads))


def _write_file(jobs: StudyJobs, key: str, name: str, run: SharedRun) -> Path:
    from sinklens.study.report_files import write_file

    return write_file(jobs.open(key), name, run.progress, run.is_cancelled)


def _keep_uploads(
    jobs: StudyJobs, files: tuple[tuple[str, str], ...], column: str, category_column: str
) -> tuple[Upload, ...]:
    return tuple(
        _keep_upload(jobs.folder, name, Path(path), column, category_column, jobs.max_upload_bytes)
        for name, path in files
    )


def _keep_upload(
    folder: Path, name: str, path: Path, column: str, category_column: str, max_bytes: int
) -> Upload:
    n_bytes, ending = path.stat().st_size, Path(name).suffix.lower()
    if n_bytes > max_bytes:
        return Upload(name, problem=f"it has {n_bytes:,} bytes; at most {max_bytes:,} can be uploaded")
    if ending not in UPLOAD_ENDINGS:
        return Upload(name, problem=f"it is none of {', '.join(UPLOAD_ENDINGS)}, and was not kept")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stem = slug(Path(name).stem)[:60] or "texts"
    # The content is in the name: a study that names this file always means the same texts.
    place = folder / UPLOADS / f"{stem}-{digest[:10]}{ending}"
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        new = place.with_name(f".new-{place.name}")
        shutil.copyfile(path, new)
        new.replace(place)
    return _counted(Upload(name, f"{UPLOADS}/{place.name}"), folder, column, category_column)


def _counted(upload: Upload, folder: Path, column: str, category_column: str) -> Upload:
    from sinklens.study.text_files import Unread, read_source

    is_table = not upload.path.endswith(".txt")
    source = TextSource(
        path=upload.path,
        column=(column or "text") if is_table else "text",
        category_column=(category_column or None) if is_table else None,
    )

    def said(sentence: str) -> str:
        """With the name that the file was brought under."""
        return sentence.replace(Path(upload.path).name, upload.name)

    n_texts, unread = 0, []
    try:
        for item in read_source(source, folder):
            if isinstance(item, Unread):
                unread.append(item)
            else:
                n_texts += 1
    except SinkLensError as error:
        return Upload(upload.name, upload.path, problem=said(str(error)))
    first = said(f"{unread[0].source}: {unread[0].reason}") if unread else ""
    if not n_texts:
        return Upload(upload.name, upload.path, problem=f"no text could be read. {first}")
    return Upload(upload.name, upload.path, n_texts, len(unread), first)
