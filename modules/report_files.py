"""The report of the run on screen as a file, and how to cite it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from htmltools import Tag
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.run_state import RunState
from modules.widgets.copy_text import copy_text
from sinklens.export.references import bibtex, tool_bibtex
from sinklens.figures.background import in_background
from sinklens.file_name import file_name
from sinklens.results import Capture, HeadMap
from sinklens.service import InferenceService

WHAT = (
    "Finding, numbers, pictures, the head in view, the sink table and the method of this run. The HTML opens "
    "with no network."
)


@module.ui
def report_files_ui() -> Tag:
    """Folded away: the report in two forms, and the citation."""
    html, pdf = (
        ui.download_button(id, name, class_="btn-sm", aria_label=f"Download the report as {name}")
        for id, name in (("html", "HTML"), ("pdf", "PDF"))
    )
    bib = ui.download_button(
        "bib",
        "All references",
        class_="btn-sm",
        aria_label="Download the references of all methods as BibTeX",
    )
    return ui.tags.details(
        ui.tags.summary("Report and citation"),
        ui.p(WHAT, class_="sl-muted"),
        ui.div(html, pdf, class_="sl-line"),
        copy_text(tool_bibtex(), label="the BibTeX entry"),
        ui.div(bib, class_="sl-line"),
    )


@module.server
def report_files_server(
    input: Inputs, output: Outputs, session: Session, *, service: InferenceService, state: RunState
) -> None:
    """Make the files when they are asked for; the head in view is the one that is drawn."""

    def name(ending: str) -> str:
        with reactive.isolate():
            return file_name("sinklens", state.capture().model.name, "report", ending=ending)

    async def content(form: str) -> AsyncIterator[bytes]:
        with reactive.isolate():
            capture, stream, (layer, head) = state.capture(), state.stream(), state.head()
        profile = capture.profile(stream if stream in capture.profiles else None)
        place = (min(layer, profile.n_layers - 1), min(head, profile.n_heads - 1))
        head_map = await service.head_map(capture, profile.stream, *place)
        yield await in_background(lambda: made(capture, head_map, form))

    @render.download_button(filename=lambda: name("html"), media_type="text/html")
    async def html():
        async for part in content("html"):
            yield part

    @render.download_button(filename=lambda: name("pdf"), media_type="application/pdf")
    async def pdf():
        async for part in content("pdf"):
            yield part

    @render.download_button(filename="sinklens-references.bib", media_type="application/x-bibtex")
    def bib():
        yield bibtex()


def made(capture: Capture, head_map: HeadMap, form: str) -> bytes:
    """The report; work for the thread of figures, where matplotlib is imported."""
    from sinklens.export.report import as_file, report_of

    return as_file(report_of(capture, head_map), form)
