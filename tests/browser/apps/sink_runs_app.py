"""The Sinks page over real runs: the bundled models, and tiny random ones of families that differ."""

from __future__ import annotations

import json
from pathlib import Path

from modules import examples
from modules.sinks import sinks_server, sinks_ui
from tests.browser.apps import tiny_runs
from tests.browser.apps.trial_app import trial_app
from tests.capture.tiny_models import TARGET, TEXT, save_tiny
from tests.tiny_gpt2 import save_tiny_gpt2


def save_off_by_one(folder: Path) -> Path:
    """A GPT-2 whose configuration asks for the softmax off by one."""
    save_tiny_gpt2(folder, n_layers=3, n_heads=2)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | {"softmax_off_by_one": True}))
    return folder


tiny_runs.SAVE |= {name: lambda folder: folder.name for name in ("demo-gpt2", "demo-llama", "demo-bert")}
tiny_runs.SAVE |= {"gpt-oss": lambda folder: save_tiny("gpt_oss", folder), "off-by-one": save_off_by_one}
RUNS: dict[str, tiny_runs.Spec] = {
    "decoder": ("demo-gpt2", examples.ORDINARY.text, None),
    "rotary": ("demo-llama", examples.ORDINARY.text, None),
    "encoder": ("demo-bert", examples.ORDINARY.text, None),
    "short": ("demo-gpt2", "Hello there.", None),
    "learned": ("gpt-oss", TEXT, None),
    "off by one": ("off-by-one", tiny_runs.WORDS, None),
    "eager": ("bloom", TEXT, None),
    "seq2seq": ("t5", TEXT, TARGET),
}
SHEETS = ("theme", "overview", "heads", "deep_dive", "sinks")
app = trial_app("Sinks", sinks_ui, sinks_server, sheets=SHEETS, runs=RUNS)
