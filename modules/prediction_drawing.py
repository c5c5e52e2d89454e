"""From the predictions at all positions of a run to rows and sentences."""

from __future__ import annotations

import math

import numpy as np

from modules.dive import named, stack_prompt
from modules.predictions import NO_HEAD, NO_MASK, is_masked
from modules.quantity import SPACE, count, percent
from sinklens.prediction_records import Predictions
from sinklens.records import Prompt, Token
from sinklens.results import Capture

ONLY_SPECIAL = "Not applicable: the text has special tokens alone, and those are not masked."


def absence(capture: Capture) -> str | None:
    """Why there is no prediction at any position of this run; None where there is one."""
    if not capture.model.has_lm_head:
        return f"Not applicable. {NO_HEAD}"
    if is_masked(capture):
        return None if maskable(capture) else ONLY_SPECIAL
    return f"Not applicable. {NO_MASK}" if capture.predictions is None else None


def maskable(capture: Capture) -> tuple[int, ...]:
    """Positions that are masked in turn: words, and masks that the text has itself."""
    return tuple(
        token.index
        for token in capture.prompt.tokens
        if not token.is_special or token.piece == capture.model.mask_token
    )


def actual_token(capture: Capture, kind: str, position: int) -> Token | None:
    """The token of the text that a prediction stands for, None where the text leaves it open."""
    tokens = stack_prompt(capture).tokens
    if kind == "next":
        return tokens[position + 1] if position + 1 < len(tokens) else None
    return None if tokens[position].piece == capture.model.mask_token else tokens[position]


def table_frame(capture: Capture, predictions: Predictions | None) -> dict:
    """What the browser needs to draw the table of all positions; without predictions only its tokens."""
    prompt, has_masks = stack_prompt(capture), is_masked(capture)
    usable = set(maskable(capture)) if has_masks else set(range(len(prompt)))
    found = {} if predictions is None else {at: row for row, at in enumerate(predictions.positions)}
    top = full_bar(predictions)
    rows = []
    for token in prompt.tokens:
        row = {
            "label": token.label or "∅", "special": token.is_special,
            "usable": token.index in usable, "spoken": f"{named(prompt, token.index)}",
        }  # fmt: skip
        if token.index in found:
            row |= _predicted(capture, predictions, found[token.index], top)
        elif token.index not in usable:
            row["spoken"] += ": special token, not masked"
        rows.append(row)
    return {
        "rows": rows,
        "masked": has_masks,
        "expected": "Expected here" if has_masks else "Expected next",
        "actual": "This token" if has_masks else "The text has",
        "legend": "" if predictions is None else bar_sentence(predictions),
    }


def _predicted(capture: Capture, predictions: Predictions, row: int, top: float) -> dict:
    position, prompt = predictions.positions[row], stack_prompt(capture)
    expected, share = predictions.labels[row][0], percent(predictions.probabilities[row, 0])
    actual = actual_token(capture, predictions.kind, position)
    place = named(prompt, position)
    lead = f"After {place}" if predictions.kind == "next" else f"At {place}, masked"
    found = {"expected": expected, "share": share}
    spoken = f"{lead}: the model expects “{expected}”, {share}"
    if actual is None:
        return found | {"spoken": f"{spoken}; the text leaves it open"}
    rank, surprisal = int(predictions.actual_rank[row]), float(predictions.surprisal[row])
    own = percent(predictions.actual_probability[row])
    return found | {
        "actual": actual.label,
        "own": own,
        "rank": f"rank {count(rank)}",
        "hit": rank == 1,
        "nats": f"{surprisal:.2f}",
        "fill": round(min(surprisal / top, 1.0), 3),
        "spoken": f"{spoken}; the text has “{actual.label}”, {own}, rank {count(rank)}, {surprisal:.2f} nats",
    }


def full_bar(predictions: Predictions | None) -> float:
    """Surprisal of the full bar, nats: that of a guess, or the largest one where that is more."""
    if predictions is None:
        return 1.0
    known = predictions.surprisal[np.isfinite(predictions.surprisal)]
    return max(math.log(predictions.steps.n_vocabulary), float(known.max(initial=0.0)))


def bar_sentence(predictions: Predictions) -> str:
    """What the bars stand for."""
    guess = math.log(predictions.steps.n_vocabulary)
    top = full_bar(predictions)
    rest = "" if top == guess else f", full at {top:.1f}"
    return (
        f"Bar: surprisal in nats{rest}; a guess among all {count(predictions.steps.n_vocabulary)} tokens of "
        f"the vocabulary costs {guess:.1f}."
    )


def positions_finding(capture: Capture, predictions: Predictions) -> str:
    """How well the text is predicted, and where worst, in a sentence."""
    known = np.flatnonzero(np.isfinite(predictions.surprisal))
    if not len(known):
        return _open_finding(capture, predictions)
    n_hits, n_known = int((predictions.actual_rank[known] == 1).sum()), len(known)
    surprisal = predictions.surprisal[known]
    worst = predictions.positions[known[int(surprisal.argmax())]]
    prompt, is_next = stack_prompt(capture), predictions.kind == "next"
    hits = (
        f"The model's first choice is the token that follows after {n_hits} of {n_known} tokens."
        if is_next
        else f"Masked one at a time, {n_hits} of {n_known} tokens are the model's first choice."
    )
    lead = "Decoder text. " if capture.target is not None else ""
    return (
        f"{lead}{hits} Mean surprisal {surprisal.mean():.2f}{SPACE}nats; most surprising is "
        f"{_quoted(prompt, worst + is_next)} with {surprisal.max():.2f}{SPACE}nats."
    )


def _open_finding(capture: Capture, predictions: Predictions) -> str:
    prompt = stack_prompt(capture)
    expected = f"“{predictions.labels[0][0]}”, {percent(predictions.probabilities[0, 0])}"
    if predictions.kind == "next":
        place = _quoted(prompt, predictions.positions[0])
        return f"A single token: nothing follows that could be compared. After {place} comes {expected}."
    return f"The text leaves all its masks open. At {named(prompt, predictions.positions[0])}: {expected}."


def _quoted(prompt: Prompt, position: int) -> str:
    return f"“{prompt.tokens[position].label}” ({position})"
