"""What the labels of a token classifier mean, and from which probability each counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sinklens.bias_records import CATEGORIES, GUS_LABELS
from sinklens.errors import BadSelection, ModelRefused

PUBLISHED_THRESHOLDS = {
    "gus-net-bert": (0.4265, 0.4071, 0.3938, 0.3462, 0.3669, 0.3184, 0.3630),
    "gus-net-bert-large": (0.5194, 0.4882, 0.5640, 0.4915, 0.4429, 0.5264, 0.5000),
    "gus-net-gpt2": (0.4250, 0.3977, 0.3500, 0.3617, 0.3913, 0.3278, 0.4174),
    "gus-net-gpt2-medium": (0.5090, 0.5500, 0.5500, 0.4814, 0.6376, 0.4170, 0.5252),
}
"""Last part of a hub id -> thresholds in the order of GUS_LABELS (Attention Atlas, tuned for F1)."""
GUS_CHECKPOINTS = tuple(f"pinthoz/{name}" for name in PUBLISHED_THRESHOLDS)
THRESHOLD_FILES = ("thresholds.json", "optimal_thresholds.json", "optimized_thresholds.json")
THRESHOLD_KEYS = ("thresholds", "label_thresholds", "optimal_thresholds")
EVEN = 0.5


def gus_labels(name: str, labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """The labels of a GUS-Net checkpoint in the order of its outputs; None where it is another one.

    A checkpoint that is called gus-net and has seven unnamed labels has them in GUS-Net's order.
    """
    if sorted(labels) == sorted(GUS_LABELS):
        return labels
    is_unnamed = labels == tuple(f"LABEL_{number}" for number in range(len(GUS_LABELS)))
    return GUS_LABELS if is_unnamed and "gus-net" in name.lower() else None


def categories_by_map(labels: tuple[str, ...], label_map: Mapping[str, str]) -> dict[str, str]:
    """Label -> category as the user maps them.

    Parameters
    ----------
    label_map : label, or its part after "B-" and "I-", -> category; "" marks nothing

    Raises
    ------
    BadSelection
        A label that the checkpoint does not have, an unknown category, or nothing that marks anything.
    """
    found: dict[str, str] = {}
    for wanted, category in label_map.items():
        own = [label for label in labels if wanted in (label, stem(label))]
        if not own:
            raise BadSelection(f"The checkpoint has the labels {', '.join(labels)}; got '{wanted}'.")
        if category and category not in CATEGORIES:
            raise BadSelection(f"A label marks one of {', '.join(CATEGORIES)}, or nothing; got '{category}'.")
        found |= dict.fromkeys(own, category)
    marked = {label: category for label, category in found.items() if category}
    if not marked:
        raise BadSelection("Map at least one label of the checkpoint to a category; none marks anything.")
    return marked


def stem(label: str) -> str:
    """A label without "B-" or "I-"."""
    return label[2:] if label[:2] in ("B-", "I-") else label


def needs_map(name: str, labels: tuple[str, ...]) -> BadSelection:
    """The error for a checkpoint whose labels are not known."""
    shown = ", ".join(labels[:12]) + (f" and {len(labels) - 12} more" if len(labels) > 12 else "")
    return BadSelection(
        f"'{name}' has the labels {shown}, which are not those of GUS-Net: say which category each of them "
        "marks."
    )


def find_thresholds(
    name: str, folder: Path, config: Mapping, labels: tuple[str, ...], category_of: Mapping[str, str]
) -> tuple[dict[str, float], str]:
    """Label -> threshold for every label that marks something, and where they come from.

    In this order: the checkpoint's files, the published table, one half for all.

    Raises
    ------
    ModelRefused
        The checkpoint has thresholds that are no numbers between 0 and 1, or not one for each label.
    """
    stored = _stored(folder, config)
    if stored is not None:
        values, where = stored
        return _checked(name, _by_label(values, labels), category_of), f"from the checkpoint ({where})"
    published = PUBLISHED_THRESHOLDS.get(name.rstrip("/").split("/")[-1].lower())
    if published is not None and sorted(labels) == sorted(GUS_LABELS):
        table = dict(zip(GUS_LABELS, published, strict=True))
        return {label: table[label] for label in category_of}, "published for this checkpoint"
    return dict.fromkeys(category_of, EVEN), "one half for every label, since none are published"


def _stored(folder: Path, config: Mapping) -> tuple[object, str] | None:
    """Thresholds that the checkpoint brings, and the name of their file."""
    for key in THRESHOLD_KEYS:
        if config.get(key) is not None:
            return config[key], "config.json"
    for file in THRESHOLD_FILES:
        if (folder / file).is_file():
            try:
                return json.loads((folder / file).read_text("utf-8")), file
            except ValueError as error:
                raise ModelRefused(f"{file} of the checkpoint is no JSON: {error}.") from error
    return None


def _by_label(values: object, labels: tuple[str, ...]) -> dict:
    """Thresholds as a dict; a list stands in the order of the labels."""
    if isinstance(values, list) and len(values) == len(labels):
        return dict(zip(labels, values, strict=True))
    return values if isinstance(values, dict) else {}


def _checked(name: str, found: dict, category_of: Mapping[str, str]) -> dict[str, float]:
    for label in category_of:
        value = found.get(label)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ModelRefused(
                f"'{name}' brings thresholds, but for the label {label} a number between 0 and 1 was "
                f"expected; got {value!r}."
            )
    return {label: float(found[label]) for label in category_of}
