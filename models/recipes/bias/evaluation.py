"""
What the tagger finds on examples that it has not seen, word by word.

Precision, recall and F1 of every label and of every category at the thresholds in force; the expected
calibration error over ten bins of equal width (Guo et al. 2017, arXiv 1706.04599) with its table.
"""

import numpy as np

from models.recipes.bias.examples import Example
from models.recipes.bias.rows import word_targets
from sinklens.bias_records import CATEGORIES, GUS_CATEGORIES, GUS_LABELS

N_BINS = 10
GRID = np.round(np.arange(0.05, 0.96, 0.01), 2)


def columns_of(category: str) -> list[int]:
    """Return the outputs that mark a category."""
    return [at for at, label in enumerate(GUS_LABELS) if GUS_CATEGORIES.get(label) == category]


def gathered(examples: list[Example], found: dict[int, np.ndarray], column: int) -> tuple:
    """Return (n,) probabilities and (n,) truth of one label over all words for which it is known."""
    probabilities, truth = [], []
    for index, values in found.items():
        targets, known = word_targets(examples[index])
        if known[column]:
            probabilities.append(values[:, column])
            truth.append(targets[: len(values), column] > 0)
    return np.concatenate(probabilities), np.concatenate(truth)


def f1_scores(fired: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return precision, recall, F1 and how many words are marked in truth."""
    n_hits = int((fired & truth).sum())
    precision = n_hits / max(int(fired.sum()), 1)
    recall = n_hits / max(int(truth.sum()), 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    return {"precision": precision, "recall": recall, "f1": f1, "n_words": int(truth.sum())}


def best_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the threshold of the grid with the largest F1, the middle one of equals."""
    scores = np.array([f1_scores(probabilities >= limit, truth)["f1"] for limit in GRID])
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return float(GRID[best[len(best) // 2]])


def category_threshold(examples: list[Example], found: dict[int, np.ndarray], category: str) -> float:
    """Return the threshold of a category, for both of its labels."""
    probabilities, truth = gathered_category(examples, found, category)
    return best_threshold(probabilities, truth)


def gathered_category(examples: list[Example], found: dict[int, np.ndarray], category: str) -> tuple:
    """Return (n,) the larger of B and I and (n,) truth over all words for which the category is known."""
    b, i = (gathered(examples, found, column) for column in columns_of(category))
    return np.maximum(b[0], i[0]), b[1] | i[1]


def calibration(probabilities: np.ndarray, truth: np.ndarray) -> dict:
    """Return the expected calibration error and one row for every bin that is not empty."""
    place = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    table = [
        {
            "from": at / N_BINS,
            "to": (at + 1) / N_BINS,
            "n_words": int((place == at).sum()),
            "mean_probability": float(probabilities[place == at].mean()),
            "marked_share": float(truth[place == at].mean()),
        }
        for at in range(N_BINS)
        if (place == at).any()
    ]
    gaps = [row["n_words"] * abs(row["mean_probability"] - row["marked_share"]) for row in table]
    return {"ece": sum(gaps) / len(truth), "bins": table}


def mean_f1(examples: list[Example], found: dict[int, np.ndarray]) -> float:
    """Return the mean over categories of the F1 at the best threshold of each."""
    scores = []
    for category in CATEGORIES:
        probabilities, truth = gathered_category(examples, found, category)
        limit = best_threshold(probabilities, truth)
        scores.append(f1_scores(probabilities >= limit, truth)["f1"])
    return float(np.mean(scores))


def label_thresholds(examples: list[Example], found: dict[int, np.ndarray]) -> dict[str, float]:
    """Return a threshold for every label that marks: that of its category."""
    limits = {category: category_threshold(examples, found, category) for category in CATEGORIES}
    return {label: limits[category] for label, category in GUS_CATEGORIES.items()}


def evaluate(examples: list[Example], found: dict[int, np.ndarray], limits: dict[str, float]) -> dict:
    """Return all numbers of the card for one split."""
    labels, categories = {}, {}
    for label, limit in limits.items():
        probabilities, truth = gathered(examples, found, GUS_LABELS.index(label))
        labels[label] = f1_scores(probabilities >= limit, truth) | calibration(probabilities, truth)
    for category in CATEGORIES:
        limit = limits[next(label for label, of in GUS_CATEGORIES.items() if of == category)]
        probabilities, truth = gathered_category(examples, found, category)
        every_word = f1_scores(np.ones_like(truth), truth)
        categories[category] = f1_scores(probabilities >= limit, truth) | {
            "ece": calibration(probabilities, truth)["ece"],
            "threshold": limit,
            "f1_of_marking_every_word": every_word["f1"],
            "by_source": by_source(examples, found, category, limit),
        }
    return {"labels": labels, "categories": categories}


def by_source(examples: list[Example], found: dict, category: str, limit: float) -> dict[str, dict]:
    """Return the scores of a category in every source that says something about it."""
    scores = {}
    for source in sorted({examples[index].source for index in found}):
        here = {i: v for i, v in found.items() if examples[i].source == source}
        here = {i: v for i, v in here.items() if category in examples[i].marks}
        if here:
            probabilities, truth = gathered_category(examples, here, category)
            scores[source] = f1_scores(probabilities >= limit, truth) | {"n_texts": len(here)}
            scores[source]["marked_share"] = float((probabilities >= limit).mean())
    return scores


def marked_texts(examples: list[Example], found: dict, category: str, limit: float) -> dict[str, float]:
    """Return for every kind of StereoSet sentence the share in which a word is marked."""
    kinds: dict[str, list[bool]] = {}
    columns = columns_of(category)
    for index, values in found.items():
        if examples[index].source == "StereoSet":
            kinds.setdefault(examples[index].kind, []).append(bool((values[:, columns] >= limit).any()))
    return {kind: float(np.mean(flags)) for kind, flags in kinds.items()}
