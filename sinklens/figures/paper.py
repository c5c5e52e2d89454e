"""The sheet that a figure is drawn on, and what leaves as a file."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinklens.errors import BadSelection

MEDIA_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
FORMATS = tuple(MEDIA_TYPES)
MM_PER_INCH = 25.4
WIDTH_MM, DPI = 160.0, 300
SIDE_MIN_MM, SIDE_MAX_MM = 30.0, 1000.0
DPI_MIN, DPI_MAX = 36, 1200
N_PIXELS_MAX = 40_000_000


@dataclass(frozen=True)
class Paper:
    """Kind and size of a figure's file; BadSelection for what cannot be drawn."""

    format: str = "svg"
    """A key of MEDIA_TYPES."""
    width_mm: float = WIDTH_MM
    height_mm: float | None = None
    """None: as high as the figure needs."""
    dpi: int = DPI
    """Dots per inch of a PNG; SVG and PDF are made of lines."""

    def __post_init__(self) -> None:
        if self.format not in MEDIA_TYPES:
            raise BadSelection(f"A figure is one of {', '.join(FORMATS)}; got '{self.format}'.")
        sides = {"width": self.width_mm} | ({"height": self.height_mm} if self.height_mm is not None else {})
        for name, side in sides.items():
            if not (math.isfinite(side) and SIDE_MIN_MM <= side <= SIDE_MAX_MM):
                raise BadSelection(
                    f"The {name} of a figure is {SIDE_MIN_MM:g} to {SIDE_MAX_MM:g} mm; got {side:g} mm."
                )
        if not DPI_MIN <= self.dpi <= DPI_MAX:
            raise BadSelection(f"A figure has {DPI_MIN} to {DPI_MAX} dots per inch; got {self.dpi:g}.")

    def check_pixels(self, height_mm: float) -> None:
        """Raise BadSelection where a PNG would have more pixels than anybody prints."""
        n = self.width_mm * height_mm * (self.dpi / MM_PER_INCH) ** 2
        if self.format == "png" and n > N_PIXELS_MAX:
            raise BadSelection(
                f"A PNG has up to {N_PIXELS_MAX:,} pixels; {self.width_mm:.0f} x {height_mm:.0f} mm at "
                f"{self.dpi} dots per inch would have {n:,.0f}. Choose a smaller size, or SVG or PDF."
            )

    def check_room(self, least_mm: float, height_mm: float) -> None:
        """Raise BadSelection where a sheet is too low for a figure with its caption."""
        if height_mm < least_mm:
            raise BadSelection(
                f"At a width of {self.width_mm:g} mm this figure with its caption takes at least "
                f"{math.ceil(least_mm):,} mm of height; the sheet has {height_mm:g} mm. "
                "Choose another size."
            )


@dataclass(frozen=True)
class FigureFile:
    """A drawn figure."""

    content: bytes
    format: str
    note: str = ""
    """What a reader of the file should know; empty if nothing."""

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.format]
