"""The values of the page's CSS variables, for figures that leave the page."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

THEME = Path(__file__).resolve().parents[2] / "static" / "theme.css"
ROOT = re.compile(r"^:root \{(.*?)^\}", re.DOTALL | re.MULTILINE)
VARIABLE = re.compile(r"(--[\w-]+):\s*([^;]+);")


@cache
def light_colours() -> dict[str, str]:
    """Variable -> value of the light theme: paper is white."""
    css = re.sub(r"/\*.*?\*/", "", THEME.read_text("utf-8"), flags=re.DOTALL)
    return dict(VARIABLE.findall(ROOT.search(css)[1]))
