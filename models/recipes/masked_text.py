"""
Rows for a masked language model, and what it is measured by on held-out text.

A row is [CLS], text, [SEP]. As in Devlin et al. (2019), 15 % of the text tokens are
to be guessed: of these, 80 % are replaced by [MASK], 10 % by a random token, and
10 % stay.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedModel

from models.recipes.sampler import RowPlan
from models.recipes.sink_log import N_SINK_ROWS, SINK_THRESHOLD, first_over_rest, rounded

MASK_SHARE = 0.15
KEPT_SHARE, RANDOM_SHARE = 0.1, 0.1  # of the tokens to be guessed
NOT_GUESSED = -100  # the label that the loss leaves out
N_HELDOUT_ROWS = 128
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


def masked(rows: np.ndarray, tokens: EncoderTokens, rng: np.random.Generator) -> np.ndarray:
    """
    Return inputs and labels of rows, `int64 (2, n_rows, n_tokens)`.

    Labels are `NOT_GUESSED` where nothing is to be guessed; [CLS] and [SEP] never are.
    """
    guessed = rng.random(rows.shape) < MASK_SHARE
    guessed[:, [0, -1]] = False
    fate = rng.random(rows.shape)
    inputs = np.where(guessed & (fate >= KEPT_SHARE), tokens.mask, rows)
    replaced = guessed & (fate >= 1 - RANDOM_SHARE)
    inputs = np.where(replaced, rng.integers(tokens.n_special, tokens.n_vocab, rows.shape), inputs)
    return np.stack([inputs, np.where(guessed, rows, NOT_GUESSED)])


class MaskedRowSampler:
    """
    Draws the masked batch of any step from a stream.

    Parameters
    ----------
    stream : uint16 (n_tokens,)
    plan : RowPlan
        Its repeats are not used.
    tokens : EncoderTokens
    seed : int
    """

    def __init__(self, stream: np.ndarray, plan: RowPlan, tokens: EncoderTokens, seed: int) -> None:
        self.stream, self.plan, self.tokens, self.seed = stream, plan, tokens, seed
        self.n_text = plan.n_tokens - 2
        self.windows = np.random.default_rng(seed).permutation(len(stream) // self.n_text)

    def batch(self, step: int) -> np.ndarray:
        """Return inputs and labels of one step, `int64 (2, n_rows, n_tokens)`."""
        numbers = step * self.plan.n_rows + np.arange(self.plan.n_rows)
        starts = self.windows[numbers % len(self.windows)] * self.n_text
        rows = wrapped(self.stream, starts, self.n_text, self.tokens)
        return masked(rows, self.tokens, np.random.default_rng([self.seed, step]))


def wrapped(stream: np.ndarray, starts: np.ndarray, n_text: int, tokens: EncoderTokens) -> np.ndarray:
    """Return stretches of a stream between [CLS] and [SEP], `int64 (n_rows, n_text + 2)`."""
    text = np.stack([stream[start : start + n_text] for start in starts]).astype(np.int64)
    return np.pad(text, ((0, 0), (1, 1)), constant_values=((0, 0), (tokens.cls, tokens.sep)))


def masked_loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the mean loss on the tokens to be guessed, nats, of `(2, n_rows, n_tokens)`."""
    inputs, labels = batch
    logits = model(input_ids=inputs).logits
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=NOT_GUESSED)


@torch.no_grad()
def key_shares(model: PreTrainedModel, rows: Tensor, keys: dict[str, Tensor]) -> dict[str, Tensor]:
    """
    Return the attention that each set of keys receives, `(n_rows, n_layers, n_heads)`.

    It is the mean over all queries, and the sum over the keys of the set.

    Parameters
    ----------
    rows : int64 (n_rows, n_tokens)
    keys : dict of bool (n_rows, n_tokens)
    """
    shares: dict[str, list[Tensor]] = {name: [] for name in keys}
    for start in range(0, len(rows), 10):
        chunk = rows[start : start + 10]
        attentions = model(input_ids=chunk, output_attentions=True).attentions
        received = torch.stack([a.mean(-2) for a in attentions], dim=1)  # (B, L, H, T)
        for name, is_key in keys.items():
            chosen = is_key[start : start + 10, None, None, :].to(received.dtype)
            shares[name].append((received * chosen).sum(-1))
    return {name: torch.cat(parts) for name, parts in shares.items()}


class MaskedHeldoutText:
    """The held-out rows of an encoder, and the point of the training log they give."""

    def __init__(self, stream: np.ndarray, tokens: EncoderTokens, n_tokens: int) -> None:
        n_text = n_tokens - 2
        starts = np.linspace(0, len(stream) - n_text, N_HELDOUT_ROWS).astype(int)
        rows = wrapped(stream, starts, n_text, tokens)
        self.batch = torch.from_numpy(masked(rows, tokens, np.random.default_rng(0)))
        self.rows = torch.from_numpy(rows)[:N_SINK_ROWS]
        self.keys = {
            "cls": self.rows == tokens.cls,
            "sep": self.rows == tokens.sep,
            "punctuation": torch.isin(self.rows, torch.tensor(tokens.punctuation)),
        }

    @torch.no_grad()
    def guesses(self, model: PreTrainedModel) -> tuple[float, float]:
        """Return the loss (nats) on masked tokens and the share guessed right."""
        losses, hits = [], []
        for inputs, labels in zip(self.batch[0].split(16), self.batch[1].split(16), strict=True):
            guessed = labels != NOT_GUESSED
            logits, wanted = model(input_ids=inputs).logits[guessed], labels[guessed]
            losses.append(F.cross_entropy(logits, wanted, reduction="none"))
            hits.append(logits.argmax(-1) == wanted)
        return torch.cat(losses).mean().item(), torch.cat(hits).float().mean().item()

    @torch.no_grad()
    def norm_ratio(self, model: PreTrainedModel) -> list[float]:
        """Return the norm of [CLS] over the mean of the others after each layer."""
        states = model(input_ids=self.rows[:20], output_hidden_states=True).hidden_states
        return rounded(first_over_rest(torch.stack(states, dim=2).norm(dim=-1)).mean(0))

    def point(self, model: PreTrainedModel) -> dict:
        """Return losses (nats), accuracy and the share of each kind of sink token."""
        loss, accuracy = self.guesses(model)
        point = {"heldout_loss": loss, "masked_accuracy": accuracy}
        for name, share in key_shares(model, self.rows, self.keys).items():
            point[f"{name}_sink_rate"] = (share > SINK_THRESHOLD).float().mean().item()
            point[f"{name}_max_head_share"] = share.mean(0).max().item()
            point[f"{name}_layer_share"] = rounded(share.mean((0, 2)))
        names = self.keys
        point["sink_rate"] = max(point[f"{name}_sink_rate"] for name in names)
        point["max_head_share"] = max(point[f"{name}_max_head_share"] for name in names)
        point["first_token_norm_ratio"] = self.norm_ratio(model)
        return point
