"""Bias for the service: detectors have threads of their own, benchmarks go some items at a time."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from sinklens.attribution_records import AttributionTarget
from sinklens.bias_records import BiasReading, DetectorInfo, LabelMap, worker_of
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.errors import BadSelection
from sinklens.faithfulness_records import FaithfulnessReport
from sinklens.interventions import Intervention
from sinklens.results import Capture
from sinklens.run_part import RunPart
from sinklens.run_status import OnStatus
from sinklens.shared_run import SharedRun

if TYPE_CHECKING:
    from sinklens.analysis.bias_ratio import UnitMass
    from sinklens.bias.attention_mass import TextUnits

N_TURN_ITEMS = 16
"""Items scored before somebody else may have the model; each such part is kept, for a later resume."""


class BiasRuns:
    """The part of InferenceService that needs a BiasEngine."""

    async def detector_info(
        self, name: str, label_map: LabelMap = (), on_status: OnStatus | None = None
    ) -> DetectorInfo:
        """Facts of a detector, loading it where needed; errors as in `BiasEngine.detector`."""
        ask = ("detector", name, label_map)

        def method(*_progress):
            return self._engine.detector_info(name, label_map)

        work = partial(self._on_model, ask, worker_of(name), "Loading the detector", method)
        return await self._answer(ask, ask, work, on_status)

    async def bias_reading(
        self, text: str, detector: str, label_map: LabelMap = (), on_status: OnStatus | None = None
    ) -> BiasReading:
        """The probabilities of a detector for every word of a text; thresholds come later, at once."""
        ask = ("bias", text, detector, label_map)
        method = partial(self._engine.bias_reading, text, detector, label_map)
        work = partial(self._on_model, ask, worker_of(detector), "Reading for bias", method)
        return await self._answer(ask, ask, work, on_status)

    async def attention_on_words(
        self, capture: Capture, reading: BiasReading, stream: str | None = None, *, specials: str = "excluded"
    ) -> tuple[TextUnits, UnitMass]:
        """What every head gives to every word, from what the capture kept; needs no model."""
        ask = ("words", capture.model.revision, capture.request, reading.word_spans, stream, specials)

        async def work(run: SharedRun):
            method = partial(self._engine.attention_on_words, specials=specials)
            return self._kept(ask, await self._read_out(method, capture, reading, stream))

        return await self._answer(ask, ask, work, None)

    async def faithfulness(
        self,
        capture: Capture,
        target: AttributionTarget,
        *,
        baseline: str = "pad",
        detector: str = "",
        label_map: LabelMap = (),
        on_status: OnStatus | None = None,
    ) -> FaithfulnessReport:
        """All attributions of one number; those of bias run on the detector, all others on the model."""
        method = partial(
            self._engine.faithfulness,
            capture,
            target,
            baseline=baseline,
            detector=detector,
            label_map=label_map,
        )

        def with_progress(on_progress, is_cancelled):
            return method(on_progress=on_progress, is_cancelled=is_cancelled)

        asked = ("faithfulness", target, baseline, detector, label_map)
        ask = (*asked, capture.model.revision, capture.request)
        worker = worker_of(detector) if target.kind == "bias" else capture.request.model
        work = partial(self._on_model, ask, worker, "Attributing", with_progress)
        return await self._answer(ask, ask, work, on_status)

    async def item_scores(
        self,
        model: str,
        items: tuple[ContrastItem, ...],
        interventions: tuple[Intervention, ...] = (),
        on_status: OnStatus | None = None,
    ) -> tuple[tuple[ItemScore, ...], tuple[LeftOut, ...]]:
        """How likely a model finds the versions of benchmark items; a run that was stopped goes on there.

        Raises BadSelection without any item, and what `BiasEngine.item_scores` raises.
        """
        if not items:
            raise BadSelection("Choose at least one item to score; got none.")
        info = await self.info(model, on_status)
        ask = ("items", info.revision, items, interventions)
        work = partial(self._score_in_turns, ask, model, info.revision, items, interventions)
        return await self._answer(ask, ask, work, on_status)

    async def edited_item_scores(
        self,
        model: str,
        items: tuple[ContrastItem, ...],
        edits: tuple[tuple[Intervention, ...], ...],
        on_status: OnStatus | None = None,
    ) -> tuple[tuple[tuple[ItemScore, ...], ...], tuple[LeftOut, ...]]:
        """The scores of the same items under each set of edits; a run that was stopped goes on there.

        Raises BadSelection without any item, and what `BiasEngine.edited_item_scores` raises.
        """
        if not items:
            raise BadSelection("Choose at least one item to score; got none.")
        info = await self.info(model, on_status)
        ask = ("edited items", info.revision, items, edits)

        async def work(run: SharedRun):
            parts = await self._in_turns(ask[:2], model, items, run, self._engine.edited_item_scores, edits)
            by_edit = (tuple(chain(*(own[number] for own, _ in parts))) for number in range(len(edits)))
            return self._kept(ask, (tuple(by_edit), tuple(chain(*(left for _, left in parts)))))

        return await self._answer(ask, ask, work, on_status)

    async def _score_in_turns(self, ask, model: str, revision: str, items, interventions, run: SharedRun):
        def score(model: str, own: tuple[ContrastItem, ...], edits, *progress):
            return self._engine.item_scores(model, own, None, edits, *progress)

        parts = await self._in_turns(("items", revision), model, items, run, score, interventions)
        scores, left_out = zip(*parts, strict=True)
        return self._kept(ask, (tuple(chain(*scores)), tuple(chain(*left_out))))

    async def _in_turns(self, asked: tuple, model: str, items, run: SharedRun, method, edits) -> list:
        """What a method gives for some items at a time; every part is kept."""
        parts = []
        for start in range(0, len(items), N_TURN_ITEMS):
            own = items[start : start + N_TURN_ITEMS]
            part_ask = (*asked, own, edits)
            found = self._store.recall(part_ask)
            if found is None:
                part = RunPart(run, n_before=start, n_here=len(own), n_all=len(items), noun="item")
                async with self._turn(model, part) as compute:
                    found = await compute(method, model, own, edits, part.progress, part.is_cancelled)
                    self._kept(part_ask, found)
            parts.append(found)
        return parts
