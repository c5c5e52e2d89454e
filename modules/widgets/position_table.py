"""All positions of a text as rows: what is expected there, what the text has, and which are masked."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from modules.widgets.in_words import InWords
from sinklens.widgets.script import script

HERE = Path(__file__).parent
WORDS = ("expected", "actual", "legend", "rows.rank", "rows.spoken")
"""What of a table's frame is words; labels are tokens."""


class PositionTable(InWords, anywidget.AnyWidget):
    """One persistent table; `show` replaces its rows, `row` is the chosen one, `masks` the masked ones.

    One tab stop: arrow keys move over the rows, Enter chooses, Space masks where that is possible.
    """

    _esm = script("say.js") + (HERE / "position_table.js").read_text("utf-8")
    _css = HERE / "position_table.css"
    frame = traitlets.Dict().tag(sync=True, words=WORDS)
    """Rows with their words, as `prediction_drawing.table_frame` makes them."""
    row = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    """Chosen row."""
    masks = traitlets.List(traitlets.Int()).tag(sync=True)
    """Rows that are masked together, ascending."""
    side = traitlets.Unicode("A").tag(sync=True)

    def show(self, frame: dict, *, keeps_masks: bool) -> None:
        """Draw other rows in the place of the last ones, in one message."""
        with self.hold_sync():
            if not keeps_masks:
                self.masks = []
            if self.row is not None and self.row >= len(frame["rows"]):
                self.row = None
            self.frame = frame
