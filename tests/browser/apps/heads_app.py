"""The Heads page over real runs of tiny random models: a decoder, an encoder-decoder and an eager family."""

from __future__ import annotations

from modules.heads import heads_server, heads_ui
from tests.browser.apps.trial_app import trial_app

app = trial_app("Heads", heads_ui, heads_server, sheets=("theme", "heads"))
