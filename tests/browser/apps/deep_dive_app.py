"""The Deep dive page over real runs of tiny random models: a decoder, encoders and others."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers as hf

from modules.deep_dive import deep_dive_server, deep_dive_ui
from tests.browser.apps import tiny_runs
from tests.browser.apps.trial_app import trial_app
from tests.capture.tiny_models import CONFIGS, TEXT, save_tiny, tiny_tokenizer


def save_headless(folder: Path) -> Path:
    """An encoder as `AutoModel` saves it."""
    torch.manual_seed(0)
    hf.AutoModel.from_config(CONFIGS["bert"]()).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


tiny_runs.SAVE |= {"bert": lambda folder: save_tiny("bert", folder), "headless": save_headless}
tiny_runs.RUNS |= {"encoder": ("bert", TEXT, None), "headless": ("headless", TEXT, None)}
tiny_runs.RUNS |= {"one token": ("gpt2", "cat", None)}
SHEETS = ("theme", "heads", "overview", "deep_dive")
app = trial_app("Deep dive", deep_dive_ui, deep_dive_server, sheets=SHEETS)
