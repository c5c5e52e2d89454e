"""The Compare page alone."""

from __future__ import annotations

from functools import partial

from modules.compare import compare_server, compare_ui
from modules.page import Page
from tests.browser.apps.framed_app import bundled_app

app = bundled_app(
    lambda models: (
        Page("Compare", partial(compare_ui, models=models), partial(compare_server, models=models)),
    )
)
