"""
The final measurements of a demo decoder, and the targets that they are held to.

All numbers come from the model folder as it lies on disk and from held-out
articles; the model card shows them and nothing else.
"""

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast, set_seed

from models.recipes.architectures import Recipe
from models.recipes.sampler import RowSampler
from models.recipes.sink_log import (
    N_SINK_ROWS,
    N_SINK_TOKENS,
    SINK_THRESHOLD,
    HeldoutText,
    measure_sinks,
    plain_rows,
    token_losses,
)
from models.recipes.trigram import Trigram

PROMPTS = ("The city was founded in", "In 1916, the ship", "Her second album")
N_SAMPLE_TOKENS = 60
SAMPLE_SEED = 0
N_HELDOUT_ROWS = 256


def training_rows(recipe: Recipe, stream: np.ndarray, first_id: int, n_steps: int) -> np.ndarray:
    """Return the rows that a run read, each once, before any segment was repeated."""
    sampler = RowSampler(stream, recipe.rows, first_id, recipe.seed)
    n_rows = min(n_steps * recipe.rows.n_rows, len(sampler.windows))
    rows = np.stack([sampler.plain_text(number) for number in range(n_rows)])
    return np.insert(rows, 0, first_id, axis=1)


def sink_heads(sinks: dict[str, Tensor]) -> list[dict]:
    """Return the heads whose mean share passes the threshold, strongest first."""
    share, drain = sinks["share_excluded"], sinks["value_drain"]
    n_grouped = share.shape[1] // drain.shape[1]  # query heads per value head
    heads = [
        {
            "layer": layer,
            "head": head,
            "share": round(share[layer, head].item(), 4),
            "value_drain": round(drain[layer, head // n_grouped].item(), 4),
        }
        for layer, head in (share > SINK_THRESHOLD).nonzero().tolist()
    ]
    return sorted(heads, key=lambda head: -head["share"])


@torch.no_grad()
def samples(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return one sampled continuation of each prompt (top 40, temperature 0.8)."""
    texts = []
    for prompt in PROMPTS:
        set_seed(SAMPLE_SEED)
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        out = model.generate(
            ids,
            max_new_tokens=N_SAMPLE_TOKENS,
            do_sample=True,
            top_k=40,
            temperature=0.8,
            pad_token_id=tokenizer.pad_token_id,
        )
        texts.append(tokenizer.decode(out[0], skip_special_tokens=True))
    return texts


def sink_numbers(model: PreTrainedModel, rows: Tensor) -> dict:
    """Return the sink part of the evaluation in plain numbers."""
    sinks = measure_sinks(model, rows)
    heads = sink_heads(sinks)
    drains = [head["value_drain"] for head in heads]
    norm_ratio = [round(ratio, 4) for ratio in sinks["norm_ratio"].tolist()]
    return {
        "sink_rate": round(sinks["sink_rate"], 4),
        "max_head_share": round(sinks["share_excluded"].max().item(), 4),
        "sink_head_drain": round(float(np.median(drains)), 4) if drains else None,
        "max_norm_ratio": max(norm_ratio[1:]),
        "first_token_norm_ratio": norm_ratio,
        "head_shares": [[round(s, 4) for s in layer] for layer in sinks["share_excluded"].tolist()],
        "sink_heads": heads,
        "n_sink_rows": N_SINK_ROWS,
        "n_sink_tokens": N_SINK_TOKENS,
    }


def evaluate_decoder(
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
        With attention that returns its weights, in single precision.
    train, heldout : uint16 (n_tokens,)
    """
    first_id, plan = tokenizer.bos_token_id, recipe.rows
    rows = plain_rows(heldout, first_id, N_HELDOUT_ROWS, plan.n_tokens)
    read = training_rows(recipe, train, first_id, n_steps)
    trigram = Trigram.fit(read, model.config.vocab_size)
    loss = token_losses(model, rows).mean().item()
    trigram_loss = float(trigram.losses(rows.numpy()).mean())
    text = HeldoutText(heldout, first_id, plan.n_tokens)
    return {
        "name": recipe.name,
        "n_parameters": model.num_parameters(),
        "n_steps": n_steps,
        "n_tokens": n_steps * plan.n_rows * plan.n_tokens,
        "n_distinct_tokens": read.size,
        "n_heldout_tokens": rows[:, 1:].numel(),
        "heldout_loss": round(loss, 4),
        "trigram_loss": round(trigram_loss, 4),
        "trigram_margin": round(trigram_loss - loss, 4),
        "copy_loss": round(text.copying_loss(model), 4),
        **sink_numbers(model, text.sink_rows),
        "target_keys": [target.key for target in recipe.targets],
        "samples": samples(model, tokenizer),
    }
