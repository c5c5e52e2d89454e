"""Loads models and runs requests; blocking, one call at a time per model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from sinklens.analysis.head_profiles import HeadProfiles
from sinklens.capture.forward import run_forward
from sinklens.capture.group_shares import group_shares
from sinklens.capture.head_maps import head_map, score_steps
from sinklens.capture.head_profile import profile_heads
from sinklens.capture.layer_maps import layer_maps
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.loading import load_model
from sinklens.capture.logit_lens import logit_lens
from sinklens.capture.model_source import bundled_models, find_model
from sinklens.capture.norm_maps import norm_maps
from sinklens.capture.prediction import masked_loss, masked_predictions
from sinklens.capture.residual import residual_stream
from sinklens.capture.self_check import self_check
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.errors import BadSelection
from sinklens.language.pipeline import EnglishReader
from sinklens.language.token_language import TokenLanguage, read_tokens
from sinklens.records import CaptureRequest, ModelInfo, Prompt
from sinklens.residual_records import LogitLens, ResidualStream
from sinklens.results import Capture, GroupShares, HeadMap, Predictions, ScoreSteps
from sinklens.settings import Settings

RESULT_VERSION = 1
"""Raise it when a change of code changes what a capture holds, so that stored ones are not used."""


class Engine:
    """Everything that needs torch, behind methods that take and give records.

    A model is loaded at its first use and stays until `release`. Calls for one model must not
    overlap (the service keeps one worker per model); different models are independent.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
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
            loaded = load_model(find_model(name, self._settings))
            self._models[name] = loaded.with_info(checks=self_check(loaded))
        return self._models[name]

    def info(self, name: str) -> ModelInfo:
        """Facts of a model, the self-check included; loads it."""
        return self.model(name).info

    def tokenise(self, request: CaptureRequest) -> Prompt:
        """The tokens of the request's text; errors as in `tokenising.tokenise`."""
        return self._prompt(request, request.text)

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

    def masked_predictions(
        self,
        capture: Capture,
        positions: tuple[int, ...],
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Predictions:
        """Predictions of a masked model for positions of the capture's text."""
        loaded = self.model(capture.request.model)
        return masked_predictions(loaded, capture.prompt, positions, on_progress, is_cancelled)

    def masked_loss(self, capture: Capture, positions: tuple[int, ...]) -> float:
        """Mean loss of a masked model over positions masked one at a time, nats."""
        return masked_loss(self.model(capture.request.model), capture.prompt, positions)

    def residual(
        self,
        capture: Capture,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> ResidualStream:
        """The capture's residual stream, from a pass of its own; errors as in `residual_stream`."""
        loaded, limit = self.model(capture.request.model), self._settings.max_states_bytes
        return residual_stream(
            loaded, capture, max_bytes=limit, on_progress=on_progress, is_cancelled=is_cancelled
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

    def norm_maps(self, capture: Capture, residual: ResidualStream, stream: str) -> np.ndarray:
        """How much each position writes to each other in every layer; errors as in `norm_maps`."""
        return norm_maps(self.model(capture.request.model), capture, residual, stream)

    def _prompts(self, request: CaptureRequest) -> tuple[Prompt, Prompt | None]:
        loaded = self.model(request.model)
        if request.target and not loaded.is_encoder_decoder:
            raise BadSelection(f"'{request.model}' has no decoder of its own; leave the target text empty.")
        prompt = self._prompt(request, request.text)
        if not loaded.is_encoder_decoder:
            return prompt, None
        return prompt, self._prompt(request, request.target or request.text)

    def _prompt(self, request: CaptureRequest, text: str) -> Prompt:
        loaded = self.model(request.model)
        policy = TokenPolicy(request.add_bos, request.special_tokens, request.long_text, request.window)
        return tokenise(
            loaded.tokenizer,
            text,
            policy,
            n_tokens_max=loaded.info.n_tokens_max,
            n_chars_max=self._settings.max_text_chars,
        )
