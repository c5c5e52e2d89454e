"""How well two runs predict the same text: by token, by piece of text, and in bits per byte.

Losses of different tokenizers are added over the tokens of a group: by the chain rule that is the loss of
the group's characters given what stands before them, whatever pieces they are read in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.analysis.interval import Interval, mean_interval
from sinklens.analysis.projection import project_losses
from sinklens.analysis.token_alignment import TokenAlignment
from sinklens.records import Prompt


@dataclass(frozen=True, eq=False)
class LossDifference:
    """Losses of two runs on the text that both predict."""

    a: np.ndarray
    """(G,) nats per group; NaN where a side does not predict all of its tokens."""
    b: np.ndarray
    counted: np.ndarray
    """(G,) bool: groups that both sides predict."""
    n_bytes: int
    """UTF-8 bytes of the counted text, spaces between counted neighbours included."""
    is_by_token: bool
    """Do both sides read the same tokens, so that nats per token compare as well?"""

    @property
    def delta(self) -> np.ndarray:
        """(n,) A - B of the counted groups, nats; negative where A predicts better."""
        return (self.a - self.b)[self.counted]

    def bits_per_byte(self, side: str) -> float:
        """Loss in bits over the bytes of the counted text; NaN where nothing is counted."""
        losses = self.a if side == "A" else self.b
        if not self.n_bytes:
            return float("nan")
        return float(losses[self.counted].sum() / np.log(2) / self.n_bytes)

    def mean(self, side: str) -> float:
        """Nats per group, over the counted ones."""
        losses = (self.a if side == "A" else self.b)[self.counted]
        return float(losses.mean()) if len(losses) else float("nan")

    def interval(self) -> Interval:
        """Mean of A - B per group with its bootstrap interval."""
        return mean_interval(self.delta, "tokens" if self.is_by_token else "groups of tokens")


def loss_difference(
    losses: tuple[np.ndarray, np.ndarray], prompts: tuple[Prompt, Prompt], keys: TokenAlignment
) -> LossDifference:
    """Compare (T_a,) and (T_b,) losses in nats; NaN for a token that a run does not predict.

    Tokens that stand for no text are left out: a [SEP] of one side has no counterpart on the other.
    """
    a, b = (project_losses(loss, keys, side) for loss, side in zip(losses, ("A", "B"), strict=True))
    is_text = np.array([group.place == "both" and not group.is_special for group in keys.groups], bool)
    counted = is_text & np.isfinite(a) & np.isfinite(b)
    one_to_one = all(len(keys.groups[i].a) == len(keys.groups[i].b) == 1 for i in np.flatnonzero(counted))
    same_pieces = one_to_one and all(
        prompts[0].tokens[keys.groups[i].a[0]].piece == prompts[1].tokens[keys.groups[i].b[0]].piece
        for i in np.flatnonzero(counted)
    )
    return LossDifference(a, b, counted, _n_bytes(prompts[0], keys, counted), same_pieces)


def next_token_losses(token_loss: np.ndarray | None, n_tokens: int) -> np.ndarray | None:
    """(T,) loss of every token where a capture has those of tokens 1 to T - 1; the first is not predicted."""
    if token_loss is None:
        return None
    return np.concatenate([np.full(n_tokens - len(token_loss), np.nan), token_loss]).astype(np.float64)


def _n_bytes(prompt: Prompt, keys: TokenAlignment, counted: np.ndarray) -> int:
    """Bytes of the counted groups, and of the spaces between two that are neighbours."""
    total, end = 0, None
    for index in np.flatnonzero(counted):
        tokens = [prompt.tokens[i] for i in keys.groups[index].a]
        known = [token for token in tokens if token.start is not None]
        if not known:
            total, end = total + len(keys.groups[index].label.encode("utf-8", "surrogatepass")), None
            continue
        start, stop = min(token.start for token in known), max(token.end for token in known)
        if end is not None and not prompt.text[end:start].strip():
            start = min(start, end)
        total += len(prompt.text[max(start, end or 0) : stop].encode("utf-8", "surrogatepass"))
        end = stop
    return total
