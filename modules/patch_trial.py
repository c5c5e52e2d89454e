"""Static sink patching: a vector in place of what tokens contribute, under conditions that tell it apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pandas as pd

from modules.bench import require_editable, text_request
from modules.edit_choice import EditWish
from modules.trial_plan import heads_above
from sinklens.analysis.trial_table import trial_table
from sinklens.errors import BadSelection, SinkLensError
from sinklens.interventions import ChangeTokens, PatchContribution, StaticVectors
from sinklens.records import CapturePlan
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.trial_records import Arm, TrialReport, TrialRequest

WHERE = {"all": "all layers together", "each": "each layer alone", "heads": "heads that rest on the tokens"}
FULL = CapturePlan(mean_maps=False, thumbnails=False)
DYNAMIC, STATIC, ZERO = "dynamic", "static mean", "zero"
SLIDE = (
    (0.0, 1.0, DYNAMIC),
    *((amount, 1.0, f"{amount:.0%} static") for amount in (0.25, 0.5, 0.75)),
    (1.0, 1.0, STATIC),
    *((1.0, scale, f"static × {scale:g}") for scale in (0.75, 0.5, 0.25)),
    (1.0, 0.0, ZERO),
)
"""(amount, scale, name) of every point of the way from dynamic over static to zero."""
OWN, RANDOM, OTHER_FIRST = "own mean", "random direction", "other first token"
EXPLAINED = {
    DYNAMIC: "the patch with nothing replaced: must change nothing",
    STATIC: "the mean over the calibration texts",
    OWN: "the mean over the test texts themselves, for comparison: not held out",
    ZERO: "nothing in its place",
    RANDOM: "a vector of equal length after the output projection, in a random direction",
    OTHER_FIRST: "the mean over the calibration texts with another first token",
}
LIMIT = 1e-5
"""The dynamic condition may differ from the unedited loss by this much, nats."""


@dataclass(frozen=True)
class PatchWish:
    """What the inputs of the card say."""

    n_first: int = 1
    where: str = "all"
    """A key of WHERE."""
    epsilon: float = 0.3
    stream: str = "self"


@dataclass(frozen=True, eq=False)
class Patched:
    """A finished trial of patches."""

    capture: Capture
    wish: PatchWish
    report: TrialReport
    test: tuple[str, ...]
    calibration: tuple[str, ...]
    first_label: str
    """The token that stood first in the condition of another first token."""
    notes: tuple[str, ...]
    table: pd.DataFrame
    """One row per arm, as from `trial_table`."""


def split_texts(texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every second text, the run's own first, is for the test; the others are for calibration.

    Raises
    ------
    BadSelection
        There is one text only.
    """
    if len(texts) < 2:
        raise BadSelection(
            "Patching needs a text to measure on and another one to take the mean from; add a text above."
        )
    return texts[0::2], texts[1::2]


async def try_patches(
    service: InferenceService, capture: Capture, texts: tuple[str, ...], wish: PatchWish, on_status: OnStatus
) -> Patched:
    """Take the means, then run the test texts under every condition."""
    require_editable(capture)
    test, calibration = split_texts(texts)
    keys, stream = tuple(range(wish.n_first)), wish.stream
    by = "head" if wish.where == "heads" else "layer"
    held_out, notes = await _captures(service, capture, calibration, wish, on_status)
    found = await service.static_contribution(held_out, keys, stream, by=by, on_status=on_status)
    notes += [found.note] if found.note else []
    vectors = {STATIC: found.mean, RANDOM: found.random}
    first = _other_first(capture)
    if wish.where != "each":
        own, _ = await _captures(service, capture, test, wish, on_status)
        vectors[OWN] = (await service.static_contribution(own, keys, stream, by=by)).mean
        if first is not None:
            edit = ChangeTokens(replace_first_by=first[0], stream=stream)
            changed, _ = await _captures(service, capture, calibration, wish, on_status, (edit,))
            vectors[OTHER_FIRST] = (await service.static_contribution(changed, keys, stream, by=by)).mean
    known = {name: StaticVectors.of(array) for name, array in vectors.items() if array is not None}
    arms = _arms(known, keys, wish, capture)
    request = TrialRequest(
        capture.request.model, test, arms, with_controls=False, add_bos=capture.request.add_bos,
        special_tokens=capture.request.special_tokens, long_text=text_request(capture, "").long_text,
    )  # fmt: skip
    report = await service.trial(request, on_status)
    label = "" if first is None else first[1]
    kept = tuple(run.request.text for run in held_out)
    table = await asyncio.to_thread(trial_table, report)
    return Patched(capture, wish, report, test, kept, label, tuple(notes), table)


async def _captures(service, capture: Capture, texts, wish: PatchWish, on_status, edits=()):
    """Runs that keep their vectors, of every text that is long enough; and a note for every other one."""
    runs, notes = [], []
    for text in texts:
        request = text_request(capture, text, plan=FULL, interventions=edits)
        try:
            run = await service.capture(request, on_status)
        except SinkLensError as error:
            notes.append(f"A text is left out: {error}")
            continue
        if run.profile(wish.stream).n_keys > wish.n_first + 1:
            runs.append(run)
        else:
            notes.append(f"A text of {run.profile(wish.stream).n_keys} tokens is too short and is left out.")
    if not runs:
        raise BadSelection(notes[0])
    return tuple(runs), notes


def _arms(vectors: dict[str, StaticVectors], keys, wish: PatchWish, capture: Capture) -> tuple[Arm, ...]:
    scope = {}
    if wish.where == "heads":
        edit = EditWish(epsilon=wish.epsilon, stream=wish.stream)
        scope = {"pairs": heads_above(capture, edit, 0)}

    def arm(name: str, source: str = STATIC, amount: float = 1.0, scale: float = 1.0, **where) -> Arm:
        patch = PatchContribution(
            keys=keys, vectors=vectors[source], amount=amount, scale=scale, stream=wish.stream,
            **(scope | where),
        )  # fmt: skip
        return Arm(name, (patch,))

    if wish.where == "each":
        kinds = [(STATIC, STATIC, 1.0), (ZERO, STATIC, 0.0)] + [(RANDOM, RANDOM, 1.0)] * (RANDOM in vectors)
        layers = range(capture.profile(wish.stream).n_layers)
        return tuple(
            arm(layer_arm(name, layer), source, scale=scale, layers=(layer,))
            for name, source, scale in kinds
            for layer in layers
        )
    slide = [arm(name, amount=amount, scale=scale) for amount, scale, name in SLIDE]
    others = [arm(name, name) for name in (OWN, RANDOM, OTHER_FIRST) if name in vectors]
    return (*slide, *others)


def layer_arm(name: str, layer: int) -> str:
    """Name of the arm of a condition in one layer alone."""
    return f"{name}, layer {layer}"


def identity_gap(report: TrialReport) -> float:
    """Largest difference of a token's loss under the dynamic condition, nats."""
    return max(
        float(np.abs(effect.loss_after.astype(np.float64) - effect.loss_before).max())
        for effect in report.of_arm(DYNAMIC)
    )


def _other_first(capture: Capture) -> tuple[int, str] | None:
    """(id, label) of a token of the text that is not its first: the middle one; None for a single token."""
    tokens = [token for token in capture.prompt.tokens[1:] if not token.is_special]
    tokens = [token for token in tokens if token.id != capture.prompt.tokens[0].id]
    if not tokens:
        return None
    middle = tokens[len(tokens) // 2]
    return middle.id, middle.label
