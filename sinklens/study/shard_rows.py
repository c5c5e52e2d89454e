"""The rows of one shard while they are gathered."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import pyarrow as pa

from sinklens.study.records import FAILURES, HEADS, KEYS, RUNS


@dataclass(frozen=True)
class Condition:
    """What every row of one way to run a text begins with."""

    name: str
    kind: str
    of: str
    seed: int | None = None


@dataclass(frozen=True, eq=False)
class _HeadRows:
    """The heads of one text."""

    key: dict
    columns: dict[str, np.ndarray]
    """(n,) heads of a layer together."""
    n: int


@dataclass(eq=False)
class ShardRows:
    """Rows of the three tables for one model."""

    model: str
    failures: list[dict] = field(default_factory=list)
    _runs: dict[tuple, dict] = field(default_factory=dict)
    _heads: list[_HeadRows] = field(default_factory=list)

    def key(self, text: dict, condition: Condition) -> dict:
        """The key columns of a text under a condition."""
        values = (text["text_id"], text["category"], self.model)
        return dict(
            zip(KEYS, (*values, condition.name, condition.kind, condition.of, condition.seed), strict=True)
        )

    def fail(self, text: dict, condition: Condition, stage: str, reason: str, measurement: str = "") -> None:
        """List something that could not be done."""
        told = {"stage": stage, "measurement": measurement, "reason": reason}
        self.failures.append(self.key(text, condition) | told)

    def add_run(self, key: dict, columns: dict) -> None:
        """Columns of one run; those of the same run make one row."""
        self._runs.setdefault(tuple(key.values()), dict(key)).update(columns)

    def add_heads(self, key: dict, columns: dict[str, np.ndarray], layers: tuple[int, ...] | None) -> None:
        """Rows for the heads of one text; every column is (L, H)."""
        n_layers, n_heads = next(iter(columns.values())).shape
        chosen = np.array([layer for layer in range(n_layers) if layers is None or layer in layers], int)
        flat = {name: values[chosen].reshape(-1) for name, values in columns.items()}
        flat["layer"], flat["head"] = np.repeat(chosen, n_heads), np.tile(np.arange(n_heads), len(chosen))
        self._heads.append(_HeadRows(key, flat, len(chosen) * n_heads))

    def tables(self) -> dict[str, pa.Table]:
        """The tables of the shard, rows in the order of texts, conditions and heads."""
        order = [("text_id", "ascending"), ("kind", "descending"), ("condition", "ascending")]
        order.append(("seed", "ascending"))
        heads = pa.Table.from_arrays([_column(entry, self._heads) for entry in HEADS], schema=HEADS)
        return {
            "runs": pa.Table.from_pylist(list(self._runs.values()), schema=RUNS).sort_by(order),
            "heads": heads.sort_by([*order, ("layer", "ascending"), ("head", "ascending")]),
            "failures": pa.Table.from_pylist(self.failures, schema=FAILURES).sort_by(order),
        }


def _column(entry: pa.Field, texts: list[_HeadRows]) -> pa.ChunkedArray:
    """One column of HEADS, made at once for neighbours that have it: a table for each text takes long."""
    chunks = []
    if entry.name in KEYS:
        values = pa.array([text.key[entry.name] for text in texts], entry.type)
        chunks.append(values.take(pa.array(np.repeat(np.arange(len(texts)), [text.n for text in texts]))))
        return pa.chunked_array(chunks, entry.type)
    for is_there, group in groupby(texts, lambda text: entry.name in text.columns):
        rows = list(group)
        if is_there:
            chunks.append(_flat(np.concatenate([text.columns[entry.name] for text in rows]), entry.type))
        else:
            chunks.append(pa.nulls(sum(text.n for text in rows), entry.type))
    return pa.chunked_array(chunks, entry.type)


def _flat(flat: np.ndarray, kind: pa.DataType) -> pa.Array:
    if flat.dtype == object:
        return pa.array(flat.tolist(), kind)
    if pa.types.is_floating(kind):
        flat = flat.astype(np.float32)
    return pa.array(flat, kind)
