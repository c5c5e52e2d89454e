"""Studies that this process works on, one after the other, on a thread of their own.

A study outlives the page that started it: it may take hours, and its results are on disk piece by
piece. Everybody who uses this server may stop and resume what they see; on a public server a page lists
only what it started itself, because studies hold their texts.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sinklens.errors import BadSelection, RunCancelled, SinkLensError
from sinklens.settings import Settings
from sinklens.study.errors import BadStudy, FolderInUse, Problem
from sinklens.study.folder import StudyFolder
from sinklens.study.plan import Study
from sinklens.study.process_workers import ProcessWorkers
from sinklens.study.records import Progress
from sinklens.study.running import run_study
from sinklens.study.study_file import read_study
from sinklens.study.workers import Workers
from sinklens.version import VERSION

logger = logging.getLogger(__name__)
UPLOADS = "uploads"
"""Folder beside the studies that holds what was uploaded."""
BUSY = ("waiting", "reading", "running")
N_NAME_CHARS = 40
N_SPARE_CORES = 1
"""Cores that a study of the page leaves to the sessions."""

Work = Callable[[str, Study, Path, StudyFolder, Callable[[Progress], None], Callable[[], bool]], None]
"""`work(text, study, base, folder, on_progress, is_cancelled)` does a whole study."""


@dataclass(frozen=True)
class StudyEntry:
    """One study of this machine, as a list shows it."""

    id: str
    """Name of its folder."""
    name: str
    state: str
    """"waiting", "reading", "running", "done", "stopped", "failed", "interrupted" or "elsewhere"."""
    n_texts: int
    models: tuple[str, ...]
    made: str
    """When it was begun, UTC."""
    progress: Progress | None = None
    problem: str = ""
    """Why it failed, in a sentence."""

    @property
    def is_busy(self) -> bool:
        return self.state in BUSY


@dataclass(eq=False)
class _Job:
    study: Study
    text: str
    state: str = "waiting"
    progress: Progress | None = None
    problem: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class StudyJobs:
    """Starts, stops and lists studies; every method may be called from any thread."""

    def __init__(self, settings: Settings, work: Work | None = None) -> None:
        self.folder = settings.studies_dir
        self.max_upload_bytes = settings.max_upload_bytes
        self._settings = settings
        self._work = work or partial(_run_study, settings)
        self._jobs: dict[str, _Job] = {}
        self._known: dict[str, tuple[int, dict]] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="study")
        self.readers = ThreadPoolExecutor(1, thread_name_prefix="study-reader")
        """Where reports are drawn and files are written: nobody who waits for a map waits for these."""

    @property
    def are_shared(self) -> bool:
        """Does everybody see all studies? Not on a public server."""
        return self._settings.allow_folders

    def start(self, text: str) -> str:
        """Begin a study, or go on with it where it stopped; the id of its folder.

        Raises
        ------
        BadStudy
            The file cannot be followed, or names what this server does not give.
        """
        study = read_study(text)
        self._check_allowed(study)
        key = study_id(study)
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.state not in BUSY:
                job = self._jobs[key] = _Job(study, text)
                self._thread.submit(self._run, key, job)
        return key

    def resume(self, key: str) -> str:
        """Go on with a study of the list from the file in its folder."""
        text = self.open(key).yaml()
        if not text:
            raise BadStudy([Problem(None, "", "its folder has no study.yaml to go on from")], key)
        return self.start(text)

    def stop(self, key: str) -> None:
        """Stop after the piece in work; what is finished is kept."""
        with self._lock:
            job = self._jobs.get(key)
        if job is not None:
            job.stop.set()

    def open(self, key: str) -> StudyFolder:
        """The folder of a study; BadSelection where there is none with this id."""
        # An id comes from a browser: it must name a folder of this place and nothing else.
        folder = StudyFolder(self.folder / key)
        if not re.fullmatch(r"[\w.-]+", key) or key.startswith(".") or not folder.exists:
            raise BadSelection(f"There is no study '{key}' on this machine.")
        return folder

    def entry(self, key: str) -> StudyEntry:
        """One study; BadSelection where there is none with this id."""
        with self._lock:
            job = self._jobs.get(key)
        if job is not None and not StudyFolder(self.folder / key).exists:
            return _entry_of_job(key, job)
        return self._entry(self.open(key), job)

    def entries(self) -> tuple[StudyEntry, ...]:
        """All studies of this machine, the latest first."""
        with self._lock:
            jobs = dict(self._jobs)
        keys = {path.parent.name for path in self.folder.glob("*/study.json")}
        found = [self._entry(StudyFolder(self.folder / key), jobs.get(key)) for key in keys]
        found += [_entry_of_job(key, job) for key, job in jobs.items() if key not in keys]
        return tuple(sorted(found, key=lambda entry: (entry.made or "9999", entry.id), reverse=True))

    def close(self) -> None:
        """Stop what is in work and take nothing more."""
        with self._lock:
            for job in self._jobs.values():
                job.stop.set()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.readers.shutdown(wait=False, cancel_futures=True)

    def _run(self, key: str, job: _Job) -> None:
        def note(progress: Progress) -> None:
            job.progress = progress
            job.state = progress.state if progress.state in BUSY else job.state

        if job.stop.is_set():
            job.state = "stopped"
            return
        job.state = "reading"
        try:
            folder = StudyFolder(self.folder / key)
            self._work(job.text, job.study, self.folder, folder, note, job.stop.is_set)
            job.state = "stopped" if job.stop.is_set() and not _is_done(folder) else "done"
        except RunCancelled:
            job.state = "stopped"
        except SinkLensError as error:
            job.state, job.problem = "failed", str(error)
        except Exception:
            logger.exception("A study failed with an unexpected error.")
            job.state, job.problem = "failed", "A defect in SinkLens; the server's log has the details."

    def _check_allowed(self, study: Study) -> None:
        """A public server reads no file that was not uploaded, and asks no other host."""
        problems = []
        for index, source in enumerate(study.texts):
            if source.path is not None and not self._may_read(Path(source.path)):
                sentence = "this server only reads texts that were uploaded here or stand in the file"
                problems.append(Problem(None, f"texts[{index}].path", sentence))
            if source.dataset is not None and not self._settings.allow_hub:
                sentence = "this server fetches nothing from the Hugging Face hub"
                problems.append(Problem(None, f"texts[{index}].dataset", sentence))
        if problems:
            raise BadStudy(problems)

    def _may_read(self, path: Path) -> bool:
        """May a study name this file? One that was uploaded always; others where the settings let it."""
        given = self._settings.model_folders.split(":")
        roots = [Path(root).expanduser() for root in given if root.strip()]
        if self._settings.allow_folders and not roots:
            return True
        allowed = [self.folder / UPLOADS, *(roots if self._settings.allow_folders else ())]
        found = (self.folder / path.expanduser()).resolve()
        return any(found.is_relative_to(folder.resolve()) for folder in allowed)

    def _about(self, folder: StudyFolder) -> dict:
        """What the list needs of study.json, which may hold many texts: read again only when it changes."""
        changed = (folder.path / "study.json").stat().st_mtime_ns
        known = self._known.get(folder.path.name)
        if known is None or known[0] != changed:
            about = folder.about()
            known = (
                changed,
                {key: about.get(key) for key in ("name", "made", "models")}
                | {"n_texts": int((about.get("texts") or {}).get("n", 0))},
            )
            self._known[folder.path.name] = known
        return known[1]

    def _entry(self, folder: StudyFolder, job: _Job | None) -> StudyEntry:
        about, progress = self._about(folder), folder.progress()
        is_ours = job is not None
        state = job.state if is_ours else _state_on_disk(folder, progress)
        said = progress.message if progress is not None and state == "failed" else ""
        return StudyEntry(
            id=folder.path.name,
            name=str(about["name"] or folder.path.name),
            state=state,
            n_texts=about["n_texts"],
            models=tuple(about["models"] or ()),
            made=str(about["made"] or ""),
            progress=job.progress if is_ours and job.progress else progress,
            problem=job.problem if is_ours else said,
        )


def study_id(study: Study) -> str:
    """Name of a study's folder: the same file under the same version goes on in the same place."""
    asked = f"{VERSION}\0{study.name}\0{study.canonical()}"
    digest = hashlib.sha256(asked.encode()).hexdigest()[:10]
    plain = unicodedata.normalize("NFKD", study.name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:N_NAME_CHARS].strip("-")
    return f"{slug or 'study'}-{digest}"


def _entry_of_job(key: str, job: _Job) -> StudyEntry:
    """A study that has written nothing yet."""
    models = tuple(model.name for model in job.study.models)
    return StudyEntry(key, job.study.name, job.state, 0, models, "", job.progress, job.problem)


def _is_done(folder: StudyFolder) -> bool:
    progress = folder.progress()
    return progress is not None and progress.state == "done"


def _state_on_disk(folder: StudyFolder, progress: Progress | None) -> str:
    """The state of a study that this process does not work on."""
    if progress is None:
        return "interrupted"
    if progress.state not in BUSY:
        return progress.state
    try:
        with folder.locked():
            return "interrupted"
    except FolderInUse:
        return "elsewhere"


def _run_study(
    settings: Settings,
    text: str,
    study: Study,
    base: Path,
    folder: StudyFolder,
    on_progress: Callable[[Progress], None],
    is_cancelled: Callable[[], bool],
) -> None:
    run_study(
        study,
        folder.path,
        lambda: _workers(study, settings),
        base=base,
        yaml=text,
        on_progress=on_progress,
        is_cancelled=is_cancelled,
    )


def _workers(study: Study, settings: Settings) -> Workers:
    """The cluster of the settings, else processes: their threads and locks are not the sessions'."""
    if not settings.ray_address:
        return ProcessWorkers(study, settings.study_processes or None, settings, n_spare_cores=N_SPARE_CORES)
    from sinklens.study.ray_workers import RayWorkers

    return RayWorkers(study, address=settings.ray_address, settings=settings)
