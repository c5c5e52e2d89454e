"""The Geometry page over runs of tiny random models: a decoder, an encoder-decoder and an eager family."""

from __future__ import annotations

from modules.geometry import geometry_server, geometry_ui
from tests.browser.apps.trial_app import trial_app

app = trial_app("Geometry", geometry_ui, geometry_server, sheets=("theme", "heads", "deep_dive", "geometry"))
