"""The parts of a report that say how it was made: failures, texts, method, versions, seeds and hashes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sinklens.study.html_page import facts, folded, paragraph, section, table, verbatim
from sinklens.study.report_sections import count_of

N_PREVIEW_CHARS = 80
CHARTS = (
    "Charts are SVG drawn by SinkLens, with no script; numbers come from the study's Parquet tables, which "
    "hold every row behind them. Nothing in this file is loaded from anywhere."
)


def failures_section(failures: pd.DataFrame) -> str:
    """What could not be measured, with its reason; grouped where many texts have the same one."""
    if failures.empty:
        return section("What failed", paragraph("Nothing failed."))
    keys = ["model", "stage", "condition", "measurement", "reason"]
    filled = failures.assign(**{key: failures[key].fillna("").astype(str) for key in keys})
    rows = [
        (model or "–", stage, condition, measurement, reason, _ids(group["text_id"]), f"{len(group):,}")
        for (model, stage, condition, measurement, reason), group in filled.groupby(keys, sort=False)
    ]
    head = ("model", "stage", "condition", "measurement", "reason", "texts", "n")
    sentence = f"{count_of(len(failures), 'thing')} could not be measured; the rest of the study went on."
    return section("What failed", paragraph(sentence), table("Reasons", head, rows, n_words=6))


def models_section(models: Mapping[str, Mapping]) -> str:
    """What each model is, and what was noted when it was loaded."""
    rows = [(name, *_model_cells(about)) for name, about in models.items()]
    head = ("model", "family", "attention", "revision", "dtype", "device", "notes", "layers", "heads")
    return section("Models", table("As they were loaded", head, rows, n_words=7)) if rows else ""


def texts_section(texts: pd.DataFrame, about: Mapping) -> str:
    """How many texts of which categories, and each with its beginning and hash."""
    n, n_repeated = len(texts), int(about.get("n_repeated") or 0)
    by_category = texts.groupby("category", sort=False).size()
    shares = ", ".join(f"{category} {count:,}" for category, count in by_category.items())
    repeated = f" {count_of(n_repeated, 'text')} given more than once, measured once." if n_repeated else ""
    rows = [
        (str(row.text_id), row.category, row.source, _beginning(row.text), row.hash[:12], f"{row.n_chars:,}")
        for row in texts.itertuples()
    ]
    head = ("id", "category", "source", "text", "SHA-256", "characters")
    return section(
        "Texts",
        paragraph(f"{count_of(n, 'text')}: {shares}.{repeated}"),
        folded("All texts", table("Beginnings and hashes, shortest first.", head, rows, n_words=5)),
    )


def method_section(about: Mapping, yaml: str, made: str) -> str:
    """Everything that is needed to make the same numbers again."""
    versions = ", ".join(f"{name} {number}" for name, number in (about.get("versions") or {}).items())
    pairs = {
        "Study": str(about.get("name", "")),
        "Study hash": str(about.get("study_hash", "")),
        "Hash of the texts": str((about.get("texts") or {}).get("sha256", "")),
        "Measurements": _listed(about.get("measurements")),
        "Steps": ", ".join(name for name, is_on in (about.get("steps") or {}).items() if is_on),
        "Seeds": _listed(about.get("seeds")),
        "Layers": _listed(about.get("layers")) or "all",
        "Versions": versions,
        "Study begun": str(about.get("made", "")),
        "Report made": made,
        "Format": str(about.get("schema", "")),
    }
    shown = {name: text for name, text in pairs.items() if text}
    return section(
        "Method",
        facts(shown),
        paragraph(CHARTS, "note"),
        folded("The study file", verbatim(yaml, "The study file")) if yaml else "",
    )


def _model_cells(about: Mapping) -> tuple[str, ...]:
    if "error" in about or "reason" in about:
        reason = str(about.get("error") or about.get("reason"))
        return ("", "", "", "", "", f"did not load: {reason}", "", "")
    attention = {True: "causal", False: "bidirectional"}.get(about.get("is_causal"), "")
    notes = "; ".join(map(str, about.get("notes") or ()))
    return (
        str(about.get("family", "")),
        attention,
        str(about.get("revision", ""))[:12],
        str(about.get("dtype", "")),
        str(about.get("device", "")),
        notes,
        str(about.get("n_layers", "")),
        str(about.get("n_heads", "")),
    )


def _listed(value) -> str:
    return (
        ", ".join(map(str, value))
        if isinstance(value, (list, tuple))
        else ""
        if value is None
        else str(value)
    )


def _beginning(text: str) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= N_PREVIEW_CHARS else f"{line[:N_PREVIEW_CHARS]} …"


def _ids(ids: pd.Series) -> str:
    known = [str(int(value)) for value in ids.dropna().unique()]
    return ", ".join(known[:12]) + (f" and {len(known) - 12:,} more" if len(known) > 12 else "")
