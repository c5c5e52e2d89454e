"""The report of a study: one self-contained HTML text from what its folder holds, finished or not."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from sinklens.study.html_cells import HATCH
from sinklens.study.html_page import document, paragraph
from sinklens.study.report_curves import (
    N_POSITIONS,
    geometry_section,
    layers_section,
    positions_section,
    states_section,
)
from sinklens.study.report_data import ReportData
from sinklens.study.report_method import failures_section, method_section, models_section, texts_section
from sinklens.study.report_numbers import unedited
from sinklens.study.report_sections import (
    categories_section,
    count_of,
    definitions_section,
    edits_section,
    finding,
    model_legend,
    summary_section,
    tests_section,
)


def report_html(data: ReportData) -> str:
    """The report as a file of its own: no network, no other file, in the reader's theme and on paper."""
    return document(f"{data.title}: report of a study", f"<h1>{escape(data.title)}</h1>{_body(data)}")


def report_fragment(data: ReportData) -> str:
    """The report to be put into a page that has its stylesheet."""
    return f'<div class="study-report">{HATCH}{_body(data)}</div>'


def _body(data: ReportData) -> str:
    runs = data.runs
    plain = unedited(runs)
    floors = plain.groupby("model")["first_floor"].mean().to_dict() if len(plain) else {}
    parts: tuple[Callable[[], str], ...] = (
        lambda: summary_section(runs),
        lambda: layers_section(dict(data.heads), floors, data.layers),
        lambda: positions_section(runs, data.n_positions or N_POSITIONS),
        lambda: definitions_section(runs),
        lambda: categories_section(runs),
        lambda: tests_section(runs),
        lambda: states_section(runs),
        lambda: geometry_section(runs),
        lambda: edits_section(runs),
    )
    sections = "".join(part() for part in parts) if len(runs) else ""
    return (
        paragraph(_so_far(data), "warning" if data.is_partial else "note")
        + "".join(paragraph(f"{name} did not load; see “Models”.", "warning") for name in _lost(data))
        + "".join(paragraph(sentence, "finding") for sentence in finding(runs))
        + model_legend(list(dict.fromkeys(plain["model"])))
        + sections
        + failures_section(data.failures)
        + models_section(data.models)
        + texts_section(data.texts, data.about.get("texts") or {})
        + method_section(data.about, data.yaml, data.made)
    )


def _lost(data: ReportData) -> list[str]:
    return [name for name, about in data.models.items() if "error" in about]


def _so_far(data: ReportData) -> str:
    n_texts, n_models = len(data.texts), len(data.about.get("models") or {})
    size = f"{count_of(n_texts, 'text')} × {count_of(n_models, 'model')}"
    if not data.is_partial:
        return f"{size}."
    done = f"{data.progress.n_texts_done:,} of {data.progress.n_texts:,} texts × models"
    return (
        f"Not finished ({data.progress.state}): {done} so far. The pieces of a study are worked on in random "
        "order, so that these numbers are a fair sample, with intervals for as many texts as there are now."
    )
