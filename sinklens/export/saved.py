"""A whole analysis in one file: what was asked, what came out, what it rests on; opens again anywhere.

The file is safetensors with JSON beside the arrays (`sinklens.record_file`). Versions of the format only
ever go up, and a newer SinkLens reads every older one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sinklens import capture_file, record_file
from sinklens.errors import DamagedFile
from sinklens.export.capture_shapes import contradictions
from sinklens.export.provenance import Provenance, provenance_of
from sinklens.export.record_types import misfits
from sinklens.results import Capture

VERSION = 1
SUFFIX = ".sinklens"
UPGRADES: dict[int, Callable[[dict], dict]] = {}
"""Version -> what turns its document into that of the next version."""


@dataclass(frozen=True, eq=False)
class SavedAnalysis:
    """One analysis as it lies in a file."""

    capture: Capture
    provenance: Provenance
    """What the numbers rest on, noted when they were computed."""
    made_at: str
    """When it was saved, ISO 8601 in UTC."""
    view: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    """What was being looked at: stream, layer, head, definition, and other choices of a page."""
    note: str = ""
    """Words of the person who saved it."""


RECORDS = {**capture_file.RECORDS, "Provenance": Provenance, "SavedAnalysis": SavedAnalysis}


def analysis_of(
    capture: Capture, *, view: dict | None = None, note: str = "", with_maps: bool = True
) -> SavedAnalysis:
    """What is saved of a run that this process has computed.

    Parameters
    ----------
    with_maps : bool
        Keep what any head's map is computed from; without, the file is small and single maps are lost.
    """
    kept = capture if with_maps else replace(capture, states={}, maps={})
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    return SavedAnalysis(kept, provenance_of(capture), made_at, dict(view or {}), note)


def save(analysis: SavedAnalysis, path: Path | str) -> None:
    """Write an analysis; the file appears whole or not at all. OSError when the disk refuses."""
    record_file.write(analysis, path, name=f"sinklens-analysis-{VERSION}", records=RECORDS)


def as_bytes(analysis: SavedAnalysis) -> bytes:
    """What `save` writes."""
    return record_file.as_bytes(analysis, name=f"sinklens-analysis-{VERSION}", records=RECORDS)


def is_analysis(path: Path | str) -> bool:
    """Does a file say that it is a saved analysis or a stored capture? FileNotFoundError if there is none."""
    try:
        return record_file.format_of(path).startswith("sinklens-")
    except DamagedFile:
        return False


def load(path: Path | str) -> SavedAnalysis:
    """Open a saved analysis, or a capture of the cache; sealed.

    Raises
    ------
    DamagedFile
        The file is cut, changed, foreign, or of a newer version than this one knows.
    FileNotFoundError
    """
    path = Path(path)
    stored = record_file.read(path)
    if stored.name == capture_file.FORMAT:
        analysis = analysis_of(_checked(stored.value(RECORDS), Capture, path))
    else:
        analysis = _checked(_upgraded(stored, path).value(RECORDS), SavedAnalysis, path)
    problem = next(contradictions(analysis.capture), None)
    if problem is not None:
        raise DamagedFile(f"The analysis in '{path.name}' contradicts itself: {problem}.")
    analysis.capture.seal()
    return analysis


def _upgraded(stored: record_file.StoredRecord, path: Path) -> record_file.StoredRecord:
    """The same file as this version would have written it."""
    found = re.fullmatch(r"sinklens-analysis-(\d{1,6})", stored.name)
    if found is None:
        raise DamagedFile(f"'{path.name}' is no saved analysis; its format is '{stored.name}'.")
    version = int(found[1])
    if version > VERSION:
        raise DamagedFile(
            f"'{path.name}' was saved by a newer SinkLens (version {version} of the format; this one reads "
            f"up to {VERSION}). Update SinkLens to open it."
        )
    document = stored.document
    for older in range(version, VERSION):
        try:
            document = UPGRADES[older](document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFile(
                f"'{path.name}' does not read as version {older} of the format: {error}."
            ) from error
    return replace(stored, document=document)


def _checked(value, kind: type, path: Path):
    """The value, if it and everything in it has the types that were promised."""
    problems = list(islice(misfits(value, kind), 1))
    if problems:
        raise DamagedFile(f"The analysis in '{path.name}' does not read back: {problems[0]}.")
    return value
