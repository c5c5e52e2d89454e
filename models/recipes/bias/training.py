"""
Fine-tunes the trunk of demo-bert to name the seven labels of every piece, each with a sigmoid.

Batches have a fixed number of tokens and rows of like length. The weights of the epoch with the best
mean F1 on the dev split are kept; after training every label is calibrated on the dev split by Platt's
method (1999), and the calibration is folded into the last layer.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from transformers import BertForTokenClassification

from models.recipes.bias.rows import NO_WORD, Row
from sinklens.bias_records import GUS_LABELS

TRUNK = Path("models/demo-bert")


@dataclass(frozen=True)
class TaggerRecipe:
    """All that decides the training besides the examples."""

    n_epochs: int = 5
    peak_rate: float = 5e-4
    warm_up_share: float = 0.08
    weight_decay: float = 0.05
    dropout: float = 0.15
    piece_dropout: float = 0.05  # part of the pieces that are masked, so that no word is learnt by heart
    n_batch_tokens: int = 2_048
    seed: int = 0


def new_tagger(recipe: TaggerRecipe, trunk: Path = TRUNK) -> BertForTokenClassification:
    """Return demo-bert with a new last layer."""
    torch.manual_seed(recipe.seed)
    labels = dict(enumerate(GUS_LABELS))
    return BertForTokenClassification.from_pretrained(
        trunk,
        dtype=torch.float32,
        id2label=labels,
        label2id={label: number for number, label in labels.items()},
        problem_type="multi_label_classification",
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=0.0,
        classifier_dropout=recipe.dropout,
    )


def batches(rows: list[Row], n_tokens: int, draws: random.Random | None) -> Iterator[list[Row]]:
    """Yield rows of like length together; shuffled where draws are given."""
    jitter = (lambda row: draws.random() * 8) if draws else (lambda row: 0.0)
    ordered = sorted(rows, key=lambda row: len(row.ids) + jitter(row))
    found: list[list[Row]] = [[]]
    for row in ordered:
        if found[-1] and (len(found[-1]) + 1) * len(row.ids) > n_tokens:
            found.append([])
        found[-1].append(row)
    if draws:
        draws.shuffle(found)
    yield from found


def tensors(batch: list[Row], pad_id: int) -> tuple[torch.Tensor, ...]:
    """Return ids (n, T), attention mask (n, T), targets (n, T, 7) and known (n, T, 7)."""
    n_tokens = max(len(row.ids) for row in batch)
    ids = torch.full((len(batch), n_tokens), pad_id)
    mask = torch.zeros(len(batch), n_tokens, dtype=torch.long)
    targets, known = torch.zeros(len(batch), n_tokens, 7), torch.zeros(len(batch), n_tokens, 7)
    for at, row in enumerate(batch):
        here = slice(0, len(row.ids))
        ids[at, here], mask[at, here] = torch.from_numpy(row.ids), 1
        targets[at, here], known[at, here] = torch.from_numpy(row.targets), torch.from_numpy(row.known)
    return ids, mask, targets, known


def train(rows: list[Row], recipe: TaggerRecipe, tokenizer, after_epoch) -> BertForTokenClassification:
    """Train; `after_epoch(model, number, log)` returns a score, and the best weights are given back."""
    model, draws = new_tagger(recipe), random.Random(recipe.seed)
    epochs = [list(batches(rows, recipe.n_batch_tokens, draws)) for _ in range(recipe.n_epochs)]
    n_steps = sum(map(len, epochs))
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, n_steps, recipe))
    best, kept, started = -1.0, None, time.perf_counter()
    for number, epoch in enumerate(epochs, 1):
        model.train()
        losses = [training_step(model, batch, optimiser, schedule, recipe, tokenizer) for batch in epoch]
        log = {
            "epoch": number,
            "loss": float(np.mean(losses)),
            "minutes": (time.perf_counter() - started) / 60,
        }
        score = after_epoch(model.eval(), log)
        if score > best:
            best, kept = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return model.eval()


def rate(step: int, n_steps: int, recipe: TaggerRecipe) -> float:
    """Return the share of the peak rate: up, then linearly down to zero."""
    n_up = recipe.warm_up_share * n_steps
    return min((step + 1) / n_up, (n_steps - step) / (n_steps - n_up))


def training_step(model, batch, optimiser, schedule, recipe: TaggerRecipe, tokenizer) -> float:
    """Take one step; return the loss, nats a label."""
    ids, mask, targets, known = tensors(batch, tokenizer.pad_token_id)
    hidden = (torch.rand(ids.shape) < recipe.piece_dropout) & mask.bool()
    logits = model(ids.masked_fill(hidden, tokenizer.mask_token_id), attention_mask=mask).logits
    by_label = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    loss = (by_label * known).sum() / known.sum()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    return float(loss.detach())


@torch.inference_mode()
def piece_logits(model, rows: list[Row], pad_id: int, n_batch_tokens: int = 4_096) -> list[np.ndarray]:
    """Return (T, 7) logits of every row, in the order of the rows."""
    found: dict[int, np.ndarray] = {}
    for batch in batches(rows, n_batch_tokens, None):
        ids, mask, *_ = tensors(batch, pad_id)
        logits = model(ids, attention_mask=mask).logits.numpy()
        found |= {id(row): logits[at, : len(row.ids)] for at, row in enumerate(batch)}
    return [found[id(row)] for row in rows]


def calibrate(model: BertForTokenClassification, rows: list[Row], pad_id: int) -> dict[str, list[float]]:
    """Fold slope and offset of every label, fitted on these rows, into the last layer; return them."""
    logits = np.concatenate(piece_logits(model, rows, pad_id))
    targets, known = (np.concatenate([getattr(row, name) for row in rows]) for name in ("targets", "known"))
    fitted = {}
    for label, name in enumerate(GUS_LABELS):
        here = known[:, label] > 0
        line = LogisticRegression(C=1e6).fit(logits[here, label : label + 1], targets[here, label])
        slope, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
        with torch.no_grad():
            model.classifier.weight[label] *= slope
            model.classifier.bias[label] = slope * model.classifier.bias[label] + offset
        fitted[name] = [slope, offset]
    return fitted


def word_probabilities(logits: list[np.ndarray], rows: list[Row]) -> dict[int, np.ndarray]:
    """Return for every example (W, 7) probabilities, the largest of each word's pieces."""
    n_words: dict[int, int] = {}
    for row in rows:
        n_words[row.example] = max(n_words.get(row.example, 0), int(row.words.max()) + 1)
    found = {example: np.zeros((n, 7), np.float32) for example, n in n_words.items()}
    for row, values in zip(rows, logits, strict=True):
        placed = row.words != NO_WORD
        shares = 1 / (1 + np.exp(-values[placed]))
        np.maximum.at(found[row.example], row.words[placed], shares)
    return found
