"""The head cards of a study as a folder of static files, which any web server, or none, can show.

    out/
      index.html            the models; leads to the one model's list where there is only one
      <model>/index.html    the list of heads
      <model>/heads.json    the means behind it
      <model>/heads/3-2.html, 3-2.json   one head: loaded when it is opened

One head is read, drawn and written at a time, so that memory does not grow with heads or texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from sinklens.analysis.plain_data import plain
from sinklens.errors import RunCancelled
from sinklens.study.head_card import NUMBERS, HeadCard, head_card
from sinklens.study.head_card_index import HeadLine, index_html, models_html
from sinklens.study.head_card_page import card_html, card_json


def write_cards(
    out: Path,
    rows: Iterable[pd.DataFrame],
    tokens: Mapping[int, Sequence[str]],
    *,
    model: str,
    study: str,
    on_head: Callable[[HeadCard], None] = lambda card: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Write the cards of one model into `out`, and give how many there are.

    Parameters
    ----------
    rows : per head its unedited rows, one per text
    tokens : text id -> labels of the tokens that were read
    on_head : told of every card that was written

    Raises
    ------
    RunCancelled
        It was stopped between two heads; what is there stays.
    """
    folder = out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for of_head in rows:
        if is_cancelled():
            raise RunCancelled("The head cards were stopped.")
        card = head_card(of_head, tokens)
        line = HeadLine.of(card)
        (folder / f"{line.stem}.html").write_text(card_html(card, model), "utf-8")
        (folder / f"{line.stem}.json").write_text(card_json(card, model), "utf-8")
        lines.append(line)
        on_head(card)
    if lines:
        (out / "index.html").write_text(index_html(lines, model, study), "utf-8")
        (out / "heads.json").write_text(_means(lines, model, study), "utf-8")
    return len(lines)


def write_models(out: Path, models: Sequence[tuple[str, str, int]], study: str) -> None:
    """Write the first page: (name, folder, number of heads) of every model with cards."""
    (out / "index.html").write_text(models_html(models, study), "utf-8")


def _means(lines: Sequence[HeadLine], model: str, study: str) -> str:
    facts = {
        "study": study,
        "model": model,
        "numbers": {column: {"name": name, "unit": unit} for column, (name, unit) in NUMBERS.items()},
        "heads": [{**asdict(line), "means": dict(zip(NUMBERS, line.means, strict=True))} for line in lines],
    }
    return json.dumps(plain(facts), ensure_ascii=False, allow_nan=False)
