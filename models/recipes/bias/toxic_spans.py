"""
SemEval-2021 toxic spans (Pavlopoulos et al. 2021), CC0: characters that annotators found toxic.

They are the marks of unfair wording. What the posts say about groups was not annotated, so
stereotypes are not known here. The splits are the task's own, "trial" taken as dev; a post that
stands in two of them is left out of the first.
"""

import ast
import csv
import lzma
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from models.recipes.bias.examples import Example, Spans

FILES = {"train": "tsd_train.csv.xz", "dev": "tsd_trial.csv.xz", "test": "tsd_test.csv.xz"}


def runs(characters: list[int]) -> Spans:
    """Return the runs of consecutive numbers as (first, last + 1)."""
    numbered = enumerate(sorted(set(characters)))
    groups = [[at for _, at in group] for _, group in groupby(numbered, lambda pair: pair[1] - pair[0])]
    return [(group[0], group[-1] + 1) for group in groups]


def read_toxic_spans(folder: Path) -> Iterator[Example]:
    """Yield the posts of all splits."""
    seen: set[str] = set()
    for split in ("test", "dev", "train"):
        with lzma.open(folder / FILES[split], "rt", encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if row["text"].strip() in seen:
                    continue
                seen.add(row["text"].strip())
                marks = {"unfair": runs(ast.literal_eval(row["spans"]))}
                yield Example(row["text"], "toxic spans", "post", split, marks)
