"""Predictions with all steps from explicit logits, by plain numpy."""

from __future__ import annotations

import numpy as np

from sinklens.prediction_records import Predictions, SoftmaxSteps


def predictions_from(logits, *, kind="next", positions=None, actual=None, names=None, n_top=3) -> Predictions:
    """The record of logits of shape (n, V).

    Parameters
    ----------
    actual : n ids of the text's tokens, None where it is open
    names : V labels, "v0", "v1", ... by default
    """
    logits = np.asarray(logits, np.float64)
    n, n_vocabulary = logits.shape
    names = names or [f"v{i}" for i in range(n_vocabulary)]
    actual = list(actual or [None] * n)
    ids = np.argsort(-logits, axis=1, kind="stable")[:, :n_top]
    largest = logits.max(1)
    sums = np.exp(logits - largest[:, None]).sum(1)
    own = [np.nan if i is None else row[i] for row, i in zip(logits, actual, strict=True)]
    rank = [0 if i is None else int((row > row[i]).sum()) + 1 for row, i in zip(logits, actual, strict=True)]
    top = np.take_along_axis(logits, ids, 1)
    return Predictions(
        kind=kind,
        positions=tuple(range(n) if positions is None else positions),
        ids=ids,
        labels=tuple(tuple(names[i] for i in row) for row in ids),
        probabilities=np.exp(top - largest[:, None]) / sums[:, None],
        actual_rank=np.array(rank),
        steps=SoftmaxSteps(top, largest, sums, np.array(own), n_vocabulary),
    )
