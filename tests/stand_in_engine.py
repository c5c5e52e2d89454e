"""A capture engine without a model: tests decide when each layer may go on."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sinklens.errors import ModelNotFound, NotCaptured, RunCancelled
from sinklens.pipeline_records import BlockTrace, PositionVectors, TokenEmbeddings
from sinklens.residual_records import LogitAttribution, LogitLens, ResidualStream
from sinklens.results import HeadMap, Predictions, ScoreSteps
from sinklens.trial_records import ArmEffect, TrialReport, unread_text
from tests.analysis.profiles import capture_from_maps, random_maps

PATIENCE_S = 20


class Gate:
    """Where a run of one text stands still until the test lets it pass."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        self.reached.set()
        if not self._opened.wait(PATIENCE_S):
            raise TimeoutError("The test never opened the gate.")


class StandInEngine:
    """Behaves like `sinklens.capture.engine.Engine`; every model has `n_layers` layers.

    A text that starts with "bad" fails; one with a gate stops before the gate's layer.
    """

    def __init__(self, *, n_layers: int = 4, n_bytes: int = 0, model_bytes: int = 10) -> None:
        self.n_layers = n_layers
        self.n_bytes = n_bytes
        self.model_bytes = model_bytes
        self.calls: list[tuple[str, str]] = []
        self.stopped: list[tuple[str, int]] = []
        self.threads: dict[str, set[str]] = defaultdict(set)
        self.most_at_once: Counter[str] = Counter()
        self._at_once: Counter[str] = Counter()
        self._loaded: dict[str, int] = {}
        self._gates: dict[tuple[str, int], Gate] = {}

    def gate(self, text: str, layer: int = 0) -> Gate:
        return self._gates.setdefault((text, layer), Gate())

    def runs(self, text: str) -> int:
        return self.calls.count(("capture", text))

    def loaded(self) -> dict[str, int]:
        return dict(self._loaded)

    def release(self, name: str) -> None:
        self.calls.append(("release", name))
        self._loaded.pop(name, None)

    def info(self, name: str):
        with self._on_model(name, "info", name):
            return replace(self._blank().model, name=name)

    def key(self, request) -> str:
        """Case does not matter to this tokenizer, so two texts may have one key."""
        with self._on_model(request.model, "key", request.text):
            asked = replace(request, text=request.text.lower())
            return hashlib.sha256(repr(asked).encode()).hexdigest()

    def capture(self, request, on_progress=lambda fraction, message: None, is_cancelled=lambda: False):
        with self._on_model(request.model, "capture", request.text):
            self._pass_layers(request.text, on_progress, is_cancelled)
            return self._result(request)

    def head_map(self, capture, stream: str, layer: int, head: int) -> HeadMap:
        self.calls.append(("head_map", capture.request.text))
        plan = capture.request.plan
        if not plan.states and (stream, layer, head) not in plan.maps:
            raise NotCaptured("This run kept no queries and keys.")
        return HeadMap(stream, layer, head, np.eye(2), ("a", "b"), ("a", "b"), np.ones(2))

    def score_steps(self, capture, stream, layer, head, query, key) -> ScoreSteps:
        if not capture.request.plan.states:
            raise NotCaptured("This run kept no queries and keys.")
        row = np.ones(2)
        options = {"capped": None, "biased": None, "visible": row > 0, "sink_logit": None}
        return ScoreSteps(
            stream, layer, head, query, key, row, row, **options, log_denominator=1.0, weights=row, edited=row
        )

    def layer_maps(self, capture, stream) -> np.ndarray:
        self.calls.append(("layers", capture.request.text))
        return np.zeros((self.n_layers, 2, 2), np.float32)

    def masked_predictions(self, capture, positions, together, on_progress, is_cancelled) -> Predictions:
        with self._on_model(capture.request.model, "masked", capture.request.text):
            self._pass_layers(capture.request.text, on_progress, is_cancelled)
            n = len(positions)
            ranks = np.ones(n, np.int64)
            kind = "masked together" if together else "masked"
            return Predictions(kind, positions, np.zeros((n, 1)), (("a",),) * n, np.ones((n, 1)), ranks)

    def residual(self, capture, on_progress, is_cancelled, *, stack="decoder") -> ResidualStream:
        with self._on_model(capture.request.model, "residual", capture.request.text):
            self._pass_layers(capture.request.text, on_progress, is_cancelled)
            states = np.zeros((self.n_layers + 1, 2, 3), np.float32)
            return ResidualStream(
                states, None, None, None, states[-1], is_additive=False, note="stand-in", stack=stack
            )

    def logit_lens(self, capture, residual, token_id, on_progress, is_cancelled) -> LogitLens:
        with self._on_model(capture.request.model, "lens", capture.request.text):
            self._pass_layers(capture.request.text, on_progress, is_cancelled)
            n_states, n_tokens, _ = residual.states.shape
            plain, top = np.zeros((n_states, n_tokens)), np.zeros((n_states, n_tokens, 1))
            followed = np.full(n_tokens, token_id or 0)
            return LogitLens(
                top.astype(int), top, {0: "a"}, followed, plain.astype(int), plain, plain, plain, token_id
            )

    def logit_attribution(self, capture, residual, question, *_progress) -> LogitAttribution:
        with self._on_model(capture.request.model, "attribution", capture.request.text):
            values, ids = np.zeros(self.n_layers), np.zeros(1, int)
            parts = {"heads": {"attention": np.zeros((self.n_layers, 1))}, "writes": {"attention": values}}
            logit = {"embeddings": 1.0, "norm_bias": 0.0, "head_bias": 0.0, "logit": 1.0, "softcap": None}
            return LogitAttribution(
                question.position, 0, question.against, None, **parts, **logit, is_centred=True,
                ids=ids, probabilities=np.ones(1), labels={0: "a"},
            )  # fmt: skip

    def trial(self, request, index, on_progress=lambda *_: None, is_cancelled=lambda: False) -> TrialReport:
        """One effect of the first arm for a text that is not empty; the loss rises by its length."""
        text = request.texts[index]
        with self._on_model(request.model, "trial", text):
            self._pass_layers(text, on_progress, is_cancelled)
            model = self._blank().model
            if not text:
                return unread_text(request, model, index, "The text is empty.")
            before, arm, flags = np.zeros(4, np.float32), request.arms[0], np.zeros(4, bool)
            after, drift = np.full(4, len(text), np.float32), np.zeros(self.n_layers)
            tokens, shifts = np.arange(1, 5), (before, flags, before, drift, drift)
            effect = ArmEffect(arm, arm.name, index, tokens, before, after, *shifts)
            return TrialReport(request, model, (self._blank().prompt,), (effect,), (), 2, 1.0, "next token")

    def token_embeddings(self, capture, position, stack, *progress) -> TokenEmbeddings:
        with self._on_model(capture.request.model, "embeddings", capture.request.text):
            rows, none = np.ones((2, 3), np.float32), np.zeros(0)
            return TokenEmbeddings(rows, 1.0, position, 1, none.astype(int), (), none)

    def block_trace(self, capture, layer, stack, on_progress, is_cancelled) -> BlockTrace:
        with self._on_model(capture.request.model, "block", capture.request.text):
            self._pass_layers(capture.request.text, on_progress, is_cancelled)
            positions, plain = PositionVectors(None, None, None, None), np.ones(2, np.float32)
            return BlockTrace(
                layer, stack, plain, positions, None, (), True, plain, plain,
                heads=None, neurons=None, final_norm=None,
            )  # fmt: skip

    def _pass_layers(self, text, on_progress, is_cancelled) -> None:
        for layer in range(self.n_layers):
            if is_cancelled():
                self.stopped.append((text, layer))
                raise RunCancelled("The run was stopped.")
            on_progress(layer / self.n_layers, f"Layer {layer + 1} of {self.n_layers}")
            if (text, layer) in self._gates:
                self._gates[text, layer].pass_through()
        if text.startswith("bad"):
            raise ValueError(f"'{text}' cannot be read.")

    @contextmanager
    def _on_model(self, model: str, call: str, text: str):
        """Note who works on a model, and load it first."""
        self.calls.append((call, text))
        self.threads[model].add(threading.current_thread().name)
        self._at_once[model] += 1
        self.most_at_once[model] = max(self.most_at_once[model], self._at_once[model])
        try:
            if model.startswith("missing"):
                raise ModelNotFound(f"There is no model '{model}'.")
            if model not in self._loaded and (f"load {model}", 0) in self._gates:
                self._gates[f"load {model}", 0].pass_through()
            self._loaded[model] = self.model_bytes
            yield
        finally:
            self._at_once[model] -= 1

    @staticmethod
    def _blank():
        return capture_from_maps(random_maps(1, 1, 2, is_causal=True), is_causal=True)

    def _result(self, request):
        capture = self._blank()
        filler = np.zeros(max(self.n_bytes - capture.nbytes, 0), np.uint8)
        return replace(capture, request=request, maps={("self", 0, 0): filler})
