"""Runs that come from files, for the service: opened, kept apart from those of this process, saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinklens.errors import NotCaptured
from sinklens.export import saved
from sinklens.export.saved import SavedAnalysis
from sinklens.opened_file import FileRequest, OpenedFile, as_asked, open_file
from sinklens.records import CaptureRequest
from sinklens.results import Capture


class FileRuns:
    """The part of InferenceService that opens and saves files."""

    async def open_file(
        self,
        path: Path,
        *,
        tokens: Sequence[str] | None = None,
        is_causal: bool | None = None,
        rest_is_sink: bool = False,
    ) -> OpenedFile:
        """What is in a file, read on a thread; raises as `opened_file.open_file`."""
        choices = {"tokens": tokens, "is_causal": is_causal, "rest_is_sink": rest_is_sink}
        opened = await self._read_out(lambda: open_file(path, **choices, max_bytes=self._max_attention_bytes))
        if opened.analysis is not None:
            self._foreign.add((opened.capture.request.model, opened.capture.model.revision))
        return opened

    async def saved_bytes(self, analysis: SavedAnalysis) -> bytes:
        """The file of an analysis."""
        return await self._read_out(saved.as_bytes, analysis)

    def _own(self, request: CaptureRequest) -> CaptureRequest:
        """The request as one of this process; NotCaptured where it names no model."""
        if isinstance(request, FileRequest) and not request.has_model:
            raise NotCaptured(
                f"Not applicable: “{request.model}” holds attention alone, and this needs the model."
            )
        return as_asked(request)

    async def _require_model(self, capture: Capture) -> None:
        """May the model go on with this run? NotCaptured with the reason where it may not.

        A run of this process was computed by the model it names; one that a file brings may be older.
        """
        request, revision = self._own(capture.request), capture.model.revision
        if (request.model, revision) not in self._foreign:
            return
        here = (await self.info(request.model)).revision
        if here != revision:
            raise NotCaptured(
                f"Not computed: the file's numbers are of {request.model} at revision {revision[:12]}, and "
                f"that of this server is at {here[:12]}. Run computes everything anew."
            )
