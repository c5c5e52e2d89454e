"""Attention as lines between tokens: two columns of tokens, or one with arcs."""

from __future__ import annotations

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets

from sinklens.errors import BadSelection
from sinklens.widgets.cells import pack_cells
from sinklens.widgets.on_paper import About, OnPaper
from sinklens.widgets.script import joined, style

ARRANGEMENTS = {"columns": "two columns", "arcs": "one column with arcs"}
N_TOKENS_MAX = 512
"""Above, the rows of a column are more than anybody scrolls through."""


class Links(OnPaper, anywidget.AnyWidget):
    """Lines from every query to the keys it looks at; pointing at a token leaves its own lines only.

    Columns: queries on the left, keys on the right. Arcs: a line bends to the right of the one column.
    """

    _esm = joined("cells.js", "figure_menu.js", "stage.js", "links.js")
    _css = style("cells.css", "figure_menu.css")

    values = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    rows = traitlets.List().tag(sync=True, labels=("",))
    """Labels of the queries."""
    columns = traitlets.List().tag(sync=True, labels=("",))
    """Labels of the keys."""
    same_tokens = traitlets.Bool(True).tag(sync=True)
    """Queries and keys are the same tokens."""
    marked = traitlets.List().tag(sync=True)
    """Keys drawn as sinks."""
    arrangement = traitlets.Enum(tuple(ARRANGEMENTS), "columns").tag(sync=True)
    least = traitlets.Float(0.05).tag(sync=True)
    """Thinner lines are left out while nothing is pointed at."""
    token = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Key that is selected."""
    clicked = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Token that was clicked last; emptied before every click."""
    label = traitlets.Unicode("").tag(sync=True, words=("",))
    """What the picture shows, in a sentence, for those who do not see it."""
    side = traitlets.Unicode("A").tag(sync=True)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._weights: np.ndarray | None = None

    def drawing(self):
        """The lines of the screen; BadSelection before there are any."""
        from sinklens.figures.links_figure import LinksFigure

        if self._weights is None:
            raise BadSelection("There is no picture yet.")
        return LinksFigure(
            self._weights, self.rows, self.columns, self.marked, self.least,
            is_arcs=self.arrangement == "arcs" and self.same_tokens, token=self.token, side=self.side,
        )  # fmt: skip

    def show(
        self,
        weights: np.ndarray,
        queries: Sequence[str],
        keys: Sequence[str],
        *,
        label: str,
        same_tokens: bool = True,
        marked: Sequence[int] = (),
        about: Sequence[About] = (),
    ) -> None:
        """Draw other lines in the place of the last ones.

        Parameters
        ----------
        weights : ndarray of shape (Q, K), at most N_TOKENS_MAX a side, 0..1; NaN where a query cannot see
        about : as in `Heatmap.show`
        """
        self._weights, self.about = weights, about
        packed = pack_cells(weights, low=0.0, high=1.0)
        with self.hold_sync():
            self.values, self.frame = packed.data, packed.frame
            self.rows, self.columns, self.same_tokens = list(queries), list(keys), same_tokens
            self.marked, self.label = [int(key) for key in marked], label
