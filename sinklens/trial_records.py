"""The frozen records of a trial: several texts run with an edit, with its controls, and without.

n is the number of predicted tokens of a text that both runs predict. Arrays are numpy float32
unless stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sinklens.errors import BadIntervention
from sinklens.interventions import Intervention
from sinklens.records import CaptureRequest, ModelInfo, Prompt

KINDS = ("edit", "control")


@dataclass(frozen=True)
class Arm:
    """One way to run the texts, besides leaving them alone."""

    name: str
    interventions: tuple[Intervention, ...]
    kind: str = "edit"
    """"edit", or "control": an edit of the same size elsewhere."""

    def sentence(self) -> str:
        """What is done, in words."""
        return "; ".join(edit.sentence() for edit in self.interventions) or "nothing is changed"


@dataclass(frozen=True)
class TrialRequest:
    """Everything that decides a trial; equal requests give equal reports."""

    model: str
    texts: tuple[str, ...]
    arms: tuple[Arm, ...]
    with_controls: bool = True
    """Run the controls that fit each edit beside it (`sinklens.interventions.controls`)."""
    seed: int = 0
    """Of everything that is drawn at random in controls."""
    add_bos: bool | None = None
    special_tokens: bool = True
    long_text: str = "refuse"
    """"refuse" or "first"; as in CaptureRequest."""
    own_arms: tuple[tuple[Arm, ...], ...] = ()
    """For every text its arms in place of `arms`, where what is edited differs from text to text, such as its
    own sinks; arms of one name belong together."""

    def arms_of(self, index: int) -> tuple[Arm, ...]:
        """The arms of one text."""
        return self.own_arms[index] if self.own_arms else self.arms

    @property
    def reading(self) -> CaptureRequest:
        """How the texts are turned into tokens; its own text is empty."""
        return CaptureRequest(
            self.model,
            "",
            add_bos=self.add_bos,
            special_tokens=self.special_tokens,
            long_text=self.long_text,
        )


@dataclass(frozen=True, eq=False)
class ArmEffect:
    """What one arm did to one text."""

    arm: Arm
    of: str
    """Name of the edit that a control belongs to; the arm's own name for an edit."""
    text_index: int
    tokens: np.ndarray
    """(n,) int: position in the text, before any change, of each token that is predicted."""
    loss_before: np.ndarray
    """(n,) nats per predicted token, without the edit."""
    loss_after: np.ndarray
    """(n,) nats"""
    kl: np.ndarray
    """(n,) KL divergence of the edited from the unedited prediction, KL(before || after), nats."""
    is_top_changed: np.ndarray
    """(n,) bool: the likeliest token is another one."""
    top_overlap: np.ndarray
    """(n,) share of the ten likeliest tokens that stay among the ten, 0..1."""
    turned: np.ndarray
    """(L,) 1 - cosine of the state after each block with itself before the edit, mean over tokens."""
    stretched: np.ndarray
    """(L,) norm of the state after each block over its norm before the edit, mean over tokens."""

    @property
    def loss_change(self) -> float:
        """Mean change of the loss, nats per token; positive is worse."""
        return float((self.loss_after.astype(np.float64) - self.loss_before).mean())


@dataclass(frozen=True)
class Skipped:
    """An arm that a text or the model could not take, with the reason."""

    arm: str
    text_index: int
    reason: str


@dataclass(frozen=True, eq=False)
class TrialReport:
    """All effects of a trial."""

    request: TrialRequest
    model: ModelInfo
    prompts: tuple[Prompt | None, ...]
    """One for each text of the request; None for a text that could not be read."""
    effects: tuple[ArmEffect, ...]
    skipped: tuple[Skipped, ...]
    n_passes: int
    """Forward passes that were run."""
    elapsed_ms: float
    loss_kind: str
    """"next token" or "masked token": what the losses are of."""

    def of_arm(self, name: str) -> tuple[ArmEffect, ...]:
        """The effects of one arm, in the order of the texts."""
        return tuple(effect for effect in self.effects if effect.arm.name == name)

    def controls_of(self, name: str) -> tuple[ArmEffect, ...]:
        """The effects of all controls of an edit."""
        return tuple(e for e in self.effects if e.of == name and e.arm.kind == "control")


EVERY_ARM = "every arm"
"""`Skipped.arm` of a text that could not be read at all."""


def unread_text(request: TrialRequest, model: ModelInfo, index: int, reason: str) -> TrialReport:
    """The report of a text that gave no tokens."""
    return TrialReport(request, model, (None,), (), (Skipped(EVERY_ARM, index, reason),), 0, 0.0, "")


def joined(parts: Sequence[TrialReport]) -> TrialReport:
    """The reports of single texts as one, in their order.

    Raises
    ------
    BadIntervention
        No text could take any of the arms; the message is the first reason.
    """
    effects = tuple(effect for part in parts for effect in part.effects)
    skipped = tuple(reason for part in parts for reason in part.skipped)
    if not effects:
        raise BadIntervention(
            skipped[0].reason if skipped else "A trial needs at least one text and one edit."
        )
    return replace(
        next(part for part in parts if part.effects),
        prompts=tuple(prompt for part in parts for prompt in part.prompts),
        effects=effects,
        skipped=skipped,
        n_passes=sum(part.n_passes for part in parts),
        elapsed_ms=sum(part.elapsed_ms for part in parts),
    )
