"""Edits of a pass, as data.

An intervention says *what* to change; `sinklens.capture` applies it inside the forward pass, so
that the loss and every later layer see the change. All are frozen and hashable: an edited run has
its own place in the cache.
"""

from __future__ import annotations

from sinklens.errors import BadIntervention
from sinklens.interventions.cache import EvictAtRandom, KeepCache, QuantiseCache
from sinklens.interventions.columns import MaskKeys, MoveAttention, ScaleColumns, ZeroValues
from sinklens.interventions.heads import DropHeads, PatchContribution, StaticVectors
from sinklens.interventions.scope import Scope, StreamShape
from sinklens.interventions.softmax import OffByOneSoftmax, Temperature, ZeroQueryBias
from sinklens.interventions.states import ChangeTokens, SetDimensions, SwapPositions

Intervention = (
    MaskKeys
    | ScaleColumns
    | ZeroValues
    | MoveAttention
    | DropHeads
    | PatchContribution
    | OffByOneSoftmax
    | Temperature
    | ZeroQueryBias
    | KeepCache
    | EvictAtRandom
    | QuantiseCache
    | SetDimensions
    | SwapPositions
    | ChangeTokens
)

__all__ = [
    "ChangeTokens",
    "DropHeads",
    "EvictAtRandom",
    "Intervention",
    "KeepCache",
    "MaskKeys",
    "MoveAttention",
    "OffByOneSoftmax",
    "PatchContribution",
    "QuantiseCache",
    "ScaleColumns",
    "Scope",
    "SetDimensions",
    "StaticVectors",
    "StreamShape",
    "SwapPositions",
    "Temperature",
    "ZeroQueryBias",
    "ZeroValues",
    "check_interventions",
]


def check_interventions(interventions: tuple[Intervention, ...], *, shapes: dict[str, StreamShape]) -> None:
    """Raise BadIntervention unless every edit fits the streams of this run.

    Parameters
    ----------
    shapes : dict from stream to its StreamShape
    """
    for edit in interventions:
        if edit.stream not in shapes:
            raise BadIntervention(
                f"This model has the attention streams {', '.join(shapes)}; "
                f"the edit asks for '{edit.stream}'."
            )
        edit.check(shapes[edit.stream])
