"""Runs texts with edits and controls, and measures what the edits did to predictions and states."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from sinklens.capture.changed_tokens import changed_prompt
from sinklens.capture.edit_limits import check_edits, stream_shapes
from sinklens.capture.edited_batch import run_batch, shares_a_batch
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.masked_prediction import n_copies
from sinklens.capture.prediction_change import PredictionChange, compare_predictions
from sinklens.capture.readings import Reading, readings_of, shared_positions
from sinklens.errors import BadIntervention, EmptyText, NotANumber, RunCancelled, TextTooLong
from sinklens.interventions import Intervention
from sinklens.interventions.controls import controls_of
from sinklens.records import Prompt
from sinklens.trial_records import Arm, ArmEffect, Skipped, TrialReport, TrialRequest, unread_text

Placed = tuple[Arm, np.ndarray, np.ndarray]
"""An arm, and the positions that are read before it and under it."""
Measured = tuple[PredictionChange, np.ndarray, tuple[np.ndarray, np.ndarray]]
"""Change of the predictions, positions of the predicted tokens, drift of the states."""


@dataclass(frozen=True, eq=False)
class _Pass:
    """What one row of a forward pass leaves behind."""

    hidden: torch.Tensor
    """(T, width) states that the prediction head reads."""
    states: torch.Tensor
    """(L, T, width) float32, after every block."""


@dataclass(eq=False)
class _Trial:
    """The trial of one text while it runs."""

    loaded: LoadedModel
    request: TrialRequest
    index: int
    prompt: Prompt
    on_progress: Callable[[float, str], None]
    is_cancelled: Callable[[], bool]
    effects: list[ArmEffect] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    n_passes: int = 0

    def run(self, readings: tuple[Reading, ...]) -> None:
        """Run the text alone and under every arm, several to a batch."""
        entries = self._fitting()
        found: dict[str, list[Measured]] = {arm.name: [] for _, arm in entries}
        for number, reading in enumerate(readings):
            base, n_done = None, 0
            for arms in self._batches(reading, entries):
                placed = self._placed(reading, arms)
                rows = [arm.interventions for arm, *_ in placed]
                # The pass without edits is the first row of the first batch.
                passes = self._passes(reading, rows if base else [(), *rows])
                base = base or _sound(passes.pop(0))
                for arm, measured in self._compared(reading, base, placed, passes):
                    found[arm.name].append(measured)
                n_done += len(arms)
                share = (number + (1 + n_done) / (1 + len(entries))) / len(readings)
                self.on_progress(share, arms[-1].name if arms else "without edits")
        for of, arm in entries:
            if not self._is_out(of, arm):
                self.effects.append(_effect(of, arm, self.index, found[arm.name]))

    def _fitting(self) -> list[tuple[str, Arm]]:
        """(name of the edit, arm) for all that the model and the text can take; others are skipped."""
        entries = []
        for of, arm in self._arms():
            if self._is_out(of, arm):
                continue  # a control says nothing without its edit
            try:
                check_edits(self.loaded, arm.interventions, self.prompt)
                entries.append((of, arm))
            except (BadIntervention, TextTooLong) as error:
                self._skip(arm, error)
        return entries

    def _arms(self) -> Iterator[tuple[str, Arm]]:
        """(name of the edit, arm) for every edit and its controls."""
        shapes = stream_shapes(self.loaded, self.prompt)
        for arm in self.request.arms_of(self.index):
            yield arm.name, arm
            if not self.request.with_controls or len(arm.interventions) != 1:
                continue
            edit = arm.interventions[0]
            if edit.stream not in shapes:
                continue
            width, seed = self.loaded.info.hidden_size, self.request.seed + self.index
            for name, control in controls_of(edit, shapes[edit.stream], seed, width).items():
                yield arm.name, Arm(f"{arm.name}: {name}", (control,), "control")

    def _batches(self, reading: Reading, entries: list[tuple[str, Arm]]) -> Iterator[list[Arm]]:
        """The arms that are not skipped, as many together as memory allows; some have to run alone.

        The first batch, which may be empty, leaves room for the pass without edits.
        """
        n_rows = n_copies(self.loaded.info, max(len(reading.prompt), len(reading.target or ())))
        shared = [entry for entry in entries if shares_a_batch(entry[1].interventions)]
        yield [arm for _, arm in shared[: n_rows - 1]]
        groups = [shared[start : start + n_rows] for start in range(n_rows - 1, len(shared), n_rows)]
        groups += [[entry] for entry in entries if not shares_a_batch(entry[1].interventions)]
        for group in groups:
            arms = [arm for of, arm in group if not self._is_out(of, arm)]
            if arms:
                yield arms

    def _placed(self, reading: Reading, arms: list[Arm]) -> list[Placed]:
        """The arms with the positions that are read before and after; those without any are skipped."""
        placed = []
        for arm in arms:
            try:
                placed.append((arm, *shared_positions(reading, arm.interventions)))
            except BadIntervention as error:
                self._skip(arm, error)
        return placed

    def _compared(
        self, reading: Reading, base: _Pass, placed: list[Placed], passes: list[_Pass | Exception]
    ) -> Iterator[tuple[Arm, Measured]]:
        """What the arms of a batch did; an arm whose pass failed is skipped."""
        ready = []
        for place, after in zip(placed, passes, strict=True):
            if isinstance(after, Exception):
                self._skip(place[0], after)
            else:
                ready.append((*place, after))
        if not ready:
            return
        # Arms of one batch have the same tokens, so that all are read at the same positions.
        here = ready[0][1]
        changes = compare_predictions(
            self.loaded,
            base.hidden[torch.from_numpy(here)],
            [after.hidden[torch.from_numpy(there)] for _, _, there, after in ready],
            reading.actual[np.searchsorted(reading.positions, here)],
        )
        for (arm, _, there, after), change in zip(ready, changes, strict=True):
            drift = state_drift(base.states, after.states, here, there)
            yield arm, (change, here + reading.n_back, drift)

    def _passes(self, reading: Reading, rows: list[tuple[Intervention, ...]]) -> list[_Pass | Exception]:
        """One batch with a row for each set of edits; where it fails row by row, to tell which one did."""
        if self.is_cancelled():
            raise RunCancelled("The trial was stopped.")
        if not rows:
            return []
        loaded = self.loaded
        try:
            prompt = changed_prompt(reading.prompt, rows[0], loaded.tokenizer, loaded.info.n_tokens_max)
            batch = run_batch(loaded, prompt, self._target(reading, rows[0]), rows, self.is_cancelled)
        except (BadIntervention, TextTooLong) as error:
            if len(rows) == 1:
                return [error]
            return [outcome for row in rows for outcome in self._passes(reading, [row])]
        self.n_passes += len(rows)
        states = torch.stack(batch.states).float()
        return [
            _Pass(hidden, states[:, row])
            if bool(torch.isfinite(hidden).all())
            else NotANumber("The model's hidden states are not finite (NaN or infinity) under this edit.")
            for row, hidden in enumerate(batch.trunk_output)
        ]

    def _target(self, reading: Reading, interventions: tuple[Intervention, ...]) -> Prompt | None:
        """The decoder's text after the edits; None for models of one stack."""
        if reading.target is None:
            return None
        loaded = self.loaded
        return changed_prompt(
            reading.target, interventions, loaded.tokenizer, loaded.info.n_tokens_max, "decoder"
        )

    def _is_out(self, of: str, arm: Arm) -> bool:
        return bool({skipped.arm for skipped in self.skipped} & {of, arm.name})

    def _skip(self, arm: Arm, error: Exception) -> None:
        self.skipped.append(Skipped(arm.name, self.index, str(error)))


def _sound(outcome: _Pass | Exception) -> _Pass:
    """The pass, or what made it fail, raised."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _effect(of: str, arm: Arm, text_index: int, found: list[Measured]) -> ArmEffect:
    """The readings of one text together; the drift is that of the first."""
    changes, tokens, drifts = zip(*found, strict=True)
    turned, stretched = drifts[0]
    change = PredictionChange.joined(changes)
    return ArmEffect(
        arm, of, text_index, np.concatenate(tokens), **vars(change), turned=turned, stretched=stretched
    )


def run_trial(
    loaded: LoadedModel,
    request: TrialRequest,
    index: int,
    prompt: Prompt,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> TrialReport:
    """Run one text of a request without edits, under every arm, and under the controls of every arm.

    An arm that the text or the model cannot take, or under which the model computes no numbers any more, is
    listed with its reason, and so is a text without anything to predict; the others go on.

    Raises
    ------
    NotCaptured
        The model predicts nothing that a loss could be taken of.
    BadIntervention
        Two arms have the same name.
    RunCancelled
    NotANumber
        Without any edit.
    """
    started = time.perf_counter()
    check_names(request.arms_of(index))
    try:
        readings = readings_of(loaded, prompt)
    except EmptyText as error:
        return unread_text(request, loaded.info, index, str(error))
    trial = _Trial(loaded, request, index, prompt, on_progress, is_cancelled)
    trial.run(readings)
    return TrialReport(
        request=request,
        model=loaded.info,
        prompts=(prompt,),
        effects=tuple(trial.effects),
        skipped=tuple(trial.skipped),
        n_passes=trial.n_passes,
        elapsed_ms=(time.perf_counter() - started) * 1_000,
        loss_kind="masked token" if loaded.info.mask_token is not None else "next token",
    )


def check_names(arms: tuple[Arm, ...]) -> None:
    """Raise BadIntervention for two arms with one name: their effects could not be told apart."""
    names = [arm.name for arm in arms]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise BadIntervention(f"A trial cannot have two arms with the name '{double}'.")


def state_drift(
    before: torch.Tensor, after: torch.Tensor, here: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(L,) 1 - cosine and (L,) norm ratio of the states at the positions that are read, mean over them."""
    old, new = before[:, torch.from_numpy(here)], after[:, torch.from_numpy(there)]
    cosine = torch.cosine_similarity(old, new, dim=-1)
    ratio = new.norm(dim=-1) / old.norm(dim=-1).clamp_min(1e-12)
    return (1 - cosine).mean(-1).cpu().numpy(), ratio.mean(-1).cpu().numpy()
