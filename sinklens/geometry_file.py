"""Mean contributions of sinks as one safetensors file: vectors as tensors, what they rest on as metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from safetensors.numpy import save

from sinklens.geometry_records import SinkRule, SinkStatistics
from sinklens.version import VERSION

FORMAT = "sinklens-sink-means-1"
DEFINITION = (
    "mean over queries of c_i = sum over heads and sinks of A[h, i, k] v_k W_O^h, before any normalisation "
    "of the attention output and without the bias of the output projection; queries that are sinks or see "
    "none are left out"
)


def mean_vectors_file(
    vectors: Mapping[str, np.ndarray],
    *,
    model: str,
    revision: str,
    stream: str,
    rule: SinkRule,
    parts: Sequence[SinkStatistics],
) -> bytes:
    """The file's bytes.

    Parameters
    ----------
    vectors : by name, float32 arrays of shape (L, width)
    parts : the texts, with the sinks of each, that the vectors rest on
    """
    texts = [
        {
            "text": part.text,
            "sinks": list(part.sinks),
            "sink_labels": list(part.sink_labels),
            "first_token": part.first_id,
            "first_label": part.first_label,
            "n_tokens": part.n_tokens,
            "n_queries": part.sums.n_queries.astype(int).tolist(),
        }
        for part in parts
    ]
    metadata = {
        "format": FORMAT,
        "sinklens": VERSION,
        "model": model,
        "revision": revision,
        "stream": stream,
        "sink_set": rule.sentence(),
        "definition": DEFINITION,
        "texts": json.dumps(texts, ensure_ascii=True),
    }
    arrays = {name: np.ascontiguousarray(values, np.float32) for name, values in vectors.items()}
    return save(arrays, metadata)
