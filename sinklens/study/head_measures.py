"""Every head's numbers in one text: each measurement gives arrays (L, H) for columns of HEADS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.influence import ratio_to_others
from sinklens.analysis.shares import share_by_head, share_floor
from sinklens.capture.head_maps import layer_inputs
from sinklens.capture.head_profile import profile_heads
from sinklens.capture.scores import attention_rows
from sinklens.errors import NotCaptured
from sinklens.study.run_measures import Measured

TYPE_COLUMNS = {
    "type": "type",
    "confidence": "type_confidence",
    "score": "type_score",
    "sink_share": "sink_share",
    "rest_entropy": "rest_entropy",
    "dormant": "dormant",
}
"""Column of `head_types` -> column of HEADS."""


def heads(measured: Measured) -> dict[str, np.ndarray]:
    profile = measured.profile
    columns = {key: head_metric(profile, key) for key in HEAD_METRICS}
    for name in ("raw", "tail", "last"):
        columns[f"first_token_{name}"] = share_by_head(profile, name)
    shape = (profile.n_layers, profile.n_heads)
    columns["first_token_floor"] = np.broadcast_to(share_floor(profile, "excluding_first")[:, None], shape)
    for name, norms in (("key", profile.k_norm), ("value", profile.v_norm), ("write", profile.vo_norm)):
        columns[f"first_{name}_ratio"] = ratio_to_others(norms)[:, :, 0]
    return columns


def types(measured: Measured) -> dict[str, np.ndarray]:
    profile = measured.profile
    table = profile_heads(measured.capture, None, measured.reader).table
    shape = (profile.n_layers, profile.n_heads)
    return {ours: table[theirs].to_numpy().reshape(shape) for theirs, ours in TYPE_COLUMNS.items()}


def excerpts(measured: Measured) -> dict[str, np.ndarray]:
    """Where each head writes most: the query, and the key (not the first) that it looks at most there."""
    profile, capture = measured.profile, measured.capture
    if profile.n_queries < 2 or np.isnan(profile.out_norm).all():
        raise NotCaptured("Where heads write needs value vectors and a text of two tokens or more.")
    query = 1 + profile.out_norm[:, :, 1:].argmax(axis=2)
    norm = np.take_along_axis(profile.out_norm, query[:, :, None], axis=2)[:, :, 0]
    key, weight = np.zeros_like(query), np.zeros(query.shape)
    for layer in range(profile.n_layers):
        q, k, rules, edits = layer_inputs(capture, profile.stream, layer)
        for at in np.unique(query[layer]):
            rows = slice(int(at), int(at) + 1)
            chosen = np.flatnonzero(query[layer] == at)
            row = attention_rows(q, k, rules, edits, rows)[1][chosen, 0, 1:].numpy()
            if row.shape[1]:
                key[layer, chosen], weight[layer, chosen] = 1 + row.argmax(axis=1), row.max(axis=1)
    return {"peak_query": query, "peak_key": key, "peak_norm": norm, "peak_weight": weight}


HEAD_MEASURES: dict[str, Callable[[Measured], dict[str, np.ndarray]]] = {
    "heads": heads,
    "head_types": types,
    "excerpts": excerpts,
}
"""Measurement -> columns of HEADS; each may raise a SinkLensError that says why it does not apply."""
