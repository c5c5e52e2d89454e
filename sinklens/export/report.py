"""The report of one analysis: what was found, the pictures, the sink table, and how it was computed."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sinklens.analysis.global_metrics import MetricValue
from sinklens.analysis.head_finding import most_sinking_head
from sinklens.analysis.quantity import NOT_APPLICABLE, percent
from sinklens.analysis.received import definition_of
from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.analysis.sink_summary import SINK_LABELS, main_finding
from sinklens.analysis.sinks import LABELS, Thresholds, sink_table
from sinklens.errors import BadSelection
from sinklens.export.provenance import Provenance, provenance_of
from sinklens.export.references import cited_in, tool_bibtex
from sinklens.export.report_blocks import Facts, Picture, Report, Rows, Section, Verbatim, Words
from sinklens.results import Capture, HeadMap

if TYPE_CHECKING:
    from sinklens.run import Run

FORMATS = {"html": "text/html", "pdf": "application/pdf"}
SINK_COLUMNS = {
    "index": "position", "token": "token", "label": "label", "received": "received",
    "floor": "uniform",
    "excess": "excess", "heads_above": "heads above ε", "effective_share": "effective",
    "write_ratio": "writes ×",
}  # fmt: skip
SHARES = ("received", "floor", "excess", "heads_above", "effective_share")
ATTENTION = (
    "Attention: A[i,k] = softmax_k(q_i · k_k / √d), the weight of query i on key k, after all edits; rows "
    "are queries and columns keys, counted from 0 (Vaswani et al. 2017, arXiv 1706.03762, equation 1)."
)
WRITES = (
    "Effective share and “writes ×” read ‖A v W_O‖, the size of what attention writes, not its weight alone "
    "(Kobayashi et al. 2020, arXiv 2004.10102)."
)
RATE = "Sink rate: part of all heads whose first token receives more than ε (Gu et al. 2025, Sink^ε)."


def report_file(
    run: Run, form: str, *, stream: str | None = None, definition: str = "eligible",
    head: tuple[int, int] | None = None,
) -> bytes:  # fmt: skip
    """The report of a run as HTML or PDF; BadSelection for another format.

    Parameters
    ----------
    head : (layer, head) whose map is drawn; the one that gives the first token most by default
    """
    layer, number = head or most_sinking_head(run.capture.profile(stream))
    head_map = run.head_map(layer, number, stream)
    return as_file(report_of(run.capture, head_map, definition=definition), form)


def as_file(report: Report, form: str) -> bytes:
    """One file that needs nothing else; BadSelection for a format that there is not."""
    if form == "html":
        from sinklens.export.report_html import report_html

        return report_html(report).encode()
    if form == "pdf":
        from sinklens.export.report_pdf import report_pdf

        return report_pdf(report)
    raise BadSelection(f"A report is one of {', '.join(FORMATS)}; got '{form}'.")


def report_of(
    capture: Capture,
    head_map: HeadMap,
    *,
    definition: str = "eligible",
    thresholds: Thresholds | None = None,
) -> Report:
    """Everything the report says; work for a thread.

    Parameters
    ----------
    head_map : the head that is drawn; its stream is the one that is reported
    definition : how attention received is defined, a key of `received.DEFINITIONS`
    """
    facts, summary = provenance_of(capture), run_summary(capture, head_map.stream)
    limits = thresholds or Thresholds()
    table = sink_table(capture, definition=definition, stream=head_map.stream, thresholds=limits)
    sections = (
        Section("Text", (Verbatim(capture.prompt.text, "The text"), *_warnings(capture))),
        _overview(capture, summary),
        _pictures(capture, head_map, summary),
        _sinks(table, definition, limits),
        _method(capture, facts, definition, summary),
    )
    sections = (*sections, _literature(sections))
    return Report(f"Attention of {facts.model}", main_finding(table), facts.caption(), sections)


def _warnings(capture: Capture) -> tuple[Words, ...]:
    return tuple(Words(sentence, "warning") for sentence in capture.warnings)


def _overview(capture: Capture, summary: RunSummary) -> Section:
    loss = capture.loss
    rows = [
        ("First-token share, query 0 left out", _share(summary.first_share), _share(summary.first_floor)),
        ("Excess over uniform", _share(summary.first_excess), _share(0.0)),
        (f"Sink rate, ε = {summary.rate.epsilon:g}", _share(summary.rate.value), ""),
        ("Entropy, of the largest possible", _share(summary.entropy), _share(1.0)),
        ("Loss, nats per token", NOT_APPLICABLE if loss is None else f"{loss:.3f}", ""),
        *(_metric(card) for card in summary.cards),
    ]
    return Section("Overview", (Rows("The run in numbers.", ("number", "value", "uniform"), rows),))


def _metric(card: MetricValue) -> tuple[str, str, str]:
    unit = card.definition.unit
    return card.definition.name, _number(card.value, unit), _number(card.uniform, unit)


def _pictures(capture: Capture, head_map: HeadMap, summary: RunSummary) -> Section:
    from sinklens.figures.layer_figure import layer_drawing
    from sinklens.figures.run_figures import caption_of, head_drawing, mosaic_drawing

    layer, head = head_map.layer, head_map.head
    map_ = head_drawing(capture, head_map, scale="sqrt", palette="viridis")
    blocks = [
        Picture(
            "First token by layer",
            layer_drawing(summary.curve),
            ["Mean and strongest head; query 0 left out."],
        )
    ]
    if capture.profile(head_map.stream).thumbnails is None:
        blocks.append(Words("This run kept no picture of all heads.", "note"))
    else:
        all_ = mosaic_drawing(
            capture, stream=head_map.stream, scale="sqrt", palette="viridis", picked=(layer, head)
        )
        said = f"Layers downwards, heads to the right; outlined: head {layer}.{head}."
        blocks.append(Picture("All heads", all_, caption_of(capture, said, all_)))
    caption = caption_of(capture, map_.picture.label, map_)
    blocks.append(Picture(f"Head {layer}.{head}", map_, caption))
    return Section("Pictures", tuple(blocks))


def _sinks(table, definition: str, limits: Thresholds) -> Section:
    rows = [[_cell(name, row[name]) for name in SINK_COLUMNS] for _, row in table.iterrows()]
    found = table[table["label"].isin(SINK_LABELS)]
    reasons = [Words(f"{row['token']} ({row['index']}): {row['reason']}") for _, row in found.iterrows()]
    chosen = definition_of(definition)
    caption = f"Every token; attention received: {chosen.name.lower()}, {chosen.formula}."
    numbers = {name: value for name, value in asdict(limits).items() if not isinstance(value, dict)}
    said = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in numbers.items())
    labels = {label.name: label.sentence for label in LABELS.values()}
    return Section(
        "Sinks",
        (*reasons, Rows(caption, list(SINK_COLUMNS.values()), rows, n_words=3),
         Words(f"Thresholds: {said}.", "note"), Facts(labels)),
    )  # fmt: skip


def _method(capture: Capture, facts: Provenance, definition: str, summary: RunSummary) -> Section:
    model, chosen, request = capture.model, definition_of(definition), capture.request
    sees = "each token sees the ones before it" if model.is_causal else "each token sees all others"
    pairs = {
        "Model": f"{facts.model}, {model.family}, {model.n_layers} layers × {model.n_heads} heads, {sees}",
        "Revision": facts.revision,
        "Numbers": f"{facts.dtype} on {facts.device}; capture by {model.capture_path}",
        "Tokens": f"{facts.n_tokens}, start token {'added' if facts.bos_added else 'not added'}",
        "Long text": f"{request.long_text}, window {request.window}",
        "Edits": "; ".join(facts.edits) or "none",
        "SHA-256 of the text": facts.text_sha256,
        "SHA-256 of the token ids": facts.tokens_sha256,
        "SinkLens": facts.sinklens,
        "Versions": ", ".join(f"{name} {number}" for name, number in facts.packages.items()) or "none",
        "Report made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    known = [card.definition for card in summary.cards]
    formulas = {one.name: f"{one.formula}. {one.direction} {one.source}" for one in known}
    received = f"Attention received: {chosen.sentence} {chosen.formula} ({chosen.source})."
    notes = tuple(Words(sentence) for sentence in (ATTENTION, received, RATE, WRITES))
    return Section("Method", (Facts(pairs), *notes, Facts(formulas)))


def _literature(sections: tuple[Section, ...]) -> Section:
    """The papers that the report names, and how to cite SinkLens."""
    texts = [
        text
        for section in sections
        for block in section.blocks
        for text in ([block.text] if isinstance(block, Words) else
                     block.pairs.values() if isinstance(block, Facts) else ())
    ]  # fmt: skip
    papers = cited_in(*texts)
    entries = "\n".join([tool_bibtex(), *(paper.bibtex() for paper in papers)])
    return Section("Literature", (Verbatim(entries, "BibTeX entries"),))


def _cell(name: str, value) -> str:
    if name in SHARES:
        return _share(value)
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.2f}"
    return str(value)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else percent(value)


def _number(value: float | None, unit: str) -> str:
    if value is None or math.isnan(value):
        return NOT_APPLICABLE
    return percent(value) if unit == "share" else f"{value:.3g}"
