"""The sink table as a person reads it: short headers, per cent, rounded numbers, a class per label."""

from __future__ import annotations

import pandas as pd

from modules.label_chip import chip
from sinklens.analysis.sinks import LEARNED_SINK_INDEX

PER_CENT = {
    "Received %": "received",
    "Uniform %": "floor",
    "Effective %": "effective_share",
    "Heads > ε %": "heads_above",
}
RATIOS = {"Writes ×": "write_ratio", "‖v‖ ×": "value_ratio", "‖k‖ ×": "key_ratio", "‖h‖ ×": "hidden_ratio"}
CUE = "Mark"
"""Header of the column with a label's letter in its colour; HTML cells are neither sorted nor filtered."""
COLUMNS = (
    "#", "Token", CUE, "Label", "Received %", "Uniform %", "Excess", "Heads > ε %", "Effective %",
    "Writes ×", "‖v‖ ×", "‖k‖ ×", "‖h‖ ×", "SinkFix", "Reason",
)  # fmt: skip


GRID_STYLES = [
    {"cols": ["Token"], "class": "sinks-token"},
    {"cols": ["Label", "SinkFix"], "class": "sinks-label"},
    {"cols": ["Reason"], "class": "sinks-reason"},
    {"cols": ["#", "Excess", *PER_CENT, *RATIOS], "class": "sinks-number"},
]


def grid_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The frame for the grid; numbers stay numbers, so that filters and sorting work."""
    frame = pd.DataFrame(
        {
            "#": table["index"],
            "Token": table["token"],
            CUE: [chip(name, short=True) for name in table["label"]],
            "Label": table["label"],
            "Excess": table["excess"].round(3),
            "SinkFix": table["sinkfix_label"],
            "Reason": table["reason"],
        }
    )
    for header, column in PER_CENT.items():
        frame[header] = (100 * table[column]).round(1)
    for header, column in RATIOS.items():
        frame[header] = table[column].round(2)
    return frame[list(COLUMNS)]


def row_of(table: pd.DataFrame, token: int | None) -> int | None:
    """Row that shows a token, None without one."""
    rows = [] if token is None else list(table.index[table["index"] == token])
    return int(rows[0]) if rows else None


def token_of(table: pd.DataFrame, row: int) -> int | None:
    """Token of a row, None for the learned sink."""
    index = int(table["index"].iloc[row])
    return None if index == LEARNED_SINK_INDEX else index
