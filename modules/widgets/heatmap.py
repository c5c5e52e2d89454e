"""The heat map of a page."""

from __future__ import annotations

from modules.widgets.in_session import InSession
from sinklens.widgets import heatmap
from sinklens.widgets.picture import Axes, Picture, picture

__all__ = ["Axes", "Heatmap", "Picture", "picture"]


class Heatmap(InSession, heatmap.Heatmap):
    """`sinklens.widgets.heatmap.Heatmap` in a Shiny session."""
