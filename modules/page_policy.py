"""The content policy of the app: which inline scripts Shiny, its widgets and the pages bring along."""

from __future__ import annotations

import re
from types import SimpleNamespace

import anywidget
from shiny import App
from shinywidgets._dependencies import require_dependency
from starlette.requests import Request

from sinklens.settings import Settings
from sinklens.web.content_policy import ContentPolicy, origins

INLINE_SCRIPT = re.compile(r"<script((?:\s[^>]*)?)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
DATA_TYPES = re.compile(r"type=\"application/(json|html-dependencies)\"|\ssrc=")
"""Marks of script elements that hold no inline script."""


def page_policy(app: App, settings: Settings) -> ContentPolicy:
    """The policy under which every page of the app works.

    The page is drawn as if nobody had asked for anything, so that nothing that an address holds is let in.
    """
    scripts = [*inline_scripts(page_html(app)), widget_script(app)]
    return ContentPolicy(scripts, origins(settings.frame_origins, "SINKLENS_FRAME_ORIGINS"))


def inline_scripts(html: str) -> list[str]:
    """Texts of the scripts that stand in a page."""
    return [text for about, text in INLINE_SCRIPT.findall(html) if text and not DATA_TYPES.search(about)]


def page_html(app: App) -> str:
    """The app's page for an address without a query."""
    if not callable(app.ui):
        return app.ui["html"]
    asked = {"path": "/", "root_path": "", "query_string": b"", "headers": []}
    scope = {"type": "http", "method": "GET", **asked}
    return app._render_page(app.ui(Request(scope)), app.lib_prefix)["html"]


def widget_script(app: App) -> str:
    """The line that shinywidgets brings with the first widget: where anywidget's own script lies."""
    traits = anywidget.AnyWidget.class_traits()
    names = ("_model_module", "_model_module_version")
    widget = SimpleNamespace(**{name: traits[name].default_value for name in names}, __module__="anywidget")
    dependency = require_dependency(widget, SimpleNamespace(app=app))
    return inline_scripts(str(dependency.head))[0] if dependency else ""
