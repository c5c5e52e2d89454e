"""
What a masked language model is measured by on held-out text: guesses, sinks and norms.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from models.recipes.masked_rows import NOT_GUESSED, EncoderTokens, masked, wrapped
from models.recipes.sink_log import N_SINK_ROWS, SINK_THRESHOLD, first_over_rest, rounded

HELDOUT_MASK_SHARE = 0.15  # of Devlin et al. (2019)
N_HELDOUT_ROWS = 128


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
        chunk = rows[start : start + 10].to(model.device)
        attentions = model(input_ids=chunk, output_attentions=True).attentions
        received = torch.stack([a.mean(-2) for a in attentions], dim=1)  # (B, L, H, T)
        for name, is_key in keys.items():
            chosen = is_key[start : start + 10, None, None, :].to(received)
            shares[name].append((received * chosen).sum(-1).cpu())
    return {name: torch.cat(parts) for name, parts in shares.items()}


class MaskedHeldoutText:
    """The held-out rows of an encoder, and the point of the training log they give."""

    def __init__(self, stream: np.ndarray, tokens: EncoderTokens, n_tokens: int) -> None:
        n_text = n_tokens - 2
        starts = np.linspace(0, len(stream) - n_text, N_HELDOUT_ROWS).astype(int)
        rows = wrapped(stream, starts, n_text, tokens)
        self.batch = torch.from_numpy(masked(rows, tokens, HELDOUT_MASK_SHARE, np.random.default_rng(0)))
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
        batch = self.batch.to(model.device)
        for inputs, labels in zip(batch[0].split(16), batch[1].split(16), strict=True):
            guessed = labels != NOT_GUESSED
            logits, wanted = model(input_ids=inputs).logits[guessed], labels[guessed]
            losses.append(F.cross_entropy(logits, wanted, reduction="none"))
            hits.append(logits.argmax(-1) == wanted)
        return torch.cat(losses).mean().item(), torch.cat(hits).float().mean().item()

    @torch.no_grad()
    def norm_ratio(self, model: PreTrainedModel) -> list[float]:
        """Return the norm of [CLS] over the mean of the others after each layer."""
        states = model(input_ids=self.rows[:20].to(model.device), output_hidden_states=True).hidden_states
        return rounded(first_over_rest(torch.stack(states, dim=2).norm(dim=-1)).mean(0).cpu())

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
