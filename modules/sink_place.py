"""One key in one head of a run: what the cards about cause and consequence look at."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.analysis.shares import share_by_head
from sinklens.analysis.sink_cause import HeadCause, head_cause
from sinklens.analysis.sink_consequence import HeadConsequence, head_consequence
from sinklens.errors import SinkLensError
from sinklens.interventions import SwapPositions, ZeroQueryBias
from sinklens.records import CapturePlan, Prompt
from sinklens.results import Capture

PLAN = CapturePlan(mean_maps=False, thumbnails=False)
"""What a run keeps whose vectors are read once."""


@dataclass(frozen=True)
class SinkPlace:
    """A key in a head; equal places are in the same run."""

    capture: Capture
    stream: str
    layer: int
    head: int
    key: int

    @property
    def prompt(self) -> Prompt:
        return self.capture.key_prompt(self.stream)

    def named(self, position: int) -> str:
        """A token and its position in a sentence."""
        return f"“{self.prompt.labels[position]}” ({position})"


@dataclass(frozen=True, eq=False)
class Explained:
    """Cause and consequence at one place."""

    place: SinkPlace
    cause: HeadCause | None
    why_not: str
    """Why there is no cause to read; empty where there is one."""
    consequence: HeadConsequence


@dataclass(frozen=True)
class Edited:
    """One head and key before and after an edit, from a run of its own."""

    place: SinkPlace
    edit: ZeroQueryBias | SwapPositions
    before: HeadCause
    after: HeadCause
    share: tuple[float, float]
    """Of the key in this head, before and after; query 0 left out."""
    other_share: tuple[float, float] | None
    """Of the token whose position it got, where positions were swapped."""


def explained(place: SinkPlace) -> Explained:
    """Read both from the run; work for a thread."""
    at = place.layer, place.head, place.key
    consequence = head_consequence(place.capture.profile(place.stream), *at)
    try:
        return Explained(place, head_cause(place.capture, place.stream, *at), "", consequence)
    except SinkLensError as error:
        return Explained(place, None, str(error), consequence)


def compared(place: SinkPlace, edit: ZeroQueryBias | SwapPositions, run: Capture) -> Edited:
    """What an edited run made of the place; errors as in `head_cause`."""
    at = place.layer, place.head, place.key
    other = edit.second if isinstance(edit, SwapPositions) else None
    return Edited(
        place=place,
        edit=edit,
        before=head_cause(place.capture, place.stream, *at),
        after=head_cause(run, place.stream, *at),
        share=(_share(place.capture, place), _share(run, place)),
        other_share=None
        if other is None
        else (_share(place.capture, place, other), _share(run, place, other)),
    )


def middle_token(prompt: Prompt, key: int) -> int:
    """The ordinary token nearest to the middle of the text, another than the key."""
    middle = (len(prompt) - 1) / 2
    others = [token.index for token in prompt.tokens if token.index != key and not token.is_special]
    others = others or [token.index for token in prompt.tokens if token.index != key] or [key]
    return min(others, key=lambda position: abs(position - middle))


def _share(capture: Capture, place: SinkPlace, key: int | None = None) -> float:
    position = place.key if key is None else key
    shares = share_by_head(capture.profile(place.stream), "excluding_first", position)
    return float(shares[place.layer, place.head])
