"""A trial that has been run, with the run's own text captured before and after the edit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pandas as pd

from modules.bench import Bench
from modules.edit_choice import EditWish
from modules.trial_plan import TrialPlan, plan_trial
from modules.trial_words import trial_finding
from sinklens.analysis.trial_table import trial_table
from sinklens.errors import SinkLensError
from sinklens.records import Prompt
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.trial_records import ArmEffect, TrialReport


@dataclass(frozen=True, eq=False)
class Tried:
    """What the result cards read."""

    before: Capture
    """The run itself."""
    after: Capture | None
    """The run with the edit; None where `missing` says why."""
    missing: str
    stream: str
    plan: TrialPlan
    report: TrialReport
    table: pd.DataFrame
    """One row per arm, as from `trial_table`."""
    finding: str

    @property
    def captures(self) -> list[Capture]:
        """The run, and the run with the edit where there is one."""
        return [run for run in (self.before, self.after) if run is not None]

    @property
    def effects(self) -> tuple[ArmEffect, ...]:
        """Of the edit, by text."""
        return self.report.of_arm(self.plan.name)

    @property
    def own_effect(self) -> ArmEffect | None:
        """Of the edit on the run's own text."""
        found = [effect for effect in self.effects if effect.text_index == self.plan.own_index]
        return found[0] if found else None

    @property
    def own_prompt(self) -> Prompt | None:
        """Tokens of the run's own text in the trial."""
        index = self.plan.own_index
        return None if index is None else self.report.prompts[index]


async def try_edit(
    bench: Bench, capture: Capture, texts: tuple[str, ...], wish: EditWish, on_status: OnStatus
) -> Tried:
    """Plan the trial, run it, and capture the run's own text with the edit."""
    service = bench.service
    plan = await plan_trial(service, capture, texts, wish, on_status)
    report = await service.trial(plan.request, on_status)
    after, missing = None, "The run's own text could not take the edit; the reasons stand above."
    if plan.own is not None:
        try:
            after = await service.capture(replace(capture.request, interventions=(plan.own,)))
        except SinkLensError as error:
            missing = str(error)
    table, finding = await asyncio.to_thread(_numbers, report, plan.name)
    return Tried(capture, after, missing, wish.stream, plan, report, table, finding)


def _numbers(report: TrialReport, name: str) -> tuple[pd.DataFrame, str]:
    return trial_table(report), trial_finding(report, name)
