"""Comparisons for the service: two runs beside each other, and how far their predictions are apart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import numpy as np

from sinklens.analysis.comparison import (
    Comparison,
    Predicted,
    Side,
    alignments_of,
    compare,
    is_masked,
    next_token,
    side_of,
)
from sinklens.analysis.prediction_difference import kl_divergence, shared_places
from sinklens.analysis.projection import project_map
from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.errors import NotCaptured, QueueFull, RunCancelled, SinkLensError
from sinklens.residual_records import ResidualStream
from sinklens.results import Capture
from sinklens.run_status import OnStatus, RunStatus
from sinklens.shared_run import SharedRun

N_PLACES_AT_ONCE = 64
"""Positions whose whole distributions are in memory together; more only as often."""


N_MAP_CELLS_MAX = 30_000_000
"""Cells of all projected maps together; beyond, heads are compared by what every token receives."""
MASKED_KL = "Not computed for masked predictions: each token is predicted by a pass of its own."


class ComparisonRuns:
    """The part of InferenceService that compares two runs."""

    async def compare(
        self,
        a: Capture,
        b: Capture,
        stream: str = "self",
        *,
        unit: str = "pieces",
        on_status: OnStatus | None = None,
    ) -> Comparison:
        """Two finished runs beside each other; B is read in its main stream where it lacks `stream`.

        Heads are compared by their maps where both runs keep them and they are not too large, else by what
        every token receives. KL divergence needs one pass of each model.
        """
        sides = [await asyncio.to_thread(side_of, capture, stream) for capture in (a, b)]
        alignments = await asyncio.to_thread(alignments_of, *sides, unit)
        maps = await self._maps(sides, alignments, on_status)
        predicted = await self._predicted(*sides, alignments[2], on_status)
        return await asyncio.to_thread(compare, *sides, alignments, maps, predicted)

    async def _maps(
        self, sides: list[Side], alignments, on_status: OnStatus | None
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """(L, H, Gq, Gk) of both sides; None where they are not kept or too large together."""
        queries, keys, _ = alignments
        n_heads = [side.profile.n_layers * side.profile.n_heads for side in sides]
        if sum(n_heads) * len(queries.groups) * len(keys.groups) > N_MAP_CELLS_MAX:
            return None
        if not all(side.capture.states.get(side.stream) for side in sides):
            return None
        found, n_done = [], 0
        for name, side in zip(("A", "B"), sides, strict=True):
            maps = []
            for index in range(side.profile.n_layers * side.profile.n_heads):
                layer, head = divmod(index, side.profile.n_heads)
                one = await self.head_map(side.capture, side.stream, layer, head)
                maps.append(project_map(one.weights, queries, keys, name).astype(np.float32))
                n_done += 1
                _report(on_status, 0.7 * n_done / sum(n_heads), f"Reading the heads of side {name}")
            shape = side.profile.n_layers, side.profile.n_heads
            found.append(np.stack(maps).reshape(*shape, *maps[0].shape))
        return found[0], found[1]

    async def _predicted(
        self, a: Side, b: Side, text: TokenAlignment, on_status: OnStatus | None
    ) -> Predicted:
        if is_masked(a) and is_masked(b):
            return await self._masked(a, b, on_status)
        found = next_token(a, b)
        if found.a is None or found.b is None:
            return found
        places = shared_places(found.a, found.b, text)
        positions = tuple((found.a.positions[p.a], found.b.positions[p.b]) for p in places)
        try:
            kl = await self.prediction_kl(a.capture, b.capture, positions, on_status)
        except SinkLensError as error:
            if isinstance(error, RunCancelled | QueueFull):
                raise
            return replace(found, kl_missing=str(error))
        by_group = {place.group: float(value) for place, value in zip(places, kl, strict=True)}
        return replace(found, kl=by_group)

    async def _masked(self, a: Side, b: Side, on_status: OnStatus | None) -> Predicted:
        """Every token of the text masked alone, on both sides."""
        predictions, losses = [], []
        for side in (a, b):
            tokens = side.predicted.tokens
            positions = tuple(token.index for token in tokens if not token.is_special)
            one = await self.masked_predictions(side.capture, positions, on_status=on_status)
            loss = np.full(len(tokens), np.nan)
            loss[list(positions)] = one.surprisal
            predictions.append(one)
            losses.append(loss)
        return Predicted(*predictions, (losses[0], losses[1]), kl_missing=MASKED_KL)

    async def prediction_kl(
        self,
        a: Capture,
        b: Capture,
        places: tuple[tuple[int, int], ...],
        on_status: OnStatus | None = None,
    ) -> np.ndarray:
        """(n,) KL divergence of B's next-token prediction from A's, KL(A || B), nats, edits included.

        Parameters
        ----------
        places : (position on A, position on B), n times

        Raises
        ------
        NotCaptured
            The two models have different vocabularies, or one has no prediction head.
        """
        names = a.request.model, b.request.model
        if names[0] != names[1]:
            first, second = [await self._vocabulary(name, on_status) for name in names]
            if first != second:
                raise NotCaptured(
                    f"KL divergence needs one vocabulary; '{names[0]}' and '{names[1]}' have different ones."
                )
        streams = [await self.residual(run, on_status) for run in (a, b)]
        ask = ("kl", a.model.revision, a.request, b.model.revision, b.request, places)
        work = partial(self._compare, ask, (a, b), streams, places)
        return await self._answer(ask, ask, work, on_status)

    async def _vocabulary(self, name: str, on_status: OnStatus | None) -> str:
        info = await self.info(name, on_status)
        ask = ("vocabulary", info.revision, name)

        async def work(run: SharedRun) -> str:
            async with self._turn(name, run) as compute:
                return self._kept(ask, await compute(self._engine.vocabulary, name))

        return await self._answer(ask, ask, work, on_status)

    async def _compare(
        self,
        ask,
        captures: tuple[Capture, Capture],
        streams: list[ResidualStream],
        places: tuple[tuple[int, int], ...],
        run: SharedRun,
    ) -> np.ndarray:
        parts = [np.zeros(0)]
        for start in range(0, len(places), N_PLACES_AT_ONCE):
            run.report(RunStatus("running", fraction=start / len(places), message="Comparing predictions"))
            here = places[start : start + N_PLACES_AT_ONCE]
            logs = []
            for side, (capture, stream) in enumerate(zip(captures, streams, strict=True)):
                positions = tuple(place[side] for place in here)
                async with self._turn(capture.request.model, run) as compute:
                    logs.append(await compute(self._engine.log_probabilities, capture, stream, positions))
            if logs[0].shape != logs[1].shape:
                raise NotCaptured("KL divergence needs prediction heads of one size; these two differ.")
            parts.append(await asyncio.to_thread(kl_divergence, *logs))
        return self._kept(ask, np.concatenate(parts))


def _report(on_status: OnStatus | None, fraction: float, message: str) -> None:
    if on_status is not None:
        on_status(RunStatus("running", fraction=fraction, message=message))
