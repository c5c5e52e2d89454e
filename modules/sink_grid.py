"""The sink table as a person reads it: short headers, per cent, rounded numbers, a class per label."""

from __future__ import annotations

import pandas as pd

from modules.label_chip import chip
from modules.language import Words
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
WORDS = ("Label", "SinkFix", "Reason")
"""Columns whose cells are words; the others hold tokens, numbers and markup."""
SUMMARY = "Viewing rows {start} through {end} of {total}"
"""Stands below the grid; the browser fills it."""
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


def frame_in_words(frame: pd.DataFrame, say: Words) -> pd.DataFrame:
    """The frame of the grid with its headers and its cells of WORDS in another language."""
    cells = {name: [say.finished(text) for text in frame[name]] for name in WORDS}
    return frame.assign(**cells).rename(columns=say.finished)


def styles_in_words(say: Words) -> list[dict]:
    """GRID_STYLES for the headers of `frame_in_words`."""
    return [style | {"cols": [say.finished(name) for name in style["cols"]]} for style in GRID_STYLES]


def row_of(table: pd.DataFrame, token: int | None) -> int | None:
    """Row that shows a token, None without one."""
    rows = [] if token is None else list(table.index[table["index"] == token])
    return int(rows[0]) if rows else None


def token_of(table: pd.DataFrame, row: int) -> int | None:
    """Token of a row, None for the learned sink."""
    index = int(table["index"].iloc[row])
    return None if index == LEARNED_SINK_INDEX else index
