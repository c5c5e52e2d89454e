"""Trials that judge the sinks of a run: each token masked in all heads, or in every head alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from modules.bench import LIGHT, require_editable, text_request
from modules.head_view import sink_positions
from sinklens.analysis.influence import effective_share
from sinklens.analysis.interval import Interval
from sinklens.analysis.received import attention_received
from sinklens.analysis.trial_table import change_beyond_controls, loss_change
from sinklens.errors import BadSelection, SinkLensError
from sinklens.interventions import MaskKeys
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService
from sinklens.trial_records import Arm, TrialReport, TrialRequest

NO_SINK = (
    "No sink was found in this run's text, so there is nothing to judge. That is a result too: the Sinks "
    "page shows how far every token is above uniform attention."
)


@dataclass(frozen=True, eq=False)
class Judged:
    """A finished trial of sinks or of heads."""

    capture: Capture
    stream: str
    report: TrialReport
    subjects: tuple[Subject, ...]
    measured: dict[str, tuple[Interval, Interval]]
    """By arm: change of the loss, and the same beyond the controls."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """What one arm masks, and how much attention is at stake."""

    arm: str
    token: int
    head: tuple[int, int] | None
    """(layer, head), None for all heads."""
    share: float
    """Part of all attention that the token receives (raw mean), 0..1, mean over the texts that count."""
    effective: float
    """Part of what attention writes that comes from it (Kobayashi et al. 2020), 0..1; NaN without vectors."""


async def judge_sinks(
    service: InferenceService, capture: Capture, stream: str, texts: tuple[str, ...], on_status: OnStatus
) -> Judged:
    """Mask every sink of the run's text, in all texts in which the same position is a sink too.

    Raises
    ------
    BadSelection
        The run's text has no sink.
    """
    runs, sinks, notes = await _read_all(service, capture, stream, texts, on_status)
    arms = [
        tuple(Arm(f"token {p}", (MaskKeys(keys=(p,), stream=stream),)) for p in sinks[0] if p in own)
        for own in sinks
    ]
    subjects = []
    for token in sinks[0]:
        there = [run for run, own in zip(runs, sinks, strict=True) if token in own]
        share, effective = await asyncio.to_thread(_shares, there, stream, token)
        subjects.append(Subject(f"token {token}", token, None, float(share.mean()), float(effective.mean())))
    return await _judged(service, capture, stream, runs, arms, subjects, notes, on_status)


async def judge_heads(
    service: InferenceService, capture: Capture, stream: str, texts: tuple[str, ...], on_status: OnStatus
) -> Judged:
    """Mask the run's strongest sink in one head after the other, in all texts in which it is a sink too."""
    runs, sinks, notes = await _read_all(service, capture, stream, texts, on_status)
    raw = attention_received(capture.profile(stream), "raw").mean(axis=(0, 1))
    token = max(sinks[0], key=lambda position: raw[position])
    there = [run for run, own in zip(runs, sinks, strict=True) if token in own]
    share, effective = await asyncio.to_thread(_shares, there, stream, token)
    heads = [(int(layer), int(head)) for layer, head in np.ndindex(share.shape)]
    arms = tuple(
        Arm(f"head {at[0]}.{at[1]}", (MaskKeys(keys=(token,), pairs=(at,), stream=stream),)) for at in heads
    )
    subjects = [
        Subject(f"head {at[0]}.{at[1]}", token, at, float(share[at]), float(effective[at])) for at in heads
    ]
    return await _judged(service, capture, stream, there, [arms] * len(there), subjects, notes, on_status)


async def _read_all(service, capture: Capture, stream: str, texts, on_status):
    """Every text that can be read, with its sinks; the run's own first."""
    require_editable(capture)
    runs, sinks, notes = [], [], []
    for index, text in enumerate(texts):
        try:
            run = await service.capture(text_request(capture, text, plan=LIGHT), on_status)
        except SinkLensError as error:
            if index == 0:
                raise
            notes.append(f"Text {index + 1} is left out: {error}")
            continue
        found = await asyncio.to_thread(sink_positions, run, stream)
        if index == 0 and not found:
            raise BadSelection(NO_SINK)
        runs.append(run)
        sinks.append(found)
    return runs, sinks, notes


async def _judged(service, capture: Capture, stream: str, runs, arms, subjects, notes, on_status) -> Judged:
    chosen = [(run, own) for run, own in zip(runs, arms, strict=True) if own]
    n_without = len(runs) - len(chosen)
    if n_without:
        notes = [*notes, f"{n_without} texts have no sink at these positions and are left out."]
    request = TrialRequest(
        model=capture.request.model,
        texts=tuple(run.request.text for run, _ in chosen),
        arms=(),
        add_bos=capture.request.add_bos,
        special_tokens=capture.request.special_tokens,
        long_text=chosen[0][0].request.long_text,
        own_arms=tuple(own for _, own in chosen),
    )
    report = await service.trial(request, on_status)
    measured = await asyncio.to_thread(_measured, report, subjects)
    return Judged(chosen[0][0], stream, report, tuple(subjects), measured, tuple(notes))


def _measured(report: TrialReport, subjects: list[Subject]) -> dict[str, tuple[Interval, Interval]]:
    """The intervals of every arm that could be run; a bootstrap each, so work for a thread."""
    effects = {subject.arm: report.of_arm(subject.arm) for subject in subjects}
    return {
        arm: (loss_change(found), change_beyond_controls(found, report.controls_of(arm)))
        for arm, found in effects.items()
        if found
    }


def _shares(runs: list[Capture], stream: str, token: int) -> np.ndarray:
    """(2, L, H) share and effective share of a token, mean over the runs."""
    profiles = [run.profile(stream) for run in runs]
    return np.mean(
        [
            [attention_received(profile, "raw")[..., token], effective_share(profile)[..., token]]
            for profile in profiles
        ],
        axis=0,
    )
