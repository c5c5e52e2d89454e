"""A sink analysis as plain data: everything that another person needs to compare it with their own."""

from __future__ import annotations

from importlib.metadata import version

import pandas as pd

from sinklens.analysis.influence import mean_ratio_by_layer, ratio_to_others
from sinklens.analysis.plain_data import plain
from sinklens.analysis.received import attention_received, definition_of, mean_over
from sinklens.analysis.shares import explorer_numbers, layer_curve, sink_rate, top_head
from sinklens.analysis.sink_definitions import definition_readings
from sinklens.analysis.sink_kinds import FoundSink, found_sinks
from sinklens.analysis.sink_summary import label_counts, main_finding
from sinklens.analysis.sinks import Thresholds, hidden_norms
from sinklens.results import Capture, Profile
from sinklens.version import VERSION

SCHEMA = "sinklens/sinks/1"
PACKAGES = ("numpy", "pandas", "torch", "transformers")
RATES_EPSILON = (0.2, 0.3, 0.4, 0.5, 0.8)


def sink_report(
    capture: Capture, table: pd.DataFrame, *, definition: str, stream: str | None, thresholds: Thresholds
) -> dict:
    """Everything on the Sinks page as JSON types; NaN becomes None.

    Shares are 0..1; ratios are to the mean of the other tokens; layers and heads from 0.
    """
    profile = capture.profile(stream)
    entry = definition_of(definition)
    curve = layer_curve(profile, definition)
    report = {
        "schema": SCHEMA,
        "finding": main_finding(table),
        "model": _model(capture),
        "text": capture.prompt.text,
        "stream": profile.stream,
        "T": profile.n_keys,
        "definition": {
            "key": entry.key,
            "name": entry.name,
            "formula": entry.formula,
            "source": entry.source,
        },
        "thresholds": {
            "excess": thresholds.excess,
            "write_ratio": thresholds.write_ratio,
            "n_tokens": thresholds.n_tokens,
            "n_viewers": thresholds.n_viewers,
            "epsilon": thresholds.epsilon,
            "sinkfix_share": thresholds.sinkfix.share,
            "sinkfix_value_ratio": thresholds.sinkfix.value_ratio,
        },
        "counts": label_counts(table),
        "sinks": [_sink(profile, sink) for sink in found_sinks(table, capture.key_prompt(stream))],
        "tokens": _tokens(capture, table, stream),
        "heads": _heads(profile),
        "layers": [
            {"mean": share, "floor": floor} for share, floor in zip(curve.mean, curve.floor, strict=True)
        ],
        "aggregate": _aggregate(profile),
        "interventions": [edit.sentence() for edit in capture.request.interventions],
        "versions": {"sinklens": VERSION} | {name: version(name) for name in PACKAGES},
    }
    return plain(report)


def _model(capture: Capture) -> dict:
    model = capture.model
    return {
        "name": model.name,
        "arch": model.architecture,
        "hash": model.revision,
        "layers": model.n_layers,
        "heads": model.n_heads,
        "pos_encoding": model.positions,
        "is_causal": model.is_causal,
        "dtype": model.dtype,
        "bos_used": capture.prompt.bos_added,
        "bos_token": model.bos_token,
    }


def _sink(profile: Profile, sink: FoundSink) -> dict:
    """One sink with its kind and what every published definition says of it."""
    readings = [
        {
            "key": reading.definition.key,
            "raw": reading.numbers.raw,
            "excluding_query_0": reading.numbers.excluded,
            "floor": reading.numbers.floor,
            "excess": reading.excess,
            "is_sink": reading.is_sink,
            "verdict": reading.verdict,
        }
        for reading in definition_readings(profile, sink.position)
    ]
    return {"k": sink.position, "str": sink.label, "kind": sink.kind, "definitions": readings}


def _tokens(capture: Capture, table: pd.DataFrame, stream: str | None) -> list[dict]:
    """The rows of the table, with the norm ratios of every layer."""
    profile = capture.profile(stream)
    prompt = capture.key_prompt(stream)
    by_layer = {
        "value_norm": mean_ratio_by_layer(profile.v_norm),
        "key_norm": mean_ratio_by_layer(profile.k_norm),
        "hidden_norm": ratio_to_others(hidden_norms(capture, stream)),
    }
    rows = table.rename(columns={"index": "k", "token": "str", "received": "alpha", "reason": "label_reason"})
    rows = rows.to_dict(orient="records")
    for row in rows:
        if row["k"] >= 0:
            row["id"] = prompt.tokens[row["k"]].id
            row |= {name: norms[:, row["k"]] for name, norms in by_layer.items()}
    return rows


def _heads(profile) -> list[list[dict]]:
    """First-token numbers of every head, [layer][head]."""
    columns = {
        "a_incl": attention_received(profile, "eligible")[:, :, 0],
        "a_excl": attention_received(profile, "excluding_first")[:, :, 0],
        "a_tail": attention_received(profile, "tail")[:, :, 0],
        "a_last": attention_received(profile, "last")[:, :, 0],
        "entropy": mean_over(profile.entropy, axis=2),
        "out_norm": mean_over(profile.out_norm, axis=2),
    }
    return [
        [{name: values[layer, head] for name, values in columns.items()} for head in range(profile.n_heads)]
        for layer in range(profile.n_layers)
    ]


def _aggregate(profile) -> dict:
    numbers = explorer_numbers(profile)
    top = top_head(profile)
    rates = {f"{epsilon:g}": sink_rate(profile, epsilon) for epsilon in RATES_EPSILON}
    return {
        "first_token_pct": numbers.percent,
        "max_head_pct": numbers.max_head_percent,
        "strength": numbers.strength,
        "ratio": numbers.ratio,
        "progression": numbers.progression,
        "sink_rate": {epsilon: rate.value for epsilon, rate in rates.items()},
        "sink_rate_is_reliable": rates["0.3"].is_reliable,
        "floor": rates["0.3"].floor,
        "top_head": {"layer": top.layer, "head": top.head, "share": top.share, "floor": top.floor},
    }
