"""A text on paper, every token shaded by a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sinklens.figures.studio import Box, axes_at, cut, width_mm_of, write
from sinklens.widgets.colours import PAPER

LINE_MM, HIGH_MM, PAD_MM, GAP_MM, SPACE_MM = 7.0, 5.4, 0.8, 0.4, 1.4
LEGEND_MM, BAR_MM = 7.0, 26.0
POINTS = 8.0
N_STRIPS = 32
FULL = 0.48
"""Opacity of the full shade, as in token_strip.css."""


@dataclass(frozen=True)
class StripFigure:
    """What a token strip shows: `frame` is that of `modules.widgets.token_strip`."""

    frame: Mapping

    def height_mm(self, width_mm: float) -> float:
        """As many lines as the tokens need, and the legend."""
        return LINE_MM * (1 + max((line for line, *_ in self._places(width_mm)), default=0)) + LEGEND_MM

    def least_mm(self, width_mm: float) -> float:
        """All of it: its lines are no lower on a lower sheet."""
        return self.height_mm(width_mm)

    def draw(self, sheet: Figure, box: Box) -> None:
        """Boxes with their tokens in reading order, then what the shade means."""
        plot = axes_at(sheet, box, xlim=(0, box.width), ylim=(box.height, 0))
        plot.set_axis_off()
        is_rtl = self.frame.get("direction") == "rtl"
        places = self._places(box.width)
        for token, (line, x, wide) in zip(self.frame["tokens"], places, strict=True):
            left = box.width - x - wide if is_rtl else x
            self._token(plot, token, left, line * LINE_MM, wide)
        top = LINE_MM * (1 + max((line for line, *_ in places), default=0))
        self._legend(sheet, Box(box.left, box.bottom + box.height - top - LEGEND_MM, box.width, LEGEND_MM))

    def texts(self) -> Sequence[str]:
        """The tokens."""
        return [token["label"] for token in self.frame["tokens"]]

    def _token(self, plot, token: Mapping, x: float, y: float, wide: float) -> None:
        edge = PAPER["sink"] if token["sink"] else PAPER["line"]
        look = {"edgecolor": edge, "linewidth": 1.1 if token["sink"] else 0.3}
        if token["few"]:
            look |= {"hatch": "//////", "edgecolor": PAPER["masked_b"]}
        shade = (*to_rgba(self._ink)[:3], FULL * token["fill"])
        plot.add_patch(Rectangle((x, y), wide, HIGH_MM, facecolor=shade, **look))
        shown = cut(token["label"], wide - PAD_MM, POINTS)
        style = {"fontstyle": "italic"} if token["special"] else {}
        middle = (x + wide / 2, y + HIGH_MM / 2)
        plot.text(*middle, shown, fontsize=POINTS, ha="center", va="center", **style)

    def _legend(self, sheet: Figure, box: Box) -> None:
        y, said = box.bottom + 3.2, f"{self.frame['legend']}:  {self.frame['low']}"
        write(sheet, said, box.left, y, va="center")
        x = box.left + width_mm_of(said) + 1.5
        bar = axes_at(sheet, Box(x, y - 1.1, BAR_MM, 2.2), xlim=(0, N_STRIPS), ylim=(0, 1))
        bar.set_axis_off()
        for strip in range(N_STRIPS):
            shade = (*to_rgba(self._ink)[:3], FULL * strip / (N_STRIPS - 1))
            bar.add_patch(Rectangle((strip, 0), 1, 1, facecolor=shade, linewidth=0, antialiased=False))
        write(sheet, self.frame["high"], x + BAR_MM + 1.5, y, va="center")
        notes = ["outlined: sink"] if any(token["sink"] for token in self.frame["tokens"]) else []
        notes += (
            ["hatched: few queries see it"] if any(token["few"] for token in self.frame["tokens"]) else []
        )
        x += BAR_MM + width_mm_of(self.frame["high"]) + 5
        write(sheet, "; ".join(notes), x, y, va="center", color=PAPER["quiet"])

    @property
    def _ink(self) -> str:
        return PAPER["side_b" if self.frame.get("side") == "B" else "side_a"]

    def _places(self, width_mm: float) -> list[tuple[int, float, float]]:
        """Line, distance from where lines begin, and width of every token."""
        found, line, x = [], 0, 0.0
        for token in self.frame["tokens"]:
            wide = min(width_mm_of(token["label"], POINTS) + 2 * PAD_MM, width_mm)
            x += SPACE_MM if token["before"] == "space" and x else 0.0
            if x and (token["before"] == "line" or x + wide > width_mm):
                line, x = line + 1, 0.0
            found.append((line, x, wide))
            x += wide + GAP_MM
        return found
