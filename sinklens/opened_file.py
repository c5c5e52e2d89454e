"""A file that somebody opens: a saved analysis, or attention that another program has stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sinklens.attention_file import read_attention
from sinklens.attention_import import SOURCE, capture_from_attention
from sinklens.export import saved
from sinklens.export.saved import SavedAnalysis
from sinklens.records import CaptureRequest
from sinklens.results import Capture


@dataclass(frozen=True)
class FileRequest(CaptureRequest):
    """The request of a run that a file holds; equal to that of no run computed here.

    Results are kept by request: numbers that somebody brings must never be found by others who ask for a run.
    """

    file: str = ""
    """Digest of the file, and what was said of it."""
    has_model: bool = True
    """Does it name a model that can go on with it? Attention from elsewhere names none."""


@dataclass(frozen=True, eq=False)
class OpenedFile:
    """What was in a file."""

    name: str
    """Name of the file, without its folder."""
    capture: Capture
    analysis: SavedAnalysis | None
    """None of attention from elsewhere."""

    @property
    def as_run(self) -> Capture:
        """The capture as a run of its own, to save or to give away."""
        return replace(self.capture, request=as_asked(self.capture.request))


def open_file(
    path: Path | str,
    *,
    tokens: Sequence[str] | None = None,
    is_causal: bool | None = None,
    rest_is_sink: bool = False,
    max_bytes: int,
) -> OpenedFile:
    """Read a saved analysis, or attention; nothing in the file is executed, and no model is needed.

    Parameters
    ----------
    path : a file of `export.saved`; or .npz, .npy or safetensors with attention (see `attention_file`)
    tokens, is_causal, rest_is_sink : of attention, as in `attention_import.capture_from_attention`
    max_bytes : most bytes of attention, unpacked

    Raises
    ------
    DamagedFile, BadSelection, NotEnoughMemory
        With a sentence that says what is wrong with the file.
    FileNotFoundError
    """
    path = Path(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if path.suffix == saved.SUFFIX or saved.is_analysis(path):
        analysis = saved.load(path)
        return OpenedFile(path.name, _of_file(analysis.capture, digest), analysis)
    stored = read_attention(path, max_bytes=max_bytes)
    capture = capture_from_attention(
        stored, tokens, is_causal=is_causal, rest_is_sink=rest_is_sink, name=path.name
    )
    said = repr((tokens, is_causal, rest_is_sink))
    return OpenedFile(path.name, _of_file(capture, f"{digest} {said}"), None)


def as_asked(request: CaptureRequest) -> CaptureRequest:
    """The same request without the file that it came from: what is computed for it is in nobody's file."""
    if type(request) is CaptureRequest:
        return request
    return CaptureRequest(**{item.name: getattr(request, item.name) for item in fields(CaptureRequest)})


def _of_file(capture: Capture, file: str) -> Capture:
    request = {item.name: getattr(capture.request, item.name) for item in fields(CaptureRequest)}
    has_model = capture.model.source != SOURCE
    return replace(capture, request=FileRequest(**request, file=file, has_model=has_model))
