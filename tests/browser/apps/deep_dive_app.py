"""The Deep dive page over real runs of tiny random models: a decoder, encoders and others."""

from __future__ import annotations

from modules.deep_dive import deep_dive_server, deep_dive_ui
from tests.browser.apps.tiny_runs import RUNS
from tests.browser.apps.trial_app import trial_app
from tests.capture.tiny_models import TEXT

MORE_RUNS = {
    "encoder": ("bert", TEXT, None),
    "headless": ("headless", TEXT, None),
    "one token": ("gpt2", "cat", None),
}
SHEETS = ("theme", "heads", "overview", "deep_dive")
app = trial_app("Deep dive", deep_dive_ui, deep_dive_server, sheets=SHEETS, runs=RUNS | MORE_RUNS)
