"""
What a demo model is trained to do: its rows, its loss, and its held-out measurements.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.recipes.architectures import Recipe
from models.recipes.masked_rows import EncoderTokens, MaskedRowSampler, masked_loss
from models.recipes.masked_text import MaskedHeldoutText
from models.recipes.sampler import RowSampler
from models.recipes.sink_log import HeldoutText
from models.recipes.tokenizer import BOS_TOKEN


@dataclass(frozen=True)
class Objective:
    """The three parts of a run that differ between decoders and encoders."""

    sampler: RowSampler | MaskedRowSampler
    heldout: HeldoutText | MaskedHeldoutText
    loss: Callable[[nn.Module, Tensor], Tensor]


def next_token_loss(model: nn.Module, rows: Tensor) -> Tensor:
    """Return the mean next-token loss, nats, of rows `(n_rows, n_tokens)`."""
    logits = model(input_ids=rows).logits[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def build_objective(recipe: Recipe, data_folder: Path) -> Objective:
    """Return the objective that fits a recipe's tokenizer, reading its prepared streams."""
    tokenizer = Tokenizer.from_file(str(data_folder / "tokenizer.json"))
    train = np.load(data_folder / "train.npy", mmap_mode="r")
    heldout = np.load(data_folder / "heldout.npy")
    plan = recipe.rows
    if recipe.tokenizer_kind == "wordpiece":
        tokens = EncoderTokens.of(tokenizer)
        return Objective(
            MaskedRowSampler(train, plan, tokens, recipe.seed),
            MaskedHeldoutText(heldout, tokens, plan.n_tokens),
            partial(masked_loss, mask_share=plan.mask_share),
        )
    first_id = tokenizer.token_to_id(BOS_TOKEN)
    return Objective(
        RowSampler(train, plan, first_id, recipe.seed),
        HeldoutText(heldout, first_id, plan.n_tokens),
        next_token_loss,
    )
