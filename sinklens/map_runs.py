"""Single maps for the service: read from what a capture kept, else computed by a short run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sinklens.errors import NotCaptured
from sinklens.records import CapturePlan
from sinklens.results import Capture, HeadMap, ScoreSteps


class MapRuns:
    """The part of InferenceService that gives maps of heads, and the steps to one weight."""

    async def head_map(self, capture: Capture, stream: str, layer: int, head: int) -> HeadMap:
        """One head's map, at once where the capture kept states, else by a short run of its own."""
        return await self._of_maps(self._engine.head_map, ((layer, head),), capture, stream, layer, head)

    async def mean_map(self, capture: Capture, stream: str, heads: tuple[tuple[int, int], ...]) -> np.ndarray:
        """(Q, K) mean over chosen heads, NaN where none of them can see; runs as `head_map` does."""
        return await self._of_maps(self._engine.mean_map, heads, capture, stream, heads)

    async def score_steps(
        self, capture: Capture, stream: str, layer: int, head: int, query: int, key: int
    ) -> ScoreSteps:
        """The reading of one cell; NotCaptured where the capture has no queries and keys."""
        return await self._read_out(self._engine.score_steps, capture, stream, layer, head, query, key)

    async def _of_maps(self, read: Callable, heads: tuple[tuple[int, int], ...], capture: Capture, *args):
        """What `read` makes of some heads' maps, which a short run gives where the capture kept nothing."""
        try:
            return await self._read_out(read, capture, *args)
        except NotCaptured:
            await self._require_model(capture)
            plan = CapturePlan.of_maps(args[0], heads)
        return await self._read_out(read, await self.capture(replace(capture.request, plan=plan)), *args)
