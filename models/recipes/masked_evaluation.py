"""
The final measurements of the demo encoder; evaluation.py is the same for decoders.
"""

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from models.recipes.architectures import Recipe
from models.recipes.masked_rows import NOT_GUESSED, EncoderTokens
from models.recipes.masked_text import MaskedHeldoutText, key_shares
from models.recipes.sink_log import N_SINK_ROWS, SINK_THRESHOLD

CLOZES = ("The city was founded in the [MASK] century.", "He was born in [MASK], England.")
N_GUESSES = 5


def commonest_share(labels: np.ndarray, train: np.ndarray) -> float:
    """Return how often the most frequent training token is the one to be guessed."""
    commonest = np.bincount(train).argmax()
    return float((labels[labels != NOT_GUESSED] == commonest).mean())


def sink_heads_by_kind(model: PreTrainedModel, text: MaskedHeldoutText) -> list[dict]:
    """Return the heads that give one kind of token more than the threshold, strongest first."""
    heads = [
        {"layer": layer, "head": head, "kind": kind, "share": round(share[layer, head].item(), 4)}
        for kind, shares in key_shares(model, text.rows, text.keys).items()
        for share in [shares.mean(0)]
        for layer, head in (share > SINK_THRESHOLD).nonzero().tolist()
    ]
    return sorted(heads, key=lambda head: -head["share"])


@torch.no_grad()
def clozes(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return the most probable fillings of a few gaps."""
    lines = []
    for cloze in CLOZES:
        batch = tokenizer(cloze, return_tensors="pt", return_token_type_ids=False)
        gap = (batch.input_ids[0] == tokenizer.mask_token_id).nonzero().item()
        best = model(**batch).logits[0, gap].topk(N_GUESSES).indices.tolist()
        lines.append(f"{cloze} {', '.join(tokenizer.convert_ids_to_tokens(best))}")
    return lines


def evaluate_encoder(
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    n_steps: int,
    train: np.ndarray,
    heldout: np.ndarray,
) -> dict:
    """
    Return every number of the model card.

    Parameters
    ----------
    model : PreTrainedModel
        With plain attention, in single precision.
    train, heldout : uint16 (n_tokens,)
    """
    tokens = EncoderTokens.of(tokenizer.backend_tokenizer)
    text = MaskedHeldoutText(heldout, tokens, recipe.rows.n_tokens)
    point = text.point(model)
    commonest = commonest_share(text.batch[1].numpy(), train)
    return {
        "name": recipe.name,
        "n_parameters": model.num_parameters(),
        "n_steps": n_steps,
        "n_tokens": n_steps * recipe.rows.n_rows * recipe.rows.n_tokens,
        "commonest_accuracy": round(commonest, 4),
        "accuracy_gain": round(point["masked_accuracy"] - commonest, 4),
        **point,
        "sink_heads": sink_heads_by_kind(model, text),
        "n_sink_rows": N_SINK_ROWS,
        "n_sink_tokens": recipe.rows.n_tokens,
        "target_keys": [target.key for target in recipe.targets],
        "samples": clozes(model, tokenizer),
    }
