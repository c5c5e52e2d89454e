"""
Rows for a masked language model, and its loss on them.

A row is [CLS], text, [SEP]. A share of the text tokens of each row is to be guessed: of
these, 80 % are replaced by [MASK], 10 % by a random token, and 10 % stay (Devlin et
al., 2019). They hide 15 %; training may hide more, since only hidden tokens teach
(Wettig et al., EACL 2023).
"""

from dataclasses import dataclass, field

import numpy as np
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.recipes.repeats import RepeatPlan, with_repeat

KEPT_SHARE, RANDOM_SHARE = 0.1, 0.1  # of the tokens to be guessed
NOT_GUESSED = -100  # the label that the loss leaves out
PUNCTUATION = (".", ",")


@dataclass(frozen=True)
class EncoderTokens:
    """The token ids that the rows and the measurements need."""

    cls: int
    sep: int
    mask: int
    n_vocab: int
    n_special: int
    punctuation: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "EncoderTokens":
        """Return the ids of a tokenizer from `train_wordpiece`."""
        special = ("[CLS]", "[SEP]", "[MASK]")
        return cls(
            *(tokenizer.token_to_id(name) for name in special),
            n_vocab=tokenizer.get_vocab_size(),
            n_special=len(tokenizer.get_added_tokens_decoder()),
            punctuation=tuple(tokenizer.token_to_id(mark) for mark in PUNCTUATION),
        )


@dataclass(frozen=True)
class MaskedRowPlan:
    """How the rows of a training batch are made; every batch has the same number of tokens."""

    n_rows: int = 32  # rows of full length per step
    n_tokens: int = 128  # tokens of a full row, [CLS] and [SEP] included
    mask_share: float = 0.3  # of the text tokens
    length_stages: tuple[tuple[int, int], ...] = ()  # (first step, tokens per row); () all full
    repeats: RepeatPlan = field(default_factory=lambda: RepeatPlan(((0, 0.0),)))

    def n_tokens_at(self, step: int) -> int:
        """Return the length of the rows of a step."""
        stages = ((0, self.n_tokens), *self.length_stages)
        return [length for first_step, length in stages if first_step <= step][-1]


def n_guessed(n_tokens: int, mask_share: float) -> int:
    """Return how many tokens of a row are to be guessed."""
    return max(1, round(mask_share * (n_tokens - 2)))


def masked(
    rows: np.ndarray, tokens: EncoderTokens, mask_share: float, rng: np.random.Generator
) -> np.ndarray:
    """
    Return inputs and labels of rows, `int64 (2, n_rows, n_tokens)`.

    Labels are `NOT_GUESSED` where nothing is to be guessed; [CLS] and [SEP] never are.
    Every row has the same number of tokens to be guessed.
    """
    order = rng.random(rows.shape)
    order[:, [0, -1]] = 1
    guessed = np.zeros(rows.shape, dtype=bool)
    first = np.argsort(order, axis=1)[:, : n_guessed(rows.shape[1], mask_share)]
    np.put_along_axis(guessed, first, True, axis=1)
    fate = rng.random(rows.shape)
    inputs = np.where(guessed & (fate >= KEPT_SHARE), tokens.mask, rows)
    replaced = guessed & (fate >= 1 - RANDOM_SHARE)
    inputs = np.where(replaced, rng.integers(tokens.n_special, tokens.n_vocab, rows.shape), inputs)
    return np.stack([inputs, np.where(guessed, rows, NOT_GUESSED)])


class MaskedRowSampler:
    """
    Draws the masked batch of any step from a stream, its rows from anywhere in it.

    Parameters
    ----------
    stream : uint16 (n_tokens,)
    plan : MaskedRowPlan
    tokens : EncoderTokens
    seed : int
    """

    def __init__(self, stream: np.ndarray, plan: MaskedRowPlan, tokens: EncoderTokens, seed: int) -> None:
        self.stream, self.plan, self.tokens, self.seed = stream, plan, tokens, seed

    def batch(self, step: int) -> np.ndarray:
        """Return inputs and labels of one step, `int64 (2, n_rows, n_tokens)`."""
        rng = np.random.default_rng([self.seed, step])
        n_tokens = self.plan.n_tokens_at(step)
        n_rows = self.plan.n_rows * self.plan.n_tokens // n_tokens
        starts = rng.integers(0, len(self.stream) - n_tokens, n_rows)
        rows = wrapped(self.stream, starts, n_tokens - 2, self.tokens)
        repeats = self.plan.repeats
        for row in np.flatnonzero(rng.random(n_rows) < repeats.share_at(step)):
            rows[row, 1:-1] = with_repeat(rows[row, 1:-1], self.stream, repeats, rng)
        return masked(rows, self.tokens, self.plan.mask_share, rng)


def wrapped(stream: np.ndarray, starts: np.ndarray, n_text: int, tokens: EncoderTokens) -> np.ndarray:
    """Return stretches of a stream between [CLS] and [SEP], `int64 (n_rows, n_text + 2)`."""
    text = np.stack([stream[start : start + n_text] for start in starts]).astype(np.int64)
    return np.pad(text, ((0, 0), (1, 1)), constant_values=((0, 0), (tokens.cls, tokens.sep)))


def masked_loss(model: nn.Module, batch: Tensor, mask_share: float) -> Tensor:
    """
    Return the mean loss on the tokens to be guessed, nats, of `(2, n_rows, n_tokens)`.

    Only these are decoded; their number is the same in every row, so that a compiled
    model sees one shape.
    """
    inputs, labels = batch
    n_labels = n_guessed(labels.shape[1], mask_share)
    places = (labels != NOT_GUESSED).int().topk(n_labels, dim=1).indices
    states = model.base_model(input_ids=inputs).last_hidden_state
    chosen = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
    return F.cross_entropy(model.cls(chosen).flatten(0, 1), labels.gather(1, places).flatten())
