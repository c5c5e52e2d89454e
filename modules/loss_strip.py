"""The text itself, every token coloured by how much its loss has changed."""

from __future__ import annotations

import numpy as np
from htmltools import Tag
from shiny import ui

from modules.widgets.telling import tells
from modules.widgets.token_strip import direction, gaps
from sinklens.records import Prompt
from sinklens.trial_records import ArmEffect

TOP_SHARE = 0.95
"""Full colour stands for this quantile of the sizes, so that one token does not wash out the others."""


def loss_strip(prompt: Prompt, effect: ArmEffect, *, pick: str) -> Tag:
    """Buttons in the order of the text; a click selects the token.

    Parameters
    ----------
    effect : of this text
    pick : full id of the input that is told a token's position
    """
    changes = token_changes(effect)
    top = full_colour(np.array(list(changes.values())))
    parts: list = []
    for token, before in zip(prompt.tokens, gaps(prompt), strict=True):
        if before == "line":
            parts.append(ui.tags.br())
        parts.append(_token(token.index, token.label, changes.get(token.index), top, pick))
    return ui.div(
        ui.div(
            *parts,
            class_="intervene-strip",
            dir=direction(prompt.text),
            role="group",
            aria_label="Tokens of the text",
        ),
        ui.div(
            ui.span("▲ predicted worse, "),
            ui.span("▼ predicted better; "),
            ui.span(f"full colour from {top:.2f} nats on; dotted: not predicted in both runs."),
            class_="sl-muted",
        ),
    )


def token_changes(effect: ArmEffect) -> dict[int, float]:
    """Change of the loss by position of the predicted token, nats."""
    changes = effect.loss_after.astype(np.float64) - effect.loss_before
    return dict(zip(effect.tokens.tolist(), changes.tolist(), strict=True))


def full_colour(changes: np.ndarray) -> float:
    """The change from which on a token has full colour; at least a hundredth of a nat."""
    return max(float(np.quantile(np.abs(changes), TOP_SHARE)) if len(changes) else 0.0, 0.01)


def suffer_sentence(prompt: Prompt, effect: ArmEffect) -> str:
    """The tokens that are predicted worse and better than before, and the one that suffers most."""
    changes = token_changes(effect)
    n_worse, n_better = (sum(sign * change > 5e-4 for change in changes.values()) for sign in (1, -1))
    worst = max(changes, key=changes.get)
    sentence = f"Predicted worse than before: {n_worse} of {len(changes)} tokens, better: {n_better}"
    if n_worse:
        label = prompt.tokens[worst].label
        sentence += f"; “{label}” ({worst}) suffers most, by {changes[worst]:.2f} nats"
    return f"{sentence}."


def _token(index: int, label: str, change: float | None, top: float, pick: str) -> Tag:
    if change is None:
        kind, share, words = "intervene-unread", 0.0, "not predicted in both runs"
    else:
        kind = "sl-raises" if change > 0 else "sl-lowers"
        share, words = min(abs(change) / top, 1.0), f"loss {change:+.2f} nats"
    return ui.tags.button(
        ui.tags.bdi(label or "∅", dir="auto"),
        tells(pick, index),
        type="button",
        class_=f"sl-signed intervene-token {kind}",
        style=f"--share: {share:.3f}",
        title=f"token {index}: {words}",
        aria_label=f"token {index}, {label}: {words}",
    )
