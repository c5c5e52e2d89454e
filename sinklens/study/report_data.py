"""What a report and head cards are made of, read out of a study's folder at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from sinklens.study.folder import StudyFolder
from sinklens.study.head_card import COLUMNS, NUMBERS
from sinklens.study.records import RUNS, UNEDITED, Progress
from sinklens.study.report_numbers import HeadSpread, head_spread

SPREAD_COLUMN = "first_token_share"
"""The number of the report's maps over heads."""
LARGE_COLUMNS = ("tokens", "sinks")
"""Columns of runs that no report shows."""
TEXT_COLUMNS = ["text_id", "hash", "category", "source", "n_chars", "n_copies", "text"]


@dataclass(frozen=True, eq=False)
class ReportData:
    """A study as a report shows it."""

    about: Mapping
    """study.json"""
    yaml: str
    """The study file as it was given; empty when it is not there."""
    models: Mapping[str, Mapping]
    """Facts of every model, or why it did not load."""
    texts: pd.DataFrame
    runs: pd.DataFrame
    failures: pd.DataFrame
    heads: Mapping[str, HeadSpread]
    """First-token share of every model's heads, where heads were measured."""
    progress: Progress | None
    made: str
    """UTC time at which the folder was read."""

    @property
    def title(self) -> str:
        return str(self.about.get("name") or "Study")

    @property
    def is_partial(self) -> bool:
        return self.progress is not None and self.progress.state != "done"

    @property
    def n_positions(self) -> int | None:
        """Positions that the study file wants shown."""
        return (self.about.get("plan") or {}).get("show", {}).get("max_tokens")

    @property
    def layers(self) -> tuple[int, ...] | None:
        """Layers that the study file wants shown; None: all."""
        layers = (self.about.get("plan") or {}).get("show", {}).get("layers")
        return None if layers is None else tuple(layers)


def read_report(folder: StudyFolder) -> ReportData:
    """Everything that a report shows, of what is finished now.

    Raises
    ------
    BadStudy
        The folder holds no study.
    """
    about = folder.about()
    runs = folder.runs([name for name in RUNS.names if name not in LARGE_COLUMNS]).to_pandas()
    # Pieces come in the order in which they are named; the study file has an order of its own.
    place = {model: index for index, model in enumerate(about.get("models") or ())}
    order = pd.DataFrame({"model": runs["model"].map(place), "text": runs["text_id"]})
    runs = runs.iloc[np.lexsort((order["text"], order["model"]))].reset_index(drop=True)
    return ReportData(
        about=about,
        yaml=folder.yaml(),
        models=dict(sorted(folder.models().items(), key=lambda item: place.get(item[0], 0))),
        texts=folder.texts(TEXT_COLUMNS).to_pandas(),
        runs=runs,
        failures=folder.failures().to_pandas(),
        heads=_heads(folder, runs["model"].unique()),
        progress=folder.progress(),
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _heads(folder: StudyFolder, models: Sequence[str]) -> dict[str, HeadSpread]:
    columns, found = ["text_id", "layer", "head", SPREAD_COLUMN], {}
    for model in models:
        heads = folder.heads(columns, model=model, condition=UNEDITED).to_pandas()
        if heads[SPREAD_COLUMN].notna().any():
            found[model] = head_spread(heads, SPREAD_COLUMN)
    return found


class TokenLabels(Mapping):
    """Text id -> labels of the tokens that a model read, kept as Arrow keeps them."""

    def __init__(self, folder: StudyFolder, model: str) -> None:
        table = folder.runs(["text_id", "tokens"], model=model, condition=UNEDITED)
        table = table.filter(pc.is_valid(table["tokens"]))
        self._labels = table["tokens"]
        self._row = {int(text_id): row for row, text_id in enumerate(table["text_id"].to_numpy())}

    def __getitem__(self, text_id: int) -> list[str]:
        return self._labels[self._row[int(text_id)]].as_py()

    def __contains__(self, text_id: object) -> bool:
        return text_id in self._row

    def __iter__(self) -> Iterator[int]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def rows_by_head(folder: StudyFolder, model: str) -> Iterator[pd.DataFrame]:
    """The unedited rows of one head after the other, one per text; one layer is in memory at a time."""
    layers = folder.heads(["layer"], model=model, condition=UNEDITED)["layer"].to_numpy()
    for layer in np.unique(layers):
        rows = folder.heads(COLUMNS, model=model, condition=UNEDITED, layer=int(layer)).to_pandas()
        for _, of_head in rows.groupby("head"):
            yield of_head


def has_heads(folder: StudyFolder, model: str) -> bool:
    """Did the study measure this model's heads?"""
    numbers = folder.heads(list(NUMBERS)[:1], model=model, condition=UNEDITED)
    return numbers.num_rows > 0 and numbers.column(0).null_count < numbers.num_rows
