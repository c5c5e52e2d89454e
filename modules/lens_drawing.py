"""From a logit lens to what its card draws and says; pure, and work for a thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modules.capital import capital
from modules.dive import N_READINGS_MAX, after, middle, named, state_names
from modules.quantity import count, percent
from sinklens.records import Prompt
from sinklens.residual_records import LogitLens
from sinklens.results import Predictions

SHADES = {
    "top": "probability of the top token",
    "followed": "probability of the followed token",
    "divergence": "KL to the end, nats",
    "entropy": "entropy of the prediction, nats",
}


@dataclass(frozen=True, eq=False)
class LensDrawing:
    """One lens, ready to draw."""

    values: np.ndarray
    """(L+1, T) what the colour shows."""
    high: float | None
    """End of the colour scale; None: the largest value."""
    texts: tuple[str, ...]
    """The top token of every cell, row by row; empty for a very large map."""
    readings: tuple[str, ...]
    finding: str


def draw_lens(lens: LogitLens, prompt: Prompt, *, shade: str) -> LensDrawing:
    """Values, tokens and sentences of every cell.

    Parameters
    ----------
    shade : a key of SHADES
    """
    values = {
        "top": lens.probabilities[..., 0],
        "followed": lens.followed_probability,
        "divergence": lens.divergence,
        "entropy": lens.entropy,
    }[shade]
    is_small = values.size <= N_READINGS_MAX
    return LensDrawing(
        values=np.asarray(values, np.float32),
        high=1.0 if shade in ("top", "followed") else None,
        texts=tuple(lens.labels[i] for i in lens.ids[..., 0].ravel().tolist()) if is_small else (),
        readings=cell_readings(lens, prompt) if is_small else (),
        finding=lens_finding(lens),
    )


def cell_readings(lens: LogitLens, prompt: Prompt) -> tuple[str, ...]:
    """What is read out for every cell, row by row."""
    places = [named(prompt, token) for token in range(len(prompt))]
    tops, shares, kl = lens.ids[..., 0], lens.probabilities[..., 0], lens.divergence
    n_states, n_tokens = tops.shape
    return tuple(
        f"{capital(after(state))}, {places[token]}: “{lens.labels[int(tops[state, token])]}” "
        f"{percent(shares[state, token])}; entropy {lens.entropy[state, token]:.2f} nats, KL to the end "
        f"{kl[state, token]:.2f} nats"
        for state in range(n_states)
        for token in range(n_tokens)
    )


def settled_state(lens: LogitLens) -> np.ndarray:
    """(T,) the first state from which on the followed token stays on top; L + 1 where it never does."""
    is_top = lens.followed_rank == 1
    stays = np.logical_and.accumulate(is_top[::-1], axis=0)[::-1]
    return np.where(stays.any(0), stays.argmax(0), len(is_top))


def lens_finding(lens: LogitLens) -> str:
    """When the predictions settle, or how a chosen token fares, in words."""
    kl = lens.divergence.mean(1)
    if lens.token_id is not None:
        label = lens.labels[lens.token_id]
        ranks = [count(round(middle(rank))) for rank in lens.followed_rank]
        n_first = int((lens.followed_rank[-1] == 1).sum())
        return (
            f"“{label}” is the prediction at {n_first} of {lens.ids.shape[1]} positions; its median rank is "
            f"{ranks[0]} at the embeddings and {ranks[-1]} at the end."
        )
    settled = settled_state(lens)
    half = int(np.sort(settled)[(len(settled) - 1) // 2])
    when = f"already {after(half)}" if half < len(kl) - 1 else "only after the last layer"
    return (
        f"At half of the positions the final prediction is on top for good {when}. KL to the final "
        f"prediction, mean over positions: {kl[0]:.2f} nats at the embeddings"
        + (f", {kl[-2]:.2f} before the last layer." if len(kl) > 2 else ".")
    )


def cell_predictions(lens: LogitLens, state: int, token: int) -> Predictions:
    """The candidates of one cell, as a table of predictions takes them."""
    ids = lens.ids[state, token][None]
    return Predictions(
        kind="next",
        positions=(token,),
        ids=ids,
        labels=(tuple(lens.labels[i] for i in ids[0].tolist()),),
        probabilities=lens.probabilities[state, token][None],
        actual_rank=np.zeros(1, np.int64),
    )


def followed_sentence(lens: LogitLens, state: int, token: int) -> str:
    """How the followed token stands in one cell."""
    label = lens.labels[int(lens.followed[token])]
    rank, share = int(lens.followed_rank[state, token]), float(lens.followed_probability[state, token])
    role = "The final prediction" if lens.token_id is None else "The followed token"
    return f"{role} “{label}” has rank {count(rank)} here, {percent(share)}."


def follow_choices(lens: LogitLens, state: int, token: int) -> dict[str, str]:
    """Tokens that can be followed: the candidates of the cell in view, and the one that is followed now."""
    ids = lens.ids[state, token].tolist()
    if lens.token_id is not None and lens.token_id not in ids:
        ids.append(lens.token_id)
    return {"": "the final prediction of each position"} | {str(i): lens.labels[i] for i in ids}


def lens_axis(lens: LogitLens) -> list[str]:
    """Names of the rows."""
    return state_names(len(lens.ids) - 1)
