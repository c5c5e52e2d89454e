"""The Intervene page alone."""

from __future__ import annotations

from modules.intervene import intervene_server, intervene_ui
from modules.page import Page
from tests.browser.apps.framed_app import bundled_app

app = bundled_app(lambda models: (Page("Intervene", intervene_ui, intervene_server),))
