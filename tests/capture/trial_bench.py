"""Tiny models with trials of them."""

from __future__ import annotations

import numpy as np

from sinklens.capture.engine import Engine
from sinklens.interventions import (
    StaticVectors,
)
from sinklens.records import CaptureRequest
from sinklens.trial_records import Arm, TrialRequest, joined
from tests.capture.tiny_models import TEXT, save_tiny

OTHER = "w40 w41 w42 w43 w44 w45 w46 w47 w48"
FAMILIES = ("gpt2", "llama", "bert", "t5")
CAUSAL = ("gpt2", "llama", "t5")
STREAM = {"t5": "decoder"}


class Bench:
    """One tiny model, and trials of it."""

    def __init__(self, family: str, folder) -> None:
        self.family, self.name, self.engine = family, str(folder), Engine()
        self.stream = STREAM.get(family, "self")

    def trial(self, *edits, texts=(TEXT,), with_controls=False, **facts):
        arms = tuple(Arm(edit.sentence(), (edit,)) for edit in edits)
        request = TrialRequest(self.name, tuple(texts), arms, with_controls=with_controls, **facts)
        return joined([self.engine.trial(request, index) for index in range(len(texts))])

    def effect(self, edit, text=TEXT):
        return self.trial(edit, texts=(text,)).effects[0]

    def token_loss(self, *edits, text=TEXT):
        return self.engine.capture(CaptureRequest(self.name, text, interventions=edits)).token_loss

    def vectors(self):
        info = self.engine.info(self.name)
        shape = (info.n_layers, info.n_heads, info.head_dim)
        return StaticVectors.of(np.random.default_rng(1).normal(size=shape))


class Benches(dict):
    """family -> Bench"""

    def __init__(self, tmp_path_factory) -> None:
        super().__init__()
        self._factory = tmp_path_factory

    def __missing__(self, family):
        self[family] = Bench(family, save_tiny(family, self._factory.mktemp(family)))
        return self[family]
