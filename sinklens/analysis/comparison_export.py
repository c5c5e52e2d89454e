"""A comparison as plain data, to be taken away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sinklens.analysis.comparison import Comparison, Side
from sinklens.analysis.plain_data import plain
from sinklens.analysis.token_alignment import TokenAlignment

SCHEMA = "sinklens/comparison/1"


def comparison_export(comparison: Comparison, finding: str) -> dict:
    """Everything but the maps, as JSON types; differences are A - B, shares 0..1, losses nats."""
    heads, loss = comparison.heads, comparison.loss
    return plain(
        {
            "schema": SCHEMA,
            "finding": finding,
            "sides": {"A": _side(comparison.a), "B": _side(comparison.b)},
            "alignment": {
                "unit": comparison.keys.unit,
                "method": comparison.keys.method,
                "groups": alignment_frame(comparison.keys).to_dict(orient="records"),
            },
            "metrics": comparison.metrics.to_dict(orient="records"),
            "attention_received": comparison.received("eligible").to_dict(orient="records"),
            "sinks": comparison.sinks.to_dict(orient="records"),
            "layers": {
                rule: {"partner": match.partner, "r": match.score, "how": match.sentence}
                for rule, match in comparison.layers.items()
            },
            "heads": comparison.heads_missing
            if heads is None
            else {
                "rule": heads.rule,
                "compared": heads.kind,
                "threshold": heads.threshold,
                "table": heads.table.to_dict(orient="records"),
            },
            "predictions": comparison.predictions_missing or comparison.predictions.to_dict(orient="records"),
            "loss": comparison.loss_missing
            if loss is None
            else {
                "a": loss.mean("A"),
                "b": loss.mean("B"),
                "bits_per_byte_a": loss.bits_per_byte("A"),
                "bits_per_byte_b": loss.bits_per_byte("B"),
                "n_bytes": loss.n_bytes,
                "by": "token" if loss.is_by_token else "group of tokens",
            },
        }
    )


def alignment_frame(alignment: TokenAlignment) -> pd.DataFrame:
    """One row per group: group, label, tokens_a, tokens_b (positions with spaces between), place, special."""
    return pd.DataFrame(
        [
            {
                "group": index,
                "label": group.label,
                "tokens_a": " ".join(map(str, group.a)),
                "tokens_b": " ".join(map(str, group.b)),
                "place": group.place,
                "special": group.is_special,
            }
            for index, group in enumerate(alignment.groups)
        ]
    )


def loss_frame(comparison: Comparison) -> pd.DataFrame:
    """One row per group that both sides predict: group, label, loss_a, loss_b, delta (nats)."""
    loss = comparison.loss
    at = np.flatnonzero(loss.counted)
    return pd.DataFrame(
        {
            "group": at,
            "label": [comparison.text.groups[i].label for i in at],
            "loss_a": loss.a[at],
            "loss_b": loss.b[at],
            "delta": loss.delta,
        }
    )


def _side(side: Side) -> dict:
    request, model = side.capture.request, side.capture.model
    return {
        "model": model.name,
        "revision": model.revision,
        "stream": side.stream,
        "is_causal": side.profile.is_causal,
        "text": request.text,
        "target": request.target,
        "bos_added": side.capture.prompt.bos_added,
        "edits": [edit.sentence() for edit in request.interventions],
        "tokens": side.keys.labels,
    }
