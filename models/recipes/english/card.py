"""
Writes the card of the English pipeline from its measured scores.
"""

from dataclasses import dataclass

from models.recipes.english.training import SCORES
from models.recipes.english.vectors import N_WORDS, SETTINGS


@dataclass(frozen=True)
class Target:
    """A score on raw text and the bound that it should reach."""

    key: str
    bound: float


TARGETS = (Target("pos_acc", 0.93), Target("ents_f", 0.70))
MAX_BYTES = 15_000_000

FRONT_MATTER = """\
---
license: cc-by-sa-4.0
language: en
library_name: spacy
---
"""
TEXT = f"""\
## Text and licence

- Tags, features, heads and sentences: the English Web Treebank of Universal Dependencies
  (Silveira et al., 2014; version 2.15), CC BY-SA 4.0: weblogs, newsgroups, e-mails, reviews, answers.
- Entities: Universal NER (Mayhew et al., 2024) on the same sentences, CC BY-SA 4.0: persons (PER),
  places (LOC), organisations (ORG).
- Word vectors: floret, {SETTINGS["dim"]} numbers a row, {SETTINGS["bucket"]:,} rows, trained on
  {N_WORDS / 1e6:g} million words of featured articles of English Wikipedia, CC BY-SA 3.0.

The pipeline is passed on under CC BY-SA 4.0. Made by `python -m models.recipes.english`.
"""
USE = """\
## Use

`spacy.load` of this folder; SinkLens does so where none of spaCy's own English pipelines is installed.
For English only, best on everyday prose. Other languages get English tags, which mean nothing.
"""


def score_table(scores: dict[str, dict[str, float]]) -> str:
    """Return the table of all scores; one column for each way of measuring."""
    ways = list(scores)
    lines = [f"| Measured on the test split | {' | '.join(ways)} |", "|---|" + "---|" * len(ways)]
    for key, label in SCORES.items():
        lines.append(f"| {label} | " + " | ".join(f"{100 * scores[way][key]:.1f}" for way in ways) + " |")
    return "\n".join(lines) + "\n"


def target_lines(scores: dict[str, dict[str, float]], n_bytes: int) -> str:
    """Return one line per target: asked, measured, met or missed."""
    from_text = scores["from raw text"]
    lines = [
        f"- {SCORES[target.key]}, from raw text: at least {100 * target.bound:g} asked, "
        f"{100 * from_text[target.key]:.1f} reached, {verdict(from_text[target.key] >= target.bound)}."
        for target in TARGETS
    ]
    size = f"{n_bytes / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} asked, {verdict(n_bytes <= MAX_BYTES)}."
    return "\n".join([*lines, f"- Size: {size}"]) + "\n"


def verdict(is_met: bool) -> str:
    """Return the word of a target's line."""
    return "met" if is_met else "**missed**"


def pipeline_card(scores: dict[str, dict[str, float]], n_bytes: int) -> str:
    """Return the whole card; every number is measured, none is typed in by hand."""
    parts = (
        FRONT_MATTER,
        "# English pipeline\n\nA small spaCy pipeline: tags, features, heads, sentences, entities.\n",
        "## Measured\n\n" + target_lines(scores, n_bytes) + "\n" + score_table(scores),
        TEXT,
        USE,
    )
    return "\n".join(parts)
