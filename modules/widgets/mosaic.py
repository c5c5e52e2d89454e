"""All heads of all layers on a page."""

from __future__ import annotations

from modules.widgets.in_session import InSession
from sinklens.widgets import mosaic
from sinklens.widgets.mosaic import N_CELLS_MAX, PackedMosaic, pack_mosaic

__all__ = ["N_CELLS_MAX", "Mosaic", "PackedMosaic", "pack_mosaic"]


class Mosaic(InSession, mosaic.Mosaic):
    """`sinklens.widgets.mosaic.Mosaic` in a Shiny session."""
