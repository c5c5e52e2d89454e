"""The text itself, every token shaded by a number and selectable; labels are never read as HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modules.quantity import percent
from modules.widgets.in_session import InSession
from sinklens.analysis.sink_summary import SINK_LABELS
from sinklens.errors import BadSelection
from sinklens.records import Prompt, Token
from sinklens.widgets.on_paper import About
from sinklens.widgets.script import joined, style

HERE = Path(__file__).parent
SHADINGS = {"excess": "excess over uniform attention", "received": "attention received"}
"""What the shade can stand for: the columns of a sink table, with the words of the legend."""
SPACE, NEWLINE = "·", "↵"
"""How token labels show a leading space and a line break."""
FEW = "few queries"


class TokenStrip(InSession, anywidget.AnyWidget):
    """One persistent strip; `show` replaces its text, `selected` marks a token, `clicked` reports a choice.

    One tab stop: arrow keys move over the tokens, Enter or Space selects.
    """

    _esm = joined("figure_menu.js") + (HERE / "token_strip.js").read_text("utf-8")
    _css = (HERE / "token_strip.css").read_text("utf-8") + style("figure_menu.css")
    frame = traitlets.Dict().tag(sync=True, words=("legend", "low", "high", "line", "hint", "tokens.spoken"))
    """What `strip_frame` returns."""
    selected = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    """Index of the marked token."""
    clicked = traitlets.Int(allow_none=True, default_value=None).tag(sync=True)
    """Index of the token that was chosen last; emptied before every choice."""

    def show(self, frame: dict, *, about: Sequence[About] = ()) -> None:
        """Draw another text in the place of the last one.

        Parameters
        ----------
        about : runs that the numbers come from, for the caption of a figure that is downloaded
        """
        self.about = about
        with self.hold_sync():
            self.clicked = None
            self.frame = frame

    @property
    def label(self) -> str:
        """What the strip shows, for the caption of a figure."""
        return f"Every token of the text. {self.frame.get('legend', '')}."

    def drawing(self):
        """The strip on paper; BadSelection before there is a text."""
        from sinklens.figures.strip_figure import StripFigure

        if not self.frame:
            raise BadSelection("There is no text yet.")
        return StripFigure(self.frame)


def strip_frame(prompt: Prompt, table: pd.DataFrame, *, shading: str = "excess", side: str = "A") -> dict:
    """What the browser needs to draw a strip.

    Parameters
    ----------
    table : one row per token of the prompt, with the columns of `sink_table`
    shading : a key of SHADINGS
    """
    rows = table[table["index"] >= 0]
    values = np.nan_to_num(rows[shading].to_numpy(dtype=np.float64))
    top = shade_top(values, rows["label"].to_numpy(), least=float(rows["floor"].mean()))
    fills = np.clip(values / top, 0, 1)
    befores = gaps(prompt)
    tokens = [
        {
            "label": token.label or "∅",
            "before": before,
            "special": token.is_special,
            "sink": row.label in SINK_LABELS,
            "few": row.label == FEW,
            "fill": round(float(fill), 3),
            "thick": round(float(np.clip(row.received, 0, 1)), 3),
            "spoken": spoken(token, row),
        }
        for token, before, fill, row in zip(prompt.tokens, befores, fills, rows.itertuples(), strict=True)
    ]
    return {
        "tokens": tokens,
        "direction": direction(prompt.text),
        "side": side,
        "legend": f"Shade: {SHADINGS[shading]}",
        "low": "0 %",
        "high": f"{percent(top)} and more" if values.max(initial=0) > top else percent(top),
    }


def shade_top(values: np.ndarray, labels: np.ndarray, *, least: float) -> float:
    """The value of the full shade: the largest one of an ordinary token, or `least`.

    Sinks would wash out all the others, and a mean over few queries is not to be believed, so both
    only count where nothing else is there. Without `least`, differences of nothing would look strong.
    """
    ordinary = ~np.isin(labels, (*SINK_LABELS, FEW))
    chosen = values[ordinary] if ordinary.any() else values
    return float(max(chosen.max(initial=0), least))


def spoken(token: Token, row) -> str:
    """A token in words: token 3 'the': receives 12 % (floor 5 %)."""
    kind = ", special token" if token.is_special else ""
    label = f", {row.label}" if row.label in (*SINK_LABELS, FEW) else ""
    return (
        f"token {token.index} '{token.label.lstrip(SPACE) or token.label}'{kind}: "
        f"receives {percent(row.received)} (floor {percent(row.floor)}){label}"
    )


def gaps(prompt: Prompt) -> list[str]:
    """What stands before each token in the text: "", "space" or "line"."""
    found = []
    former: Token | None = None
    for token in prompt.tokens:
        found.append(_gap(former, token, prompt.text))
        former = token
    return found


def _gap(former: Token | None, token: Token, text: str) -> str:
    if former is None:
        return ""
    if NEWLINE in former.label:
        return "line"
    if former.is_special or token.is_special:
        return "space"
    if former.end is None or token.start is None:
        return ""
    between = text[former.end : token.start]
    if "\n" in between:
        return "line"
    return "space" if between and not token.label.startswith(SPACE) else ""


def direction(text: str) -> str:
    """ "rtl" when the first letter with a direction runs right to left, else "ltr"."""
    strong = (unicodedata.bidirectional(character) for character in text)
    first = next((kind for kind in strong if kind in ("L", "R", "AL")), "L")
    return "ltr" if first == "L" else "rtl"
