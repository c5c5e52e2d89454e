"""The rows of one shard while they are gathered."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(eq=False)
class ShardRows:
    """Rows of the three tables for one model."""

    model: str
    failures: list[dict] = field(default_factory=list)
    _runs: dict[tuple, dict] = field(default_factory=dict)
    _heads: list[pa.Table] = field(default_factory=list)

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
        chosen = [layer for layer in range(n_layers) if layers is None or layer in layers]
        n = len(chosen) * n_heads
        place = {"layer": np.repeat(chosen, n_heads), "head": np.tile(np.arange(n_heads), len(chosen))}
        arrays = []
        for entry in HEADS:
            if entry.name in key:
                value = pa.scalar(key[entry.name], entry.type)
                arrays.append(pa.repeat(value, n))
            elif entry.name in place:
                arrays.append(pa.array(place[entry.name], entry.type))
            elif entry.name in columns:
                arrays.append(_flat(columns[entry.name][chosen], entry.type))
            else:
                arrays.append(pa.nulls(n, entry.type))
        self._heads.append(pa.Table.from_arrays(arrays, schema=HEADS))

    def tables(self) -> dict[str, pa.Table]:
        """The tables of the shard, rows in the order of texts, conditions and heads."""
        order = [("text_id", "ascending"), ("kind", "descending"), ("condition", "ascending")]
        order.append(("seed", "ascending"))
        heads = pa.concat_tables([HEADS.empty_table(), *self._heads])
        return {
            "runs": pa.Table.from_pylist(list(self._runs.values()), schema=RUNS).sort_by(order),
            "heads": heads.sort_by([*order, ("layer", "ascending"), ("head", "ascending")]),
            "failures": pa.Table.from_pylist(self.failures, schema=FAILURES).sort_by(order),
        }


def _flat(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """One column's values, heads of a layer together."""
    flat = values.reshape(-1)
    if flat.dtype == object:
        return pa.array(flat.tolist(), kind)
    if pa.types.is_floating(kind):
        flat = flat.astype(np.float32)
    return pa.array(flat, kind)
