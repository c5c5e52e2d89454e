"""Real runs of tiny random models for trial pages: decoder, encoder-decoder, eager family, long text."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import TARGET, TEXT, save_tiny
from tests.tiny_gpt2 import save_tiny_gpt2

FOLDER = Path(tempfile.mkdtemp(prefix="sinklens-trial-"))
WORDS = "the cat sat on a mat and saw one dog run far away"
SAVE = {
    "gpt2": lambda folder: save_tiny_gpt2(folder, n_layers=3, n_heads=2),
    "t5": lambda folder: save_tiny("t5", folder),
    "bloom": lambda folder: save_tiny("bloom", folder),
}
RUNS = {
    "decoder": ("gpt2", WORDS, None),
    "seq2seq": ("t5", TEXT, TARGET),
    "eager": ("bloom", TEXT, None),
    "long": ("gpt2", " ".join([WORDS] * 20), None),
}

settings = Settings(cache_dir=FOLDER / "cache")
engine = Engine(settings)
service = InferenceService(engine, settings)


@cache
def model(family: str) -> str:
    return str(SAVE[family](FOLDER / family))


@cache
def run(name: str) -> Capture:
    family, text, target = RUNS[name]
    return engine.capture(CaptureRequest(model(family), text, target)).seal()
