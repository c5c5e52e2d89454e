"""From a split logit to what its card draws and says; pure, and quick."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from modules.capital import capital
from modules.dive import named, number
from modules.quantity import SPACE, percent
from sinklens.errors import BadSelection
from sinklens.records import Prompt
from sinklens.residual_records import LogitAttribution, LogitQuestion

TOP, NEXT, TYPED = "top", "next", "typed"
TOKENS = {TOP: "the top prediction", NEXT: "the token that follows", TYPED: "a typed token"}
COMPARED = {
    "nothing": "the logit itself",
    "mean": "minus the mean of all tokens",
    "runner-up": "minus the likeliest other token",
    "token": "minus a typed token",
}
NONE_FOLLOWS = "No token follows the last position; choose another token or another position."
N_SHOWN = 10


@dataclass(frozen=True)
class Part:
    """One part of the model and what it adds."""

    name: str
    value: float


def question_of(
    prompt: Prompt, position: int, *, token: str, typed: str, against: str, other: str
) -> LogitQuestion:
    """What the controls ask; BadSelection where no token follows.

    Parameters
    ----------
    token : TOP, NEXT, TYPED or an id of the vocabulary
    """
    wanted: int | str | None = int(token) if token.isdecimal() else typed if token == TYPED else None
    if token == NEXT:
        if position + 1 >= len(prompt):
            raise BadSelection(NONE_FOLLOWS)
        wanted = prompt.ids[position + 1]
    return LogitQuestion(position, wanted, against, other if against == "token" else "")


def signed(value: float) -> str:
    """A number with its sign, three significant digits: +1.23, −0.05."""
    return ("+" if value >= 0 else "−") + number(abs(value))


def plain(value: float) -> str:
    """A number, three significant digits: 1.23, −0.05."""
    return ("" if value >= 0 else "−") + number(abs(value))


def beside(value: float, most: float) -> str:
    """A number for a small cell, with the decimals that two digits of the largest one take."""
    n_decimals = max(0, 1 - math.floor(math.log10(most))) if most > 0 else 0
    text = f"{abs(value):.{n_decimals}f}"
    return f"−{text}" if value < 0 and float(text) else text


def parts_of(found: LogitAttribution) -> list[Part]:
    """Every part, heads one by one where they are known; together they make the logit."""
    parts = [Part("embeddings", found.embeddings)]
    for kind, values in found.writes.items():
        heads = found.heads.get(kind)
        if heads is None:
            parts += [Part(f"{kind} {layer}", float(value)) for layer, value in enumerate(values)]
            continue
        parts += [
            Part(head_name(kind, layer, head), float(value)) for (layer, head), value in np.ndenumerate(heads)
        ]
        parts.append(Part(f"output biases of {kind}", float(found.projection_bias[kind].sum())))
    parts.append(Part("bias of the final norm", found.norm_bias))
    parts.append(Part("bias of the prediction head", found.head_bias))
    return parts


def head_name(kind: str, layer: int, head: int) -> str:
    """ "head 3.2", with the kind where it is not self-attention."""
    return f"head {layer}.{head}" + (" (cross-attention)" if kind == "cross-attention" else "")


def largest(found: LogitAttribution) -> list[Part]:
    """The parts that add or take away most, the largest first."""
    parts = [part for part in parts_of(found) if part.value]
    return sorted(parts, key=lambda part: -abs(part.value))[:N_SHOWN]


def grid_of(found: LogitAttribution) -> tuple[np.ndarray, list[str], list[tuple[str, int]]]:
    """Values (rows, H), names of the rows, and (kind, layer) of each; layer by layer."""
    n_layers = len(next(iter(found.heads.values())))
    places = [(kind, layer) for layer in range(n_layers) for kind in found.heads]
    short = {"attention": "self", "cross-attention": "cross"}
    names = [f"{layer} {short[kind]}" if len(found.heads) > 1 else str(layer) for kind, layer in places]
    return np.stack([found.heads[kind][layer] for kind, layer in places]), names, places


def readings_of(found: LogitAttribution) -> tuple[str, ...]:
    """What is read out for every cell of the grid, row by row."""
    values, _, places = grid_of(found)
    return tuple(
        f"{capital(head_name(kind, layer, head))} adds {signed(value)}"
        for (kind, layer), row in zip(places, values, strict=True)
        for head, value in enumerate(row)
    )


def subject(found: LogitAttribution) -> str:
    """What is split, in words."""
    token = f"“{found.labels[found.token_id]}”"
    if found.against == "nothing":
        return f"the logit of {token}"
    if found.against == "mean":
        return f"the logit of {token} minus the mean of all logits"
    return f"the logit of {token} minus that of “{found.labels[found.against_id]}”"


def attribution_finding(found: LogitAttribution, prompt: Prompt) -> str:
    """The logit, what the kinds of parts add to it, and the parts that do most for and against it."""
    heads = sum(float(values.sum()) for name, values in found.writes.items() if name != "feed-forward")
    rest = found.norm_bias + found.head_bias
    parts = parts_of(found)
    most, least = max(parts, key=lambda part: part.value), min(parts, key=lambda part: part.value)
    against = f", most against it {least.name} ({signed(least.value)})" if least.value < 0 else ""
    return (
        f"At {named(prompt, found.position)} {subject(found)} is {plain(found.logit)}: attention "
        f"{signed(heads)}, feed-forward {signed(float(found.writes['feed-forward'].sum()))}, embeddings "
        f"{signed(found.embeddings)}, biases {signed(rest)}. Most for it: {most.name} "
        f"({signed(most.value)}){against}."
    )


def sum_sentence(found: LogitAttribution) -> str:
    """How well the parts add up, and what comes before and after the sum."""
    sentences = [
        f"All parts add up to {plain(found.total)}; the model's own number is {plain(found.logit)} "
        f"(difference {abs(found.total - found.logit):.0e})."
    ]
    if found.is_centred:
        sentences.append("The final norm subtracts a mean, so each part is read without its own mean.")
    if found.softcap is not None:
        sentences.append(
            f"This is before the cap: the model then gives {found.softcap:g}{SPACE}·{SPACE}tanh(logit / "
            f"{found.softcap:g})."
        )
    return " ".join([*sentences, found.note]).strip()


def token_choices(found: LogitAttribution) -> dict[str, str]:
    """Tokens whose logit can be split: three ways to say it, then the likeliest ones at this position."""
    likely = zip(found.ids.tolist(), found.probabilities, strict=True)
    return TOKENS | {str(i): f"{found.labels[i]} · {percent(float(share))}" for i, share in likely}
