"""Fonts of figures: one that comes along, and behind it what this machine has for other scripts."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

OWN = "DejaVu Sans"
"""Comes with matplotlib; has Latin, Greek, Cyrillic, Arabic, Hebrew, Georgian, Armenian and most signs."""
WIDE = (
    # Chinese, Japanese, Korean: Linux, macOS, Windows
    *("notosanscjk-regular*", "notosanscjk??-regular*", "sourcehansans*-regular*", "wqy-*hei*"),
    *("droidsansfallback*", "pingfang*", "hiragino sans gb*", "applesdgothicneo*"),
    *("msyh.*", "yugothr.*", "msgothic.*", "malgun.*"),
    # many scripts, then all
    *("notosans-regular*", "notosans[a-z]*-regular*", "nirmala.*", "leelawui.*", "ebrima.*"),
    *("arial unicode*", "notoemoji-*", "seguisym.*", "symbola*", "unifont*"),
)
"""Names of files, in small letters; the first that has a character draws it."""


def families(texts: Iterable[str]) -> list[str]:
    """The family that comes along, then those of this machine that draw what it has no glyph for.

    Only what is needed: a figure of Latin text is the same file on every machine.
    """
    return [OWN, *(name_of(path) for path in fallback_files(texts))]


def fallback_files(texts: Iterable[str]) -> list[Path]:
    """Font files of this machine that have at least one more of the characters than those before them."""
    missing, chosen = _without_glyph(texts, findfont(FontProperties(family=[OWN]))), []
    for path in wide_files() if missing else ():
        left = _without_glyph(missing, path)
        if left != missing:
            chosen.append(path)
            missing = left
    return chosen


def missing_glyphs(texts: Iterable[str]) -> int:
    """How many different characters of texts no font of this machine draws."""
    texts = list(texts)
    missing = _without_glyph(texts, findfont(FontProperties(family=[OWN])))
    for path in fallback_files(texts):
        missing = _without_glyph(missing, path)
    return len(missing)


@cache
def wide_files() -> tuple[Path, ...]:
    """The fonts of WIDE that are installed, in its order."""
    files = sorted(Path(path) for path in findSystemFonts())
    found = (path for pattern in WIDE for path in files if fnmatch(path.name.lower(), pattern))
    return tuple(dict.fromkeys(found))


@cache
def name_of(path: Path) -> str:
    """The family of a file, made known to matplotlib, whose own list may be older than the file."""
    n_before = len(fontManager.ttflist)
    fontManager.addfont(path)
    return fontManager.ttflist[n_before].name


def _without_glyph(texts: Iterable[str], path: str | Path) -> set[str]:
    """The printable characters of texts that a font does not have."""
    known = get_font(str(path)).get_charmap()
    return {char for text in texts for char in text if ord(char) not in known and char.isprintable()}
