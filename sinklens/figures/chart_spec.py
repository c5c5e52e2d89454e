"""A Plotly figure as plain numbers, texts and colours that mean something outside a browser."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence

import numpy as np

from sinklens.errors import BadSelection

POINTS_PER_PX = 0.55
"""A chart is about 1.4 times as wide on the screen as on paper; its marks shrink with it."""
DASHES = {
    "solid": (), "dot": (1, 1.6), "dash": (4, 2), "longdash": (7, 2.5), "dashdot": (4, 1.6, 1, 1.6),
    "longdashdot": (7, 2, 1, 2),
}  # fmt: skip
MARKERS = {
    "circle": "o", "square": "s", "diamond": "D", "cross": "P", "x": "X", "triangle-up": "^",
    "triangle-down": "v", "triangle-left": "<", "triangle-right": ">", "star": "*", "hexagon": "h",
    "pentagon": "p", "line-ew": "_", "line-ns": "|", "hourglass": "d", "bowtie": "d", "asterisk": "x",
}  # fmt: skip
HATCHES = {"": "", "/": "/////", "\\": "\\\\\\\\\\", "x": "xxxxx", "-": "-----", "|": "|||||", "+": "+++++",
           ".": "....."}  # fmt: skip
VARIABLE = re.compile(r"var\((--[\w-]+)\)")
FUNCTION = re.compile(r"rgba?\(([^)]*)\)")


def resolved(value, variables: Mapping[str, str]):
    """The same figure with the values of a theme in the place of its CSS variables."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: variables.get(found[1], "#888888"), value)
    if isinstance(value, Mapping):
        return {key: resolved(item, variables) for key, item in value.items()}
    return [resolved(item, variables) for item in value] if isinstance(value, list | tuple) else value


def array(value) -> np.ndarray:
    """Numbers of a trace, float64 with NaN where there is none; or its texts, as objects."""
    if isinstance(value, Mapping) and "bdata" in value:
        flat = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
        shape = [int(n) for n in str(value.get("shape", len(flat))).split(",")]
        return flat.reshape(shape).astype(float)
    found = np.asarray([] if value is None else value, object)
    if any(isinstance(item, str) for item in found.ravel()):
        return found
    return np.where(found == None, np.nan, found).astype(float)  # noqa: E711  (elementwise)


def each(value, n: int) -> list:
    """One value for all, or a value each, as a list of n."""
    if isinstance(value, Mapping) and "bdata" in value:
        return array(value).tolist()
    return list(value) if isinstance(value, list | tuple | np.ndarray) else [value] * n


def words(text) -> str:
    """A text of the figure without its markup."""
    plain = re.sub(r"<br\s*/?>", "\n", str(text if text is not None else ""))
    return html.unescape(re.sub(r"</?(?:b|i|em|strong|sub|sup|span|a)(?:\s[^>]*)?>", "", plain))


def colour(value, otherwise: str = "#1b2525"):
    """A colour as matplotlib takes it."""
    if not isinstance(value, str) or not value:
        return otherwise
    found = FUNCTION.fullmatch(value.strip())
    if found is None:
        return value
    # "rgb(20 40 40 / 6%)" as well as "rgba(20, 40, 40, 0.06)"
    parts = re.findall(r"[\d.]+%?", found[1])
    numbers = [float(part.rstrip("%")) / (100 if part.endswith("%") else 1) for part in parts]
    red, green, blue, *opacity = numbers
    return (red / 255, green / 255, blue / 255, opacity[0] if opacity else 1.0)


def dash(value) -> tuple:
    """A line style as matplotlib takes it."""
    if isinstance(value, str) and value not in DASHES:
        steps = tuple(float(step.rstrip("px")) * POINTS_PER_PX for step in re.split(r"[ ,]+", value))
        return (0, steps)
    return (0, DASHES[value or "solid"]) if DASHES[value or "solid"] else (0, None)


def marker(symbol: str | None) -> tuple[str, bool]:
    """A marker, and whether it is filled; BadSelection for one that has no counterpart."""
    name = (symbol or "circle").removesuffix("-dot")
    base = name.removesuffix("-open").removeprefix("")
    if base not in MARKERS:
        raise BadSelection(f"Marker '{symbol}' has no counterpart on paper.")
    return MARKERS[base], not name.endswith("-open")


def points(px: float | None, otherwise: float) -> float:
    """Pixels of the page as points on paper."""
    return POINTS_PER_PX * (otherwise if px is None else px)


def title_of(part: Mapping) -> str:
    """The title of an axis or a colour bar; it may be given as a text or as a dictionary."""
    title = part.get("title")
    return words(title.get("text") if isinstance(title, Mapping) else title)


def texts_in(spec: Mapping) -> list[str]:
    """Every text that a chart may show."""
    found, layout = [], spec.get("layout", {})
    for trace in spec.get("data", ()):
        found += [words(trace.get("name")), *(words(t) for t in each(trace.get("text") or "", 1))]
        for key in ("x", "y", "theta"):
            values = trace.get(key)
            if isinstance(values, Sequence) and not isinstance(values, str):
                found += [value for value in values if isinstance(value, str)]
    for key, part in layout.items():
        if "axis" in key and isinstance(part, Mapping):
            found += [title_of(part), *(words(text) for text in part.get("ticktext") or ())]
    return found + [words(note.get("text")) for note in layout.get("annotations", ())]
