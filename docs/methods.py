"""Writes docs/methods.md from the definitions that the app itself shows: `python -m docs.methods`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from sinklens.analysis import received, sink_definitions
from sinklens.analysis.global_metrics import GLOBAL_METRICS
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.metric_definition import MetricDefinition
from sinklens.analysis.pattern_metrics import PATTERN_METRICS

FILE = Path(__file__).parent / "methods.md"
UNITS = {"share": "share of 1", "nats": "nats", "times": "times", "tokens": "tokens", "none": "no unit"}
INTRODUCTION = """# What is measured, and how

Written by `make docs` from the docstrings that the app shows beside its numbers; change those, not this
file.

A[i,k] is the weight that a head's query i gives to key k, both counted from 0; a row sums to 1 over the
keys that the query can see. T is the number of queries, L of layers, H of heads. A causal query sees the
keys up to its own position, and a bidirectional one sees all; which of the two a model is comes from its
configuration. NaN means "not applicable", never zero.

## How attention is read

One function takes the place of the attention of every model that transformers 5 calls through its
`AttentionInterface`. It is handed queries, keys, values, mask, scaling, soft-capping, window and learned
sinks, gives the model's own (fused) output, and beside it adds up block by block what the profile needs, so
that memory grows with T and not with T². Every load is checked: rows sum to 1, the pattern is causal where
the configuration says so, the output equals the model's own, and an ablated head changes it. Families
outside the interface are read from their eager attention, without edits.

Weights follow Vaswani et al. 2017 (arXiv 1706.03762): A = softmax(q·kᵀ / √d + mask), with what a family
adds: rotary positions, soft-capping (Gemma 2), a window (Mistral, Gemma), or a learned sink in the
denominator (GPT-OSS), for which a row sums to less than 1.

## How an edit works

An edit is data (`sinklens.interventions`) and happens inside that function, so that the loss and all later
layers see it; nothing is left behind on the model. An effect is reported with its controls: the same edit
on random tokens, or on random heads, of the same number. Over several texts it has a bootstrap interval.

## What counts as a sink

A token is looked at in three steps: how much it receives beside what uniform attention would give it (the
floor; what is above is the excess), how much is written with it (‖A·v‖ per unit of attention), and what
happens when nobody may look at it. A parking sink receives far more than its floor and writes little; a
content target writes as much as others do; a mixed sink lies between.
"""


def methods() -> str:
    """The whole file."""
    parts = [
        INTRODUCTION,
        "## Definitions of attention received\n",
        *(_received(entry) for entry in received.DEFINITIONS.values()),
        "## Published definitions of a sink\n",
        *(_published(entry) for entry in sink_definitions.DEFINITIONS),
        "## Metrics of a head\n",
        *_metrics(HEAD_METRICS.values()),
        "## Metrics of a head's pattern\n",
        *_metrics(PATTERN_METRICS.values()),
        "## Metrics of the averaged map\n",
        *_metrics(one for key, one in GLOBAL_METRICS.items() if key not in HEAD_METRICS),
    ]
    return "\n".join(parts)


def _received(entry: received.Definition) -> str:
    facts = {"Formula": f"`{entry.formula}`", "Source": entry.source, "Used by": entry.used_by}
    return _section(entry.name, entry.sentence, facts)


def _published(entry: sink_definitions.PublishedDefinition) -> str:
    facts = {"Formula": f"`{entry.formula}`", "A sink when": entry.rule, "Source": entry.source}
    return _section(entry.name, "", facts)


def _metrics(definitions: Iterable[MetricDefinition]) -> list[str]:
    return [_metric(definition) for definition in definitions]


def _metric(definition: MetricDefinition) -> str:
    facts = {
        "Formula": f"`{definition.formula}`",
        "Range": f"{_bound(definition.low)} to {_bound(definition.high)}, {UNITS[definition.unit]}",
        "Direction": definition.direction,
        "Causal models": definition.causal_note,
        "Not applicable": definition.missing_note,
        "Source": definition.source,
    }
    return _section(definition.name, definition.sentence, facts)


def _section(title: str, sentence: str, facts: dict[str, str]) -> str:
    rows = "\n".join(f"- **{name}**: {words}" for name, words in facts.items() if words)
    return "\n".join([f"### {title}\n", *([f"{sentence}\n"] if sentence else []), rows, ""])


def _bound(value: float) -> str:
    if math.isinf(value):
        return "no upper bound" if value > 0 else "no lower bound"
    return f"{value:.3g}"


if __name__ == "__main__":
    FILE.write_text(methods(), encoding="utf-8")
