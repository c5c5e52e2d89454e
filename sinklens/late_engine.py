"""The capture engine without the wait: torch and transformers are imported at the first use."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sinklens.attribution_records import AttributionTarget
from sinklens.backcopy_records import BackcopyRequest, BackcopyStage
from sinklens.bias_records import BiasReading, DetectorInfo, LabelMap
from sinklens.cache_records import (
    CacheCoverage,
    CachePlan,
    CachePolicy,
    CacheRequest,
    PasskeyProbe,
    PolicyLoss,
)
from sinklens.capture.model_source import bundled_models
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.faithfulness_records import FaithfulnessReport
from sinklens.geometry_records import SinkRule, SinkStatistics
from sinklens.interventions import Intervention
from sinklens.pipeline_records import BlockTrace, TokenEmbeddings
from sinklens.records import CaptureRequest, ModelInfo, Prompt
from sinklens.residual_records import LogitAttribution, LogitLens, LogitQuestion, ResidualStream
from sinklens.results import Capture, GroupShares, HeadMap, Predictions, ScoreSteps
from sinklens.settings import Settings
from sinklens.static_records import StaticContribution
from sinklens.trial_records import TrialReport, TrialRequest

if TYPE_CHECKING:
    import numpy as np

    from sinklens.analysis.bias_ratio import UnitMass
    from sinklens.analysis.head_profiles import HeadProfiles
    from sinklens.bias.attention_mass import TextUnits
    from sinklens.bias.bias_engine import BiasEngine
    from sinklens.language.token_language import TokenLanguage

PATIENCE_S = 3.0
"""Before the import that nobody has asked for yet; whoever needs the engine earlier begins it at once."""


class LateEngine:
    """Stands for an `Engine` whose import takes seconds, so that a server's first page need not wait.

    `bundled`, `loaded` and `release` answer at once, and so does `head_map` for a map that the capture
    kept; everything else blocks for the import the first time, on whatever thread it is called.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: BiasEngine | None = None
        self._import_lock = threading.Lock()

    def wake(self) -> BiasEngine:
        """The engine, imported and built by the first caller; others wait for it."""
        with self._import_lock:
            if self._engine is None:
                from sinklens.bias.bias_engine import BiasEngine

                self._engine = BiasEngine(self._settings)
                # What was imported is never garbage; each search through it would halt all sessions.
                gc.freeze()
            return self._engine

    def wake_in_background(self) -> None:
        """Begin the import while the visitor reads the first page; does nothing once it is done.

        Not at once: whoever opens another page first would wait for it beside the import.
        """
        if self._engine is None:
            timer = threading.Timer(PATIENCE_S, self.wake)
            timer.daemon = True
            timer.start()

    def bundled(self) -> tuple[str, ...]:
        return bundled_models(self._settings)

    def loaded(self) -> dict[str, int]:
        return {} if self._engine is None else self._engine.loaded()

    def release(self, name: str) -> None:
        if self._engine is not None:
            self._engine.release(name)

    def info(self, name: str) -> ModelInfo:
        return self.wake().info(name)

    def tokenise(self, request: CaptureRequest) -> Prompt:
        return self.wake().tokenise(request)

    def key(self, request: CaptureRequest) -> str:
        return self.wake().key(request)

    def capture(self, request: CaptureRequest, *progress) -> Capture:
        return self.wake().capture(request, *progress)

    def head_map(self, capture: Capture, stream: str, layer: int, head: int) -> HeadMap:
        if self._engine is None and (stream, layer, head) in capture.maps:
            return HeadMap.of(capture, stream, layer, head, capture.maps[stream, layer, head])
        return self.wake().head_map(capture, stream, layer, head)

    def score_steps(
        self, capture: Capture, stream: str, layer: int, head: int, query: int, key: int
    ) -> ScoreSteps:
        return self.wake().score_steps(capture, stream, layer, head, query, key)

    def head_profiles(self, capture: Capture, stream: str) -> HeadProfiles:
        return self.wake().head_profiles(capture, stream)

    def token_language(self, capture: Capture, stream: str) -> tuple[TokenLanguage, TokenLanguage]:
        return self.wake().token_language(capture, stream)

    def group_shares(
        self, capture: Capture, stream: str, queries: np.ndarray, keys: np.ndarray
    ) -> GroupShares:
        return self.wake().group_shares(capture, stream, queries, keys)

    def layer_maps(self, capture: Capture, stream: str) -> np.ndarray:
        return self.wake().layer_maps(capture, stream)

    def layer_visibility(self, capture: Capture, stream: str) -> np.ndarray:
        return self.wake().layer_visibility(capture, stream)

    def mean_map(self, capture: Capture, stream: str, heads: tuple[tuple[int, int], ...]) -> np.ndarray:
        return self.wake().mean_map(capture, stream, heads)

    def masked_predictions(
        self, capture: Capture, positions: tuple[int, ...], together: bool = False, *progress
    ) -> Predictions:
        return self.wake().masked_predictions(capture, positions, together, *progress)

    def residual(self, capture: Capture, *progress, stack: str = "decoder") -> ResidualStream:
        return self.wake().residual(capture, *progress, stack=stack)

    def logit_lens(
        self, capture: Capture, residual: ResidualStream, token_id: int | None = None, *progress
    ) -> LogitLens:
        return self.wake().logit_lens(capture, residual, token_id, *progress)

    def logit_attribution(
        self, capture: Capture, residual: ResidualStream, question: LogitQuestion, *progress
    ) -> LogitAttribution:
        return self.wake().logit_attribution(capture, residual, question, *progress)

    def norm_maps(self, capture: Capture, residual: ResidualStream, stream: str, *progress) -> np.ndarray:
        return self.wake().norm_maps(capture, residual, stream, *progress)

    def identity(self, name: str) -> float:
        return self.wake().identity(name)

    def backcopy(self, request: BackcopyRequest, before: BackcopyStage | None, *progress) -> BackcopyStage:
        return self.wake().backcopy(request, before, *progress)

    def static_contribution(
        self, captures: tuple[Capture, ...], keys: tuple[int, ...], stream: str, by: str
    ) -> StaticContribution:
        return self.wake().static_contribution(captures, keys, stream, by)

    def trial(self, request: TrialRequest, index: int, *progress) -> TrialReport:
        return self.wake().trial(request, index, *progress)

    def cache_plan(self, request: CacheRequest) -> CachePlan:
        return self.wake().cache_plan(request)

    def policy_loss(self, request: CacheRequest, policy: CachePolicy, *progress) -> PolicyLoss:
        return self.wake().policy_loss(request, policy, *progress)

    def passkey(self, request: CacheRequest, plan: CachePlan, *stop) -> PasskeyProbe:
        return self.wake().passkey(request, plan, *stop)

    def cache_coverage(self, capture: Capture, stream: str, n_sink: int, n_recent: int) -> CacheCoverage:
        return self.wake().cache_coverage(capture, stream, n_sink, n_recent)

    def sink_statistics(
        self, request: CaptureRequest, stream: str, rule: SinkRule, first_token: int | str | None, *progress
    ) -> SinkStatistics:
        return self.wake().sink_statistics(request, stream, rule, first_token, *progress)

    def token_embeddings(
        self, capture: Capture, position: int, stack: str = "decoder", *progress
    ) -> TokenEmbeddings:
        return self.wake().token_embeddings(capture, position, stack, *progress)

    def vocabulary(self, name: str) -> str:
        return self.wake().vocabulary(name)

    def log_probabilities(
        self, capture: Capture, residual: ResidualStream, positions: tuple[int, ...]
    ) -> np.ndarray:
        return self.wake().log_probabilities(capture, residual, positions)

    def block_trace(self, capture: Capture, layer: int, stack: str = "decoder", *progress) -> BlockTrace:
        return self.wake().block_trace(capture, layer, stack, *progress)

    def detector_info(self, name: str, label_map: LabelMap = ()) -> DetectorInfo:
        return self.wake().detector_info(name, label_map)

    def bias_reading(self, text: str, detector: str, label_map: LabelMap = (), *progress) -> BiasReading:
        return self.wake().bias_reading(text, detector, label_map, *progress)

    def attention_on_words(
        self, capture: Capture, reading: BiasReading, stream: str | None = None, *, specials: str = "excluded"
    ) -> tuple[TextUnits, UnitMass]:
        return self.wake().attention_on_words(capture, reading, stream, specials=specials)

    def faithfulness(self, capture: Capture, target: AttributionTarget, **choices) -> FaithfulnessReport:
        return self.wake().faithfulness(capture, target, **choices)

    def item_scores(
        self, model: str, items: Sequence[ContrastItem], *choices
    ) -> tuple[tuple[ItemScore, ...], tuple[LeftOut, ...]]:
        return self.wake().item_scores(model, items, *choices)

    def edited_item_scores(
        self, model: str, items: Sequence[ContrastItem], edits: Sequence[tuple[Intervention, ...]], *progress
    ) -> tuple[tuple[tuple[ItemScore, ...], ...], tuple[LeftOut, ...]]:
        return self.wake().edited_item_scores(model, items, edits, *progress)
