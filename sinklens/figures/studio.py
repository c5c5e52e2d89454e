"""Where figures are drawn: one at a time, matplotlib left as it was found."""

from __future__ import annotations

import io
import textwrap
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from sinklens.figures.fonts import OWN, families, missing_glyphs
from sinklens.figures.paper import MM_PER_INCH, SIDE_MAX_MM, FigureFile, Paper
from sinklens.version import VERSION
from sinklens.widgets.colours import PAPER

POINT_MM = MM_PER_INCH / 72
TEXT_POINTS, CAPTION_POINTS = 7.0, 6.0
MARGIN_MM = 2.0
LINE_MM = CAPTION_POINTS * POINT_MM * 1.35
SETTINGS = {
    "font.family": [OWN],
    "font.size": TEXT_POINTS,
    "text.parse_math": False,  # a token may hold any number of dollar signs
    "text.color": PAPER["ink"],
    "axes.edgecolor": PAPER["quiet"],
    "axes.labelcolor": PAPER["ink"],
    "axes.linewidth": 0.5,
    "axes.unicode_minus": True,
    "xtick.color": PAPER["quiet"],
    "xtick.labelcolor": PAPER["ink"],
    "ytick.color": PAPER["quiet"],
    "ytick.labelcolor": PAPER["ink"],
    "hatch.linewidth": 0.5,
    "image.composite_image": False,  # put together, images would be sampled anew
    "svg.fonttype": "none",  # text stays text: searchable, editable, and drawn with the reader's fonts
    "svg.hashsalt": "sinklens",  # equal figures are equal files
    "pdf.fonttype": 42,  # whole TrueType fonts, as journals ask for
    "savefig.facecolor": PAPER["paper"],
}
MISSING = (
    "{n} of the text's characters are in no font of this server and are drawn as boxes; the {other} holds "
    "them as text."
)
# What matplotlib says quotes the text, character by character, in the log; the file's note counts them.
warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
_one_draws = threading.Lock()


@dataclass(frozen=True)
class Box:
    """Room on a sheet, mm from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


class Drawing(Protocol):
    """Anything that can be put on paper."""

    def height_mm(self, width_mm: float) -> float:
        """How high it would like to be at a width."""

    def least_mm(self, width_mm: float) -> float:
        """How high it must be at a width to be seen at all."""

    def draw(self, sheet: Figure, box: Box) -> None:
        """Draw into a part of a sheet."""

    def texts(self) -> Sequence[str]:
        """Every text in it."""


def figure_file(drawing: Drawing, paper: Paper, caption: Sequence[str] = ()) -> FigureFile:
    """Draw on paper.

    Parameters
    ----------
    caption : lines below the figure; long ones are wrapped

    Raises
    ------
    BadSelection
        The paper is too small for the caption, or a PNG would be too large.
    """
    with _one_draws, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS | {"font.family": families([*drawing.texts(), *caption])})
        return _drawn(drawing, paper, caption)


def _drawn(drawing: Drawing, paper: Paper, caption: Sequence[str]) -> FigureFile:
    lines = [part for line in caption for part in wrapped(line, paper.width_mm - 2 * MARGIN_MM)]
    foot = MARGIN_MM + LINE_MM * len(lines) + (1.5 if lines else 0)
    inner = paper.width_mm - 2 * MARGIN_MM
    wanted = min(drawing.height_mm(inner) + foot + MARGIN_MM, SIDE_MAX_MM)
    height = wanted if paper.height_mm is None else paper.height_mm
    paper.check_pixels(height)
    paper.check_room(drawing.least_mm(inner) + foot + MARGIN_MM, height)
    room = height - foot - MARGIN_MM
    sheet = Figure(figsize=(paper.width_mm / MM_PER_INCH, height / MM_PER_INCH))
    drawing.draw(sheet, Box(MARGIN_MM, height - MARGIN_MM - room, inner, room))
    for number, line in enumerate(lines):
        at = foot - 1.5 - LINE_MM * number
        write(sheet, line, MARGIN_MM, at, size=CAPTION_POINTS, color=PAPER["quiet"], va="top")
    return FigureFile(_bytes(sheet, paper, caption), paper.format, _glyph_note(drawing, paper.format))


def write(sheet: Figure, text: str, x_mm: float, y_mm: float, *, size: float = TEXT_POINTS, **style) -> None:
    """Put a text on a sheet; places in mm from the lower left corner."""
    width, height = sheet.get_size_inches() * MM_PER_INCH
    sheet.text(x_mm / width, y_mm / height, text, fontsize=size, **style)


def axes_at(sheet: Figure, box: Box, **options):
    """Axes that fill a box."""
    width, height = sheet.get_size_inches() * MM_PER_INCH
    place = (box.left / width, box.bottom / height, box.width / width, box.height / height)
    return sheet.add_axes(place, **options)


def width_mm_of(text: str, points: float = TEXT_POINTS) -> float:
    """How wide a text is set, mm; a line break begins anew."""
    font = get_font([findfont(FontProperties(family=[name])) for name in mpl.rcParams["font.family"]])
    font.set_size(points, 72)
    widest = 0.0
    for line in text.split("\n"):
        font.set_text(line, 0.0)
        widest = max(widest, font.get_width_height()[0] / 64)
    return widest * POINT_MM


def cut(text: str, room_mm: float, points: float = TEXT_POINTS) -> str:
    """A label as far as it fits; what is cut off ends in "…"."""
    if width_mm_of(text, points) <= room_mm:
        return text
    kept = next((n for n in range(len(text) - 1, 0, -1) if width_mm_of(text[:n] + "…", points) <= room_mm), 0)
    return text[:kept] + "…"


def wrapped(line: str, room_mm: float) -> list[str]:
    """A caption's line in as many lines as the width needs."""
    n_chars = max(12, int(room_mm / (CAPTION_POINTS * POINT_MM * 0.56)))
    return textwrap.wrap(line, n_chars, break_on_hyphens=False) or [""]


def _bytes(sheet: Figure, paper: Paper, caption: Sequence[str]) -> bytes:
    about = {"Title": caption[0] if caption else "SinkLens", "Creator": f"SinkLens {VERSION}"}
    metadata = {
        "svg": about | {"Description": " ".join(caption), "Date": None},
        "pdf": about | {"Subject": " ".join(caption), "CreationDate": None},
        "png": {"Title": about["Title"], "Software": about["Creator"], "Description": " ".join(caption)},
    }
    out = io.BytesIO()
    sheet.savefig(out, format=paper.format, dpi=paper.dpi, metadata=metadata[paper.format])
    return out.getvalue()


def _glyph_note(drawing: Drawing, form: str) -> str:
    """What a reader should know about characters that are drawn as boxes; empty without any."""
    n = 0 if form == "svg" else missing_glyphs(drawing.texts())  # an SVG holds text: its reader has the fonts
    return MISSING.format(n=n, other="SVG") if n else ""
