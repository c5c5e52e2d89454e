"""The massive dimensions of chosen tokens, and the block in which they first appear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.dive import number
from sinklens.analysis.residual_metrics import massive_activations
from sinklens.errors import BadSelection

DEFINITIONS = ("absolute", "relative")
"""Sun et al.'s own, and the one for small models where that finds nothing."""
N_DIMENSIONS_MAX = 8


@dataclass(frozen=True)
class MassiveDimensions:
    """Where to set what."""

    layer: int
    """The block after which they are massive first."""
    dimensions: tuple[int, ...]
    """The largest first."""
    sentence: str


def massive_dimensions(states: np.ndarray, tokens: tuple[int, ...]) -> MassiveDimensions:
    """Dimensions that are massive after the first block after which any is.

    Those that enter the first block with the embeddings are not born in a block and are left out.

    Parameters
    ----------
    states : ndarray of shape (L+1, T, d)

    Raises
    ------
    BadSelection
        None of the tokens has a massive activation by any definition.
    """
    for definition in DEFINITIONS:
        found = [
            one
            for one in massive_activations(states, definition=definition)
            if one.token in tokens and one.state > 0
        ]
        if found:
            born = [one for one in found if one.state == found[0].state]
            dimensions = tuple(dict.fromkeys(one.dimension for one in born))[:N_DIMENSIONS_MAX]
            layer = found[0].state - 1
            values = ", ".join(f"{one.dimension} ({number(one.value)})" for one in born[:N_DIMENSIONS_MAX])
            return MassiveDimensions(
                layer, dimensions, f"Massive after block {layer} ({definition} definition): {values}."
            )
    raise BadSelection(
        "No dimension of these tokens is massive, neither by Sun et al. (above 100 and 1,000 times the "
        "median) nor by the relative definition (50 times the median), so there is nothing to set."
    )


def mean_elsewhere(
    states: list[np.ndarray], tokens: list[tuple[int, ...]], layer: int, dimensions
) -> np.ndarray:
    """(n, D) for every text the mean of these dimensions over the tokens of all the other texts.

    Parameters
    ----------
    states : n ndarrays of shape (L+1, T, d)
    tokens : n tuples, the tokens that count in each text

    Raises
    ------
    BadSelection
        There is no other text.
    """
    if len(states) < 2:
        raise BadSelection("A mean over the other texts needs at least two texts; add one above.")
    means = np.stack(
        [
            text[layer + 1][list(chosen)][:, list(dimensions)].mean(0)
            for text, chosen in zip(states, tokens, strict=True)
        ]
    )
    return np.stack([np.delete(means, index, axis=0).mean(0) for index in range(len(means))])
