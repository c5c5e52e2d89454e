"""A matrix as a heat map that stays on the page and is only fed with new cells."""

from __future__ import annotations

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets

from sinklens.errors import BadSelection
from sinklens.widgets.cells import N_SIDE_MAX
from sinklens.widgets.colours import PALETTES, SCALES, scale_sentence
from sinklens.widgets.on_paper import About, OnPaper
from sinklens.widgets.picture import LABELS, WORDS, Picture
from sinklens.widgets.script import joined, style


class Heatmap(OnPaper, anywidget.AnyWidget):
    """A heat map with readable axes, exact hover values, keyboard and enlarging.

    Python hands over arrays; colour scale, theme, hover and selection cost no round trip, except for the
    exact value of one cell when the map is too large to travel as float32.
    """

    _esm = joined("cells.js", "figure_menu.js", "stage.js", "axes.js", "heatmap_input.js", "heatmap.js")
    _css = style("cells.css", "figure_menu.css")

    values = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    axes = traitlets.Dict().tag(sync=True, words=WORDS, labels=LABELS)
    label = traitlets.Unicode("").tag(sync=True, words=("",))
    """What the picture shows, in a sentence, for those who do not see it."""
    scale = traitlets.Enum(tuple(SCALES), "linear").tag(sync=True)
    palette = traitlets.Enum(PALETTES, "viridis").tag(sync=True)
    """"diverging" and, for A - B, "sides" for numbers of both signs, on a linear scale from -high to high."""
    side = traitlets.Unicode("A").tag(sync=True)
    side_max = traitlets.Int(N_SIDE_MAX).tag(sync=True)
    """Cells per side that travel at once."""
    cell = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[row, column] that was picked."""
    token = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Token that is marked: a column, and the row too where both are the same tokens."""
    clicked = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Token whose label was clicked last; emptied before every click."""
    window = traitlets.List().tag(sync=True)
    """Part of a map above `side_max` that the browser wants to see."""
    probe = traitlets.List().tag(sync=True)
    """[row, column] whose exact value the browser asks for."""
    exact = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    """[row, column, value or None] that answers `probe`."""
    number = traitlets.Int(0).tag(sync=True)
    """Counts the pictures that were shown."""
    painted = traitlets.Int(0).tag(sync=True, echo_update=False)
    """Number of the last picture that the browser has put on the screen."""

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._picture: Picture | None = None

    def show(
        self, picture: Picture, *, cell: tuple[int, int] | None = None, about: Sequence[About] = ()
    ) -> None:
        """Draw a picture in the place of the last one, in one message.

        What was picked stays if the size is the same; `cell` is picked where nothing is.

        Parameters
        ----------
        about : runs that the numbers come from, for the caption of a figure that is downloaded
        """
        self._picture, self.about = picture, about
        with self.hold_sync():
            self.number += 1
            if picture.values.shape != (self.frame.get("rows"), self.frame.get("columns")):
                self.cell = None
            if self.cell is None and cell is not None:
                self.cell = list(cell)
            self.values, self.frame = picture.packed.data, picture.packed.frame
            self.axes, self.label = picture.axes.as_dict(), picture.label
            self.probe, self.exact = [], None

    def drawing(self):
        """The whole picture in the colours of the screen; BadSelection before there is one."""
        from sinklens.figures.cells_figure import CellsFigure

        if self._picture is None:
            raise BadSelection("There is no picture yet.")
        return CellsFigure(self._picture, self.scale, self.palette)

    def scale_sentence(self) -> str:
        """What the colours mean."""
        ends = self._picture
        return scale_sentence(low=ends.low, high=ends.high, scale=self.scale, palette=self.palette)

    @traitlets.observe("probe")
    def _answer(self, change) -> None:
        if not change["new"] or self._picture is None:
            return
        row, column = change["new"]
        n_rows, n_columns = self._picture.values.shape
        if row < n_rows and column < n_columns:
            value = float(self._picture.values[row, column])
            self.exact = [row, column, None if np.isnan(value) else value]

    @traitlets.observe("window")
    def _enlarge(self, change) -> None:
        if self._picture is None:
            return
        packed = self._picture.part(tuple(change["new"]))
        with self.hold_sync():
            self.values, self.frame = packed.data, packed.frame
