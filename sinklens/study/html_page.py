"""The frame of a report: one self-contained HTML text, and the small parts that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from sinklens.study.html_cells import HATCH

STYLE = Path(__file__).parent / "html_report.css"
N_ROWS_SHOWN = 200
"""Rows of a table in the file; a longer one says how many there are and where to find them."""


def style() -> str:
    """The stylesheet of reports and head cards."""
    return STYLE.read_text("utf-8")


def document(title: str, body: str, *, script: str = "") -> str:
    """A whole HTML file that needs nothing else: no network, no other file.

    Parameters
    ----------
    title : plain text
    body : HTML
    """
    closing = f"<script>{script}</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing may be loaded from anywhere, whatever a text in the report contains.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(title)}</title><style>{style()}</style></head>"
        f'<body class="study-file"><main class="study-report">{HATCH}{body}</main>{closing}</body></html>\n'
    )


def section(title: str, *parts: str) -> str:
    """A part of the report under its heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(sentence: str, kind: str = "") -> str:
    """A sentence as plain text; `kind` is "finding", "note" or "warning"."""
    shown = f' class="{kind}"' if kind else ""
    return f"<p{shown}>{escape(sentence)}</p>" if sentence else ""


def figure(title: str, picture: str, caption: str = "", above: str = "") -> str:
    """A chart under its title, with what it computed below."""
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{above}{picture}{note}</figure>"


def figures(*parts: str) -> str:
    """Charts side by side where there is room."""
    return f'<div class="charts">{"".join(parts)}</div>'


def table(
    caption: str,
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    n_words: int = 1,
    n_shown: int = N_ROWS_SHOWN,
) -> str:
    """A table whose first `n_words` columns are words and whose others are numbers; cells are plain text."""
    rows = list(rows)
    kinds = ["" if i < n_words else ' class="n"' for i in range(len(names))]
    heads = "".join(f'<th scope="col"{kinds[i]}>{escape(name)}</th>' for i, name in enumerate(names))
    body = "".join(_row(row, kinds) for row in rows[:n_shown])
    if len(rows) > n_shown:
        caption = f"{caption} The first {n_shown:,} of {len(rows):,} rows; all are in the study's files."
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )


def facts(pairs: Mapping[str, str]) -> str:
    """Names and what stands behind them."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs.items())
    return f"<dl>{items}</dl>"


def folded(summary: str, *parts: str) -> str:
    """What is only opened by who wants it."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def verbatim(text: str, label: str) -> str:
    """Text as it stands in a file."""
    return f'<pre tabindex="0" role="group" aria-label="{escape(label)}">{escape(text)}</pre>'


def _row(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *rest = row
    cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(rest, kinds[1:], strict=True))
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'
