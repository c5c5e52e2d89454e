"""Captures of many prompts of one model, in length-sorted batches where the model allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sinklens.capture.edit_limits import check_edits
from sinklens.capture.engine import Engine
from sinklens.capture.forward import run_forward
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.memory import free_bytes, refuse_if_too_large
from sinklens.capture.text_batch import BatchedText, capture_texts, fits_a_batch
from sinklens.errors import RunCancelled, SinkLensError
from sinklens.records import CapturePlan, CaptureRequest, Prompt
from sinklens.results import Capture
from sinklens.settings import Settings
from sinklens.study.run_measures import NEEDS_STATES


@dataclass(frozen=True, eq=False)
class Captured:
    """One prompt that was run."""

    index: int
    """Of the prompt."""
    capture: Capture
    states: np.ndarray | None
    """(L+1, T, d) residual stream; None where it was not asked for or runs alone."""


@dataclass(frozen=True)
class NotRun:
    """One prompt that could not be run."""

    index: int
    reason: str


def plan_of(measured: frozenset[str]) -> CapturePlan:
    """What a capture has to keep for some measurements."""
    return CapturePlan(
        states=bool(measured & NEEDS_STATES), mean_maps="global_metrics" in measured, thumbnails=False
    )


def batches(lengths: Sequence[int], token_budget: int) -> list[list[int]]:
    """Indexes in groups of like length, longest first; with its filling a group fits the budget, or is one.

    The groups depend on the lengths alone, so that the same texts always share the same passes.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= token_budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def captures(
    engine: Engine,
    request: CaptureRequest,
    prompts: Sequence[Prompt],
    token_budget: int,
    *,
    keeps_residual: bool = False,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Captured | NotRun]:
    """Run prompts of one model with what a request keeps and edits, in an order of our own.

    Parameters
    ----------
    token_budget : most tokens of a batch, filling included

    Raises
    ------
    RunCancelled
    """
    loaded = engine.model(request.model)
    usable = []
    for index, prompt in enumerate(prompts):
        try:
            refuse_if_too_large(loaded.info, len(prompt), request.plan, free_bytes(loaded.device))
            check_edits(loaded, request.interventions, prompt, _target(loaded, prompt))
            usable.append(index)
        except SinkLensError as error:
            yield NotRun(index, str(error))
    if not fits_a_batch(loaded, request.interventions):
        for index in usable:
            yield _alone(loaded, request, prompts[index], index, is_cancelled)
        return
    for group in batches([len(prompts[index]) for index in usable], token_budget):
        chosen = [usable[at] for at in group]
        yield from _together(loaded, request, prompts, chosen, keeps_residual, is_cancelled)


def _together(
    loaded: LoadedModel, request: CaptureRequest, prompts, chosen: list[int], keeps_residual, is_cancelled
) -> Iterator[Captured | NotRun]:
    try:
        texts = capture_texts(
            loaded,
            request,
            [prompts[index] for index in chosen],
            keeps_residual=keeps_residual,
            is_cancelled=is_cancelled,
        )
    except RunCancelled:
        raise
    except (SinkLensError, torch.OutOfMemoryError) as error:
        if len(chosen) == 1:
            yield NotRun(chosen[0], str(error).splitlines()[0])
            return
        for index in chosen:  # to find the one that fails
            yield from _together(loaded, request, prompts, [index], keeps_residual, is_cancelled)
        return
    for index, text in zip(chosen, texts, strict=True):
        if isinstance(text, BatchedText):
            yield Captured(index, text.capture, text.states)
        else:
            yield NotRun(index, str(text))


def _alone(
    loaded: LoadedModel, request: CaptureRequest, prompt: Prompt, index: int, is_cancelled
) -> Captured | NotRun:
    try:
        target = _target(loaded, prompt)
        capture = run_forward(loaded, request, prompt, target, Settings(), is_cancelled=is_cancelled)
    except RunCancelled:
        raise
    except (SinkLensError, torch.OutOfMemoryError) as error:
        return NotRun(index, str(error).splitlines()[0])
    return Captured(index, capture, None)


def _target(loaded: LoadedModel, prompt: Prompt) -> Prompt | None:
    """A decoder beside an encoder reads the same text."""
    return prompt if loaded.is_encoder_decoder else None
