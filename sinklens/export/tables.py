"""The tables of a run, and how they become CSV, JSON and a page of their own."""

from __future__ import annotations

import html
import json

import pandas as pd

from sinklens.analysis.plain_data import plain
from sinklens.analysis.shares import layer_curve
from sinklens.analysis.sinks import LEARNED_SINK_INDEX, sink_table
from sinklens.export.provenance import Provenance
from sinklens.results import Capture, HeadMap

SINKFIX_COLUMNS = {
    "index": "index",
    "token": "token",
    "sinkfix_label": "classification",
    "sinkfix_share": "attention_received",
    "sinkfix_value_norm": "value_norm",
}
"""Our column -> the one of SinkFix's sinkfix-token-report.csv with the same numbers."""
STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1b1f24;background:#fff}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;padding:.5rem 0;color:#57606a}"
    "th,td{padding:.25rem .75rem;border-bottom:1px solid #d0d7de;text-align:left;vertical-align:top}"
    "td.number{text-align:right;white-space:nowrap}th{position:sticky;top:0;background:#fff}"
    "@media(prefers-color-scheme:dark){body,th{color:#e6edf3;background:#0d1117}caption{color:#8d96a0}"
    "th,td{border-color:#30363d}}"
)


def tokens_table(capture: Capture) -> pd.DataFrame:
    """One row per token: index, id, token, piece, start, end, special; loss in nats, NaN where unknown."""
    tokens = capture.prompt.tokens
    loss = [float("nan")] * len(tokens)
    if capture.token_loss is not None:
        loss[1:] = capture.token_loss.tolist()
    return pd.DataFrame(
        {
            "index": [token.index for token in tokens],
            "id": [token.id for token in tokens],
            "token": [token.label for token in tokens],
            "piece": [token.piece for token in tokens],
            "start": pd.array([token.start for token in tokens], dtype="Int64"),
            "end": pd.array([token.end for token in tokens], dtype="Int64"),
            "special": [token.is_special for token in tokens],
            "loss": loss,
        }
    )


def layers_table(capture: Capture, stream: str | None = None) -> pd.DataFrame:
    """One row per layer: layer, mean, top, top_head and floor of the first-token share without query 0."""
    curve = layer_curve(capture.profile(stream), "excluding_first")
    return pd.DataFrame(
        {
            "layer": range(len(curve.mean)),
            "mean": curve.mean,
            "top": curve.top,
            "top_head": curve.top_head,
            "floor": curve.floor,
        }
    )


def sinkfix_table(capture: Capture, stream: str | None = None) -> pd.DataFrame:
    """SinkFix's token report in its own columns, for programs that read those.

    Columns: index, token, classification, attention_received (0..1), value_norm (times the mean).
    """
    table = sink_table(capture, stream=stream)
    tokens = table[table["index"] != LEARNED_SINK_INDEX]
    return tokens[list(SINKFIX_COLUMNS)].rename(columns=SINKFIX_COLUMNS)


def map_table(head_map: HeadMap) -> pd.DataFrame:
    """A head's map, one row per query with its label first, one column per key; empty where unseen."""
    keys = [f"{index} {label}" for index, label in enumerate(head_map.key_labels)]
    table = pd.DataFrame(head_map.weights, columns=keys)
    table.insert(0, "query", [f"{index} {label}" for index, label in enumerate(head_map.query_labels)])
    return table


def rows_of(table: pd.DataFrame) -> list[dict]:
    """The rows as JSON types, six decimals; what is not applicable is None."""
    return plain(table.astype(object).where(table.notna(), None).to_dict(orient="records"))


def as_csv(table: pd.DataFrame) -> str:
    """Comma-separated values as in RFC 4180, numbers with six digits, no index column."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\r\n")


def as_json(table: pd.DataFrame, *facts: Provenance | str) -> str:
    """An object with the rows and what they rest on; several runs are a list."""
    each = [fact if isinstance(fact, str) else plain(vars(fact)) for fact in facts]
    rests_on = each[0] if len(each) == 1 else each
    return json.dumps({"provenance": rests_on, "rows": rows_of(table)}, indent=1, ensure_ascii=False)


def as_html(table: pd.DataFrame, facts: Provenance, title: str) -> str:
    """A page of its own that needs no network; everything from the text is escaped."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in table.itertuples(index=False))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>\n<table>"
        f"<caption>{html.escape(facts.caption())}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table></body></html>\n"
    )


def _cell(value) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else ''}</td>"
    if isinstance(value, int | float):
        is_missing = value != value
        return f'<td class="number">{"" if is_missing else format(value, ".6g")}</td>'
    return f"<td>{'' if value is None or value is pd.NA else html.escape(str(value))}</td>"
