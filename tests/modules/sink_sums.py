"""Made contributions of sinks, as a study of them would hold."""

from __future__ import annotations

import numpy as np

from sinklens.analysis.sink_geometry import layer_sums
from sinklens.geometry_records import SinkRule, SinkStatistics, SinkStudy, SinkSums

LABELS = ["<bos>", "·cat", "<b>x</b>", "·cat", "."]
NBSP, MINUS = "\xa0", "\N{MINUS SIGN}"


def sums_of(by_layer, weight=None, rest=1.0) -> SinkSums:
    """Contributions (n, d) of every layer; one head."""
    layers = []
    for c in by_layer:
        c = np.asarray(c, float)
        w = np.ones((1, len(c))) if weight is None else np.asarray(weight, float)[None]
        norm = np.linalg.norm(c, axis=1)[None]
        layers.append(layer_sums(c, np.full_like(c, rest), w, norm, np.full_like(norm, 3.0)))
    return SinkSums(**{name: np.stack([layer[name] for layer in layers]) for name in layers[0]})


def statistics(sums, text="A text.", first="<bos>", sinks=(0,), **facts) -> SinkStatistics:
    facts = {"is_found": True, "is_replaced": False, **facts}
    labels = tuple(LABELS[key] for key in sinks)
    return SinkStatistics(
        text,
        "self",
        sinks,
        labels,
        n_tokens=5,
        is_causal=True,
        first_id=1,
        first_label=first,
        sums=sums,
        **facts,
    )


def study_of(rows, **facts) -> SinkStudy:
    """Rows of contributions (n, d) by first token and text; one layer."""
    own, *others = [
        tuple(
            statistics(sums_of([c]), text=f"Text {i}.", first=first, is_replaced=first != "<bos>")
            for i, c in enumerate(row)
        )
        for first, row in rows.items()
    ]
    texts = tuple(part.text for part in own)
    facts = {"rule": SinkRule(), "stream": "self", **facts}
    return SinkStudy("tiny", "rev", texts=texts, own=own, replaced=tuple(others), **facts)
