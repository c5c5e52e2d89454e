"""Which layer of one model stands beside which layer of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.errors import BadSelection

LAYER_RULES = {"depth": "by relative depth", "best": "by best match"}


@dataclass(frozen=True, eq=False)
class LayerMatch:
    """For every layer of A its layer of B."""

    rule: str
    """A key of `LAYER_RULES`."""
    partner: tuple[int, ...]
    """One layer of B for every layer of A; several layers of A may have the same."""
    score: np.ndarray | None
    """(L_a,) correlation of the two layers' attention, None where it was not asked."""
    sentence: str

    def back(self, layer: int) -> int:
        """The layer of A whose partner comes nearest to a layer of B."""
        return int(np.abs(np.array(self.partner) - layer).argmin())


def match_by_depth(n_a: int, n_b: int) -> LayerMatch:
    """The first layer beside the first, the last beside the last, and the others in proportion."""
    share = np.arange(n_a) / max(n_a - 1, 1)
    partner = tuple(int(layer) for layer in np.floor(share * (n_b - 1) + 0.5))
    sentence = (
        "Layers of the same number stand beside each other."
        if n_a == n_b
        else f"Layers stand beside each other by relative depth: {n_a} layers of A along {n_b} of B."
    )
    return LayerMatch("depth", partner, None, sentence)


def match_by_likeness(similarity: np.ndarray) -> LayerMatch:
    """For every layer of A the layer of B whose attention is most like it.

    Parameters
    ----------
    similarity : ndarray of shape (L_a, L_b), -1..1; NaN where a layer has no shape to compare

    Raises
    ------
    BadSelection
        No pair of layers can be compared.
    """
    if np.isnan(similarity).all():
        raise BadSelection("No two layers can be compared: the texts have too little in common.")
    known = np.nan_to_num(similarity, nan=-np.inf)
    partner = known.argmax(axis=1)
    score = similarity[np.arange(len(partner)), partner]
    low, high = np.nanmin(score), np.nanmax(score)
    return LayerMatch(
        "best",
        tuple(int(layer) for layer in partner),
        score,
        "Each layer of A stands beside the layer of B whose attention, mean over its heads, correlates most "
        f"with its own (r from {low:.2f} to {high:.2f}).",
    )
