"""The Flow page over real runs of tiny random models: a decoder, an encoder-decoder and an eager family."""

from __future__ import annotations

from modules.flow import flow_server, flow_ui
from tests.browser.apps.trial_app import trial_app

app = trial_app("Flow", flow_ui, flow_server, sheets=("theme", "heads", "flow"))
