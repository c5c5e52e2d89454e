"""Loads models and runs requests; blocking, one call at a time per model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sinklens.analysis.head_profiles import HeadProfiles
from sinklens.backcopy_records import BackcopyRequest, BackcopyStage
from sinklens.capture.backcopy_training import first_stage, next_stage
from sinklens.capture.block_trace import block_trace
from sinklens.capture.cache_study import CacheStudies
from sinklens.capture.changed_tokens import changed_prompt
from sinklens.capture.compared_predictions import ComparedPredictions
from sinklens.capture.device import Placement
from sinklens.capture.forward import run_forward
from sinklens.capture.group_shares import group_shares
from sinklens.capture.head_maps import head_map, mean_map, score_steps
from sinklens.capture.head_profile import profile_heads
from sinklens.capture.identities import measure_identity
from sinklens.capture.layer_maps import layer_maps, layer_visibility
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.loading import load_model
from sinklens.capture.logit_attribution import logit_attribution
from sinklens.capture.logit_lens import logit_lens
from sinklens.capture.masked_prediction import masked_loss, masked_predictions
from sinklens.capture.model_source import bundled_models, find_model
from sinklens.capture.norm_maps import norm_maps
from sinklens.capture.residual import residual_stream
from sinklens.capture.self_check import self_check
from sinklens.capture.sink_contribution import first_token_id, light_request, sink_statistics
from sinklens.capture.static_sink import random_twin, static_vectors
from sinklens.capture.token_embeddings import token_embeddings
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.capture.trial import run_trial
from sinklens.errors import BadSelection, EmptyText, NotCaptured, TextTooLong
from sinklens.geometry_records import SinkRule, SinkStatistics
from sinklens.language.pipeline import EnglishReader
from sinklens.language.token_language import TokenLanguage, read_tokens
from sinklens.pipeline_records import BlockTrace, TokenEmbeddings
from sinklens.random_twin import read_twin_name
from sinklens.records import CaptureRequest, ModelInfo, Prompt
from sinklens.residual_records import LogitAttribution, LogitLens, LogitQuestion, ResidualStream
from sinklens.results import Capture, GroupShares, HeadMap, Predictions, ScoreSteps
from sinklens.settings import Settings
from sinklens.static_records import StaticContribution
from sinklens.trial_records import TrialReport, TrialRequest, unread_text

RESULT_VERSION = 2
"""Raise it when a change of code changes what a capture holds, so that stored ones are not used."""


class Engine(CacheStudies, ComparedPredictions):
    """Everything that needs torch, behind methods that take and give records.

    A model is loaded at its first use and stays until `release`. Calls for one model must not
    overlap (the service keeps one worker per model); different models are independent.
    """

    def __init__(self, settings: Settings | None = None, placement: Placement | None = None) -> None:
        self._settings, self._placement = settings or Settings(), placement
        self._models: dict[str, LoadedModel] = {}
        self._reader = EnglishReader(self._settings)

    def bundled(self) -> tuple[str, ...]:
        """Names of the models that come with SinkLens, the default first."""
        return bundled_models(self._settings)

    def loaded(self) -> dict[str, int]:
        """Names of the models in memory and the bytes of their weights."""
        return {name: loaded.n_bytes for name, loaded in list(self._models.items())}

    def release(self, name: str) -> None:
        """Drop a model from memory; a later request loads it again."""
        self._models.pop(name, None)

    def model(self, name: str) -> LoadedModel:
        """The loaded model, read and checked at the first call; errors as in `load_model`."""
        if name not in self._models:
            loaded = self._load(name)
            self._models[name] = loaded.with_info(checks=self_check(loaded))
        return self._models[name]

    def info(self, name: str) -> ModelInfo:
        """Facts of a model, the self-check included; loads it."""
        return self.model(name).info

    def tokenise(self, request: CaptureRequest) -> Prompt:
        """The tokens of the request's text; errors as in `tokenising.tokenise`."""
        return self._prompt(request, request.text)

    def tokenise_all(self, request: CaptureRequest) -> Prompt:
        """The same without the model's own limit, for what can be run beyond it."""
        return self._prompt(request, request.text, has_limit=False)

    def key(self, request: CaptureRequest) -> str:
        """Hash of everything that decides the result: weights, tokens, plan, edits."""
        loaded = self.model(request.model)
        prompt, target = self._prompts(request)
        parts = (
            RESULT_VERSION,
            loaded.info.revision,
            loaded.info.dtype,
            type(loaded.tokenizer).__name__,
            prompt.text,
            prompt.ids,
            prompt.window,
            target.ids if target else None,
            request.plan,
            request.interventions,
        )
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def capture(
        self,
        request: CaptureRequest,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Capture:
        """One forward pass; errors as in `run_forward` and `tokenising.tokenise`."""
        loaded = self.model(request.model)
        prompt, target = self._prompts(request)
        return run_forward(loaded, request, prompt, target, self._settings, on_progress, is_cancelled)

    def head_map(self, capture: Capture, stream: str, layer: int, head: int) -> HeadMap:
        """One head's map from what the capture kept; needs no model."""
        return head_map(capture, stream, layer, head)

    def mean_map(self, capture: Capture, stream: str, heads: tuple[tuple[int, int], ...]) -> np.ndarray:
        """The mean map of chosen heads from what the capture kept; needs no model."""
        return mean_map(capture, stream, heads)

    def score_steps(
        self, capture: Capture, stream: str, layer: int, head: int, query: int, key: int
    ) -> ScoreSteps:
        """The steps to one weight from what the capture kept; needs no model."""
        return score_steps(capture, stream, layer, head, query, key)

    def head_profiles(self, capture: Capture, stream: str) -> HeadProfiles:
        """Pattern scores and types of all heads from what the capture kept; needs no model."""
        return profile_heads(capture, stream, self._reader)

    def token_language(self, capture: Capture, stream: str) -> tuple[TokenLanguage, TokenLanguage]:
        """What the language pipeline says about a stream's queries and its keys; needs no model."""
        queries, keys = capture.query_prompt(stream), capture.key_prompt(stream)
        return read_tokens(queries, self._reader), read_tokens(keys, self._reader)

    def group_shares(
        self, capture: Capture, stream: str, queries: np.ndarray, keys: np.ndarray
    ) -> GroupShares:
        """What chosen queries give to chosen keys in every head, from what the capture kept."""
        return group_shares(capture, stream, queries, keys)

    def layer_maps(self, capture: Capture, stream: str) -> np.ndarray:
        """The map of every layer, mean over its heads, from what the capture kept; needs no model."""
        return layer_maps(capture, stream)

    def layer_visibility(self, capture: Capture, stream: str) -> np.ndarray:
        """Which keys each query can see in every layer, from what the capture kept; needs no model."""
        return layer_visibility(capture, stream)

    def masked_predictions(
        self,
        capture: Capture,
        positions: tuple[int, ...],
        together: bool = False,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Predictions:
        """Predictions of a masked model for positions of the capture's text, its edits in force."""
        return masked_predictions(
            self.model(capture.request.model),
            capture.prompt,
            positions,
            together=together,
            interventions=capture.request.interventions,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
        )

    def masked_loss(self, capture: Capture, positions: tuple[int, ...]) -> float:
        """Mean loss of a masked model over positions masked one at a time, nats; edits in force."""
        loaded = self.model(capture.request.model)
        return masked_loss(loaded, capture.prompt, positions, capture.request.interventions)

    def residual(
        self,
        capture: Capture,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        *,
        stack: str = "decoder",
    ) -> ResidualStream:
        """The residual stream of a stack, from a pass of its own; errors as in `residual_stream`."""
        loaded, limit = self.model(capture.request.model), self._settings.max_states_bytes
        return residual_stream(
            loaded, capture, stack, max_bytes=limit, on_progress=on_progress, is_cancelled=is_cancelled
        )

    def logit_lens(
        self,
        capture: Capture,
        residual: ResidualStream,
        token_id: int | None = None,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> LogitLens:
        """Every state of a residual stream read by the prediction head; errors as in `logit_lens`."""
        return logit_lens(self.model(capture.request.model), residual, token_id, on_progress, is_cancelled)

    def logit_attribution(
        self, capture: Capture, residual: ResidualStream, question: LogitQuestion, *_progress
    ) -> LogitAttribution:
        """What every part adds to one logit, too quick for progress; errors as in `logit_attribution`."""
        return logit_attribution(self.model(capture.request.model), residual, question)

    def norm_maps(self, capture: Capture, residual: ResidualStream, stream: str, *_progress) -> np.ndarray:
        """How much each position writes to each other in every layer; errors as in `norm_maps`."""
        return norm_maps(self.model(capture.request.model), capture, residual, stream)

    def sink_statistics(
        self,
        request: CaptureRequest,
        stream: str,
        rule: SinkRule,
        first_token: int | str | None = None,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> SinkStatistics:
        """What the sinks add in every layer, from a pass of its own; errors as in `sink_statistics`.

        `first_token`, an id or a word, takes the place of the text's first token.
        """
        loaded = self.model(request.model)
        light = light_request(request, first_id=first_token_id(loaded, first_token), stream=stream)
        capture = self.capture(light, lambda share, message: on_progress(share / 2, message), is_cancelled)

        def second_half(share: float, message: str) -> None:
            on_progress((1 + share) / 2, message)

        return sink_statistics(loaded, capture, stream, rule, second_half, is_cancelled)

    def token_embeddings(
        self, capture: Capture, position: int, stack: str = "decoder", *progress
    ) -> TokenEmbeddings:
        """The embedding table around one token, at once; errors as in `token_embeddings`."""
        return token_embeddings(self.model(capture.request.model), capture, position, stack)

    def block_trace(
        self,
        capture: Capture,
        layer: int,
        stack: str = "decoder",
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> BlockTrace:
        """What one block does to every token, from a pass of its own; errors as in `block_trace`."""
        return block_trace(
            self.model(capture.request.model),
            capture,
            layer,
            stack,
            max_bytes=self._settings.max_states_bytes,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
        )

    def identity(self, name: str) -> float:
        """The measured side of a fact that needs no weights; errors as in `measure_identity`."""
        return measure_identity(name)

    def backcopy(
        self,
        request: BackcopyRequest,
        before: BackcopyStage | None,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> BackcopyStage:
        """The next stage of the Bigram-Backcopy toy, the untrained model without one before."""
        if before is None:
            return first_stage(request)
        return next_stage(before, on_progress, is_cancelled)

    def static_contribution(
        self, captures: tuple[Capture, ...], keys: tuple[int, ...], stream: str, by: str
    ) -> StaticContribution:
        """What tokens contribute on average over runs, and a random twin; errors as in `static_vectors`."""
        loaded = self.model(captures[0].request.model)
        mean = static_vectors(loaded, captures, keys, stream)
        try:
            return StaticContribution(mean, random_twin(loaded, mean, stream, by=by))
        except NotCaptured as error:
            return StaticContribution(mean, None, str(error))

    def trial(
        self,
        request: TrialRequest,
        index: int,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> TrialReport:
        """One text of a request with edits, controls and alone; errors as in `run_trial`.

        A text that cannot be read (empty, too long) is listed as skipped.
        """
        loaded = self.model(request.model)
        try:
            prompt = self._prompt(request.reading, request.texts[index])
        except (EmptyText, TextTooLong) as error:
            return unread_text(request, loaded.info, index, str(error))
        return run_trial(loaded, request, index, prompt, on_progress, is_cancelled)

    def _load(self, name: str) -> LoadedModel:
        twin = read_twin_name(name)
        if twin is None:
            return load_model(find_model(name, self._settings), placement=self._placement)
        source, seed = find_model(twin[0], self._settings), twin[1]
        untrained = replace(source, name=name, revision=f"random-{seed}-{source.revision}")
        return load_model(untrained, seed=seed, placement=self._placement).with_info(card={})

    def _prompts(self, request: CaptureRequest) -> tuple[Prompt, Prompt | None]:
        loaded = self.model(request.model)
        if request.target and not loaded.is_encoder_decoder:
            raise BadSelection(f"'{request.model}' has no decoder of its own; leave the target text empty.")
        prompt = self._prompt(request, request.text)
        limit = loaded.info.n_tokens_max
        prompt = changed_prompt(prompt, request.interventions, loaded.tokenizer, limit)
        if not loaded.is_encoder_decoder:
            return prompt, None
        target = self._prompt(request, request.target or request.text)
        return prompt, changed_prompt(target, request.interventions, loaded.tokenizer, limit, "decoder")

    def _prompt(self, request: CaptureRequest, text: str, *, has_limit: bool = True) -> Prompt:
        loaded = self.model(request.model)
        policy = TokenPolicy(request.add_bos, request.special_tokens, request.long_text, request.window)
        return tokenise(
            loaded.tokenizer,
            text,
            policy,
            n_tokens_max=loaded.info.n_tokens_max if has_limit else None,
            n_chars_max=self._settings.max_text_chars,
        )
