"""Attention as lines between tokens on a page."""

from __future__ import annotations

from modules.widgets.in_session import InSession
from sinklens.widgets import links
from sinklens.widgets.links import ARRANGEMENTS, N_TOKENS_MAX

__all__ = ["ARRANGEMENTS", "N_TOKENS_MAX", "Links"]


class Links(InSession, links.Links):
    """`sinklens.widgets.links.Links` in a Shiny session."""
