"""Real runs of tiny random models for trial pages: decoder, encoder-decoder, eager family, long text."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import torch
import transformers as hf

from sinklens.capture.engine import Engine
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import CONFIGS, TARGET, TEXT, save_tiny, tiny_tokenizer
from tests.tiny_gpt2 import save_tiny_gpt2

FOLDER = Path(tempfile.mkdtemp(prefix="sinklens-trial-"))


def save_headless(folder: Path) -> Path:
    """An encoder as `AutoModel` saves it."""
    torch.manual_seed(0)
    hf.AutoModel.from_config(CONFIGS["bert"]()).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


WORDS = "the cat sat on a mat and saw one dog run far away"
SAVE = {
    "gpt2": lambda folder: save_tiny_gpt2(folder, n_layers=3, n_heads=2),
    "t5": lambda folder: save_tiny("t5", folder),
    "bloom": lambda folder: save_tiny("bloom", folder),
    "bert": lambda folder: save_tiny("bert", folder),
    "headless": save_headless,
}
Spec = tuple[str, str, str | None]
"""Family, text and target text."""
RUNS: dict[str, Spec] = {
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
def run(spec: Spec) -> Capture:
    family, text, target = spec
    return engine.capture(CaptureRequest(model(family), text, target)).seal()
