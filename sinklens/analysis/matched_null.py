"""What a run is held against: the same tokens in another order, one token repeated, random weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.received import excess_over, mean_over
from sinklens.analysis.shares import share_by_head, share_floor, top_head
from sinklens.errors import BadSelection
from sinklens.interventions import ChangeTokens
from sinklens.records import Prompt
from sinklens.results import Capture, Profile

NULLS = {
    "shuffled": "the same tokens shuffled",
    "repeated": "one token repeated",
    "random": "random weights",
}


@dataclass(frozen=True)
class NullReading:
    """One token position in a run or in what it is held against."""

    key: str
    """"measured" or a key of NULLS."""
    share: float
    """Mean over layers and heads, query 0 left out, 0..1."""
    floor: float
    excess: float
    rate: float
    """Part of the heads whose eligible mean is strictly above epsilon (Gu et al. 2025)."""
    strongest: float
    """The largest share of any head."""


def null_reading(capture: Capture, key: str, position: int, *, epsilon: float) -> NullReading:
    """Read a key position of the main stream; BadSelection where the run has no such position.

    Parameters
    ----------
    key : "measured" or a key of NULLS
    """
    profile = capture.profile()
    if position >= profile.n_keys:
        raise BadSelection(f"This run has tokens 0 to {profile.n_keys - 1}; got {position}.")
    share = float(mean_over(share_by_head(profile, "excluding_first", position), axis=(0, 1)))
    floor = float(mean_over(share_floor(profile, "excluding_first", position), axis=0))
    return NullReading(
        key=key,
        share=share,
        floor=floor,
        excess=float(excess_over(np.float64(share), np.float64(floor))),
        rate=_rate(profile, position, epsilon),
        strongest=top_head(profile, "excluding_first", position).share,
    )


def shuffled_ids(prompt: Prompt, seed: int) -> tuple[int, ...]:
    """The ids with the ordinary tokens in random order; special tokens keep their places.

    Raises
    ------
    BadSelection
        Fewer than two different ordinary tokens.
    """
    ids = np.array(prompt.ids)
    ordinary = _ordinary(prompt)
    if len(set(ids[ordinary])) < 2:
        raise BadSelection("Shuffling needs two different tokens that are not special ones.")
    rng = np.random.default_rng(seed)
    shuffled = ids.copy()
    while np.array_equal(shuffled, ids):
        shuffled[ordinary] = rng.permutation(ids[ordinary])
    return tuple(int(i) for i in shuffled)


def repeated_ids(prompt: Prompt, seed: int) -> tuple[int, ...]:
    """One ordinary token of the text, drawn at random, at every position, the special tokens' too.

    Gu et al. 2025 (arXiv 2410.10781), table 1, "repeat". BadSelection without an ordinary token.
    """
    ordinary = _ordinary(prompt)
    if not len(ordinary):
        raise BadSelection("Repeating needs a token that is not a special one.")
    chosen = prompt.tokens[int(np.random.default_rng(seed).choice(ordinary))]
    return (chosen.id,) * len(prompt)


def other_tokens(ids: tuple[int, ...], stream: str = "self") -> ChangeTokens:
    """The edit that puts these ids in the place of all tokens of a text of the same length."""
    return ChangeTokens(stream=stream, n_removed=len(ids) - 1, replace_first_by=ids[-1], prepend=ids[:-1])


def _ordinary(prompt: Prompt) -> np.ndarray:
    return np.array([token.index for token in prompt.tokens if not token.is_special], int)


def _rate(profile: Profile, position: int, epsilon: float) -> float:
    return float((share_by_head(profile, "eligible", position) > epsilon).mean())
