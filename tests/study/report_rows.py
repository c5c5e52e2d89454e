"""Rows of a study with known numbers, in the store's own schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sinklens.study.folder import StudyFolder
from sinklens.study.records import FAILURES, HEADS, RUNS, TEXTS, Progress


def table(schema: pa.Schema, rows: Iterable[Mapping]) -> pa.Table:
    """Rows as the store holds them: every column of the schema, null where a row says nothing."""
    rows = list(rows)
    columns = {item.name: pa.array([row.get(item.name) for row in rows], item.type) for item in schema}
    return pa.table(columns, schema=schema)


def frame(schema: pa.Schema, rows: Iterable[Mapping]) -> pd.DataFrame:
    return table(schema, rows).to_pandas()


def run(text_id: int, model: str = "m", condition: str = "unedited", **numbers) -> dict:
    """One row of runs; an edit's control is named "edit: control"."""
    edit, _, control = condition.partition(": ")
    kind = "unedited" if condition == "unedited" else "control" if control else "edit"
    of = "" if kind == "unedited" else edit
    return {
        "text_id": text_id,
        "category": "prose",
        "model": model,
        "condition": condition,
        "kind": kind,
        "of": of,
        **numbers,
    }


def runs_of(rows: Iterable[Mapping]) -> pd.DataFrame:
    return frame(RUNS, rows)


def heads_of(rows: Iterable[Mapping]) -> pd.DataFrame:
    return frame(HEADS, rows)


def failures_of(rows: Iterable[Mapping]) -> pd.DataFrame:
    return frame(FAILURES, rows)


def texts_of(*texts: str) -> pd.DataFrame:
    return frame(TEXTS, _text_rows(texts))


def write_study(
    path: Path,
    *,
    n_texts: int = 6,
    models: tuple[str, ...] = ("m",),
    n_layers: int = 2,
    n_heads: int = 3,
    state: str = "done",
    name: str = "A small study",
) -> StudyFolder:
    """A folder as a study leaves it; text t of every model has a first-token share of 0.1 t + 0.05."""
    folder = StudyFolder(path)
    slugs = {model: f"{model}-slug" for model in models}
    about = {
        "schema": "sinklens/study/1",
        "name": name,
        "study_hash": "h" * 64,
        "models": slugs,
        "seeds": [0],
    }
    about |= {"texts": {"n": n_texts, "n_repeated": 0, "sha256": "t" * 64}, "made": "2026-11-21T20:00:00Z"}
    about |= {"versions": {"torch": "2.9"}, "plan": {"show": {"layers": None, "max_tokens": 8}}}
    folder.write_json("study.json", about)
    folder.write_text("study.yaml", f"name: {name}\nmodels: [{', '.join(models)}]\ntexts: [a text]\n")
    texts = table(TEXTS, _text_rows([f"Text number {i}." for i in range(n_texts)]))
    folder.write_parquet("texts.parquet", lambda place: pq.write_table(texts, place))
    for model, slug in slugs.items():
        facts = {"name": model, "family": "gpt2", "n_layers": n_layers, "n_heads": n_heads, "is_causal": True}
        folder.write_json(f"models/{slug}.json", facts)
        runs = [
            run(t, model, first_share=0.05 + 0.1 * t, first_floor=0.1, first_excess=0.1 * t, entropy=0.5)
            | {"received_by_position": [0.05 + 0.1 * t, 0.02, 0.01], "tokens": [f"w{i}" for i in range(20)]}
            for t in range(n_texts)
        ]
        heads = [
            run(t, model) | {"layer": layer, "head": head, "first_token_share": 0.1 * layer + 0.01 * t}
            | {"type": "mixed", "peak_norm": float(t + 1), "peak_query": 9, "peak_key": 3, "peak_weight": 0.5}
            for t in range(n_texts) for layer in range(n_layers) for head in range(n_heads)
        ]  # fmt: skip
        tables = {"runs": table(RUNS, runs), "heads": table(HEADS, heads), "failures": table(FAILURES, [])}
        folder.write_shard(f"{slug}-0", tables)
    n_all = n_texts * len(models)
    folder.write_progress(Progress(state, n_all, n_all, 100.0, 100.0, 50.0, 0.0, 0))
    return folder


def _text_rows(texts: Iterable[str]) -> list[dict]:
    return [
        {"text_id": i, "hash": f"{i:064x}", "kind": "text", "category": "prose", "source": "inline",
         "n_chars": len(text), "n_copies": 1, "text": text}
        for i, text in enumerate(texts)
    ]  # fmt: skip
