"""What the lessons draw from the stored run, with every word in the reader's language."""

from __future__ import annotations

import numpy as np

from modules.language import Words
from modules.lesson_results import StoredLessons
from modules.lesson_texts import DECIMAL_COMMA
from modules.widgets.heatmap import Axes, Picture, picture
from modules.widgets.token_strip import strip_frame
from sinklens.analysis.quantity import percent
from sinklens.results import Capture


def head_picture(capture: Capture, layer: int, head: int, say: Words, hint: str) -> Picture:
    """One head's map, ready to draw."""
    labels = capture.prompt.labels
    axes = Axes(
        rows=labels,
        columns=labels,
        row_name=say("row"),
        column_name=say("column"),
        same_tokens=True,
        marked=(0,),
        marked_text=say("first token"),
        empty_text=say("comes later in the text and cannot be seen"),
        hint=hint,
    )
    return picture(capture.maps["self", layer, head], axes, label=head_sentence(capture, layer, head, say))


def head_sentence(capture: Capture, layer: int, head: int, say: Words) -> str:
    """What a head does with the first token and the one before, queries from the second on."""
    profile = capture.profile()
    first, before = (
        local_percent(float(np.nanmean(share[layer, head, 1:])), say)
        for share in (profile.first_share, profile.previous_share)
    )
    return say(
        "Head {layer}.{head}: {first} on the first token, {before} on the token just before.",
        layer=layer,
        head=head,
        first=first,
        before=before,
    )


def local_percent(share: float, say: Words) -> str:
    """A share as per cent, with a comma where the language has one."""
    text = percent(share)
    return text.replace(".", ",") if say.language in DECIMAL_COMMA else text


def local_strip(stored: StoredLessons, say: Words) -> dict:
    """The shaded text, read out in the reader's language."""
    table = stored.summary.tokens
    frame = strip_frame(stored.capture.prompt, table)
    for place, row in zip(frame["tokens"], table[table["index"] >= 0].itertuples(), strict=True):
        place["spoken"] = say(
            "token {place} “{label}”: receives {share}, even share {floor}",
            place=row.index,
            label=place["label"],
            share=local_percent(row.received, say),
            floor=local_percent(row.floor, say),
        )
    frame["legend"] = say("Shade: attention received above the even share")
    frame["line"] = say("Line: attention received, thicker is more")
    frame["hint"] = say("Point at a token to read its share.")
    return frame
