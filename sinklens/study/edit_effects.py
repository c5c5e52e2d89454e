"""What edits and controls do to the predictions of a text, as rows: the trials of the Intervene page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.trial import run_trial
from sinklens.errors import RunCancelled, SinkLensError
from sinklens.interventions import Intervention
from sinklens.records import Prompt
from sinklens.study.plan import InterventionPlan, Study
from sinklens.study.records import CONTROL, EDIT
from sinklens.study.shard_rows import Condition, ShardRows
from sinklens.trial_records import EVERY_ARM, Arm, ArmEffect, TrialRequest

SEEDS_APART = 1 << 32
"""Between the draws of two seeds there is room for the draws of every text."""


class TrialRows:
    """Trials of one shard."""

    def __init__(
        self, loaded: LoadedModel, study: Study, rows: ShardRows, is_cancelled: Callable[[], bool]
    ) -> None:
        self._loaded, self._study, self._rows, self._is_cancelled = loaded, study, rows, is_cancelled

    def add(
        self,
        text: dict,
        prompt: Prompt,
        arms: Sequence[tuple[InterventionPlan, tuple[Intervention, ...] | str]],
    ) -> int:
        """Rows of one text for every edit and control; the number of passes that it took.

        Parameters
        ----------
        arms : every intervention with its edits for this text, or why it is left out
        """
        for arm, edits in arms:
            if isinstance(edits, str):
                self._rows.fail(text, Condition(arm.name, EDIT, arm.name), "intervene", edits)
        n_passes = 0
        seeds = self._study.seeds if text["seed"] is None else (text["seed"],)
        for number, seed in enumerate(seeds):
            for with_controls in (True, False):
                ready = [
                    Arm(arm.name, edits)
                    for arm, edits in arms
                    if not isinstance(edits, str)
                    and arm.controls == with_controls
                    # Without controls nothing is drawn: another seed would give the same.
                    and (with_controls or number == 0)
                ]
                if ready:
                    n_passes += self._try(text, prompt, tuple(ready), seed, with_controls, number == 0)
        return n_passes

    def _try(
        self,
        text: dict,
        prompt: Prompt,
        arms: tuple[Arm, ...],
        seed: int,
        with_controls: bool,
        is_first: bool,
    ) -> int:
        request = TrialRequest(
            model=self._loaded.info.name,
            texts=(prompt.text,),
            arms=arms,
            with_controls=with_controls,
            seed=seed * SEEDS_APART + text["text_id"],
        )
        try:
            report = run_trial(self._loaded, request, 0, prompt, is_cancelled=self._is_cancelled)
        except RunCancelled:
            raise
        except SinkLensError as error:
            for arm in arms:
                self._rows.fail(text, Condition(arm.name, EDIT, arm.name), "intervene", str(error))
            return 0
        for effect in report.effects:
            if is_first or effect.arm.kind == CONTROL:
                self._add(text, effect, seed)
        for skipped in report.skipped:
            names = [arm.name for arm in arms] if skipped.arm == EVERY_ARM else [skipped.arm]
            for name in names:
                condition = Condition(name, EDIT, name.split(": ")[0] if name not in _names(arms) else name)
                self._rows.fail(text, condition, "intervene", skipped.reason)
        return report.n_passes

    def _add(self, text: dict, effect: ArmEffect, seed: int) -> None:
        is_control = effect.arm.kind == CONTROL
        row_seed = seed if is_control or text["seed"] is not None else None
        key = self._rows.key(text, Condition(effect.arm.name, effect.arm.kind, effect.of, row_seed))
        self._rows.add_run(key, _columns(effect))


def _names(arms: Sequence[Arm]) -> list[str]:
    return [arm.name for arm in arms]


def _columns(effect: ArmEffect) -> dict:
    return {
        "loss": float(effect.loss_after.mean(dtype="float64")),
        "loss_before": float(effect.loss_before.mean(dtype="float64")),
        "loss_change": effect.loss_change,
        "n_predicted": len(effect.tokens),
        "kl": float(effect.kl.mean(dtype="float64")),
        "top_changed": float(effect.is_top_changed.mean()),
        "top_overlap": float(effect.top_overlap.mean(dtype="float64")),
        "turned_by_layer": effect.turned,
        "stretched_by_layer": effect.stretched,
    }
