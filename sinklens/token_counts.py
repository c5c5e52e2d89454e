"""How long a text is for a model, asked before the text is run."""

from __future__ import annotations

import unicodedata
from functools import partial

from sinklens.records import CaptureRequest
from sinklens.run_status import RunStatus
from sinklens.shared_run import SharedRun

N_SPECIAL_MAX = 8
"""Tokens that a tokenizer may put around a text."""


class TokenCounts:
    """The part of InferenceService that counts tokens."""

    async def n_tokens(self, request: CaptureRequest) -> int:
        """Tokens of the text as the request has it read; raises what tokenising raises."""
        ask = ("tokens", request.model, request)
        return await self._runs.join(ask, partial(self._count, request), None)

    async def has_more_tokens(self, request: CaptureRequest, n_tokens_max: int) -> bool:
        """Is the text longer than that? A text with fewer bytes than that is not even tokenised."""
        # No tokenizer makes more tokens than its normalised text has bytes; NFKD is the longest form.
        n_bytes = len(unicodedata.normalize("NFKD", request.text).encode("utf-8", "surrogatepass"))
        if n_bytes + N_SPECIAL_MAX <= n_tokens_max:
            return False
        return await self.n_tokens(request) > n_tokens_max

    async def _count(self, request: CaptureRequest, run: SharedRun) -> int:
        async with self._turn(request.model, run) as compute:
            run.report(RunStatus("running", message="Reading the text"))
            return len(await compute(self._engine.tokenise, request))
