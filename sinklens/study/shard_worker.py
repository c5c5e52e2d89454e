"""Does one shard: some texts with one model, under every condition. The same shard gives the same bits.

A worker has one engine and knows nothing of folders, other workers or what was done before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import torch

from sinklens.analysis.plain_data import plain
from sinklens.analysis.received import received_once
from sinklens.capture.changed_tokens import changed_prompt
from sinklens.capture.device import Placement
from sinklens.capture.engine import Engine
from sinklens.capture.sink_contribution import chosen_sinks
from sinklens.errors import RunCancelled, SinkLensError
from sinklens.geometry_records import SinkRule
from sinklens.interventions import ChangeTokens, Intervention, StaticVectors
from sinklens.language.pipeline import EnglishReader
from sinklens.records import CaptureRequest, ModelInfo, Prompt
from sinklens.settings import Settings
from sinklens.study.captures import Captured, captures, plan_of
from sinklens.study.edit_effects import TrialRows
from sinklens.study.fitted import Fitted
from sinklens.study.head_measures import HEAD_MEASURES
from sinklens.study.plan import InterventionPlan, ModelChoice, Study
from sinklens.study.prompts import PromptMaker
from sinklens.study.records import EDIT, UNEDITED
from sinklens.study.run_measures import RUN_MEASURES, Measured, read_facts
from sinklens.study.shard_rows import Condition, ShardRows


@dataclass(frozen=True, eq=False)
class Entry:
    """One text with its tokens."""

    text: dict
    prompt: Prompt
    sinks: tuple[int, ...] = (0,)
    """Found in the unedited run."""


class ShardWorker:
    """Holds the models of one process."""

    def __init__(self, study: Study, settings: Settings | None = None, engine: Engine | None = None) -> None:
        self._study, settings = study, settings or Settings()
        placement = Placement(study.run.device, study.run.dtype, study.run.device_map)
        self.engine = engine or Engine(settings, placement)
        self._reader = EnglishReader(settings)

    def load(self, choice: ModelChoice) -> dict:
        """Facts of a model, as JSON types; any SinkLensError says why it cannot be used."""
        for name in self.engine.loaded():
            if name != choice.name:
                self.engine.release(name)
        with _threads(self._study.run.threads):
            return facts(self.engine.info(choice.name), self._study)

    def fit(
        self, choice: ModelChoice, arm: InterventionPlan, number: int, texts: Sequence[dict]
    ) -> StaticVectors:
        """The static vectors of one edit, from these texts; errors as in `Engine.static_contribution`."""
        edit, engine = arm.edits[number], self.engine
        keys = (0,) if edit.uses_sinks else edit.keys
        with _threads(self._study.run.threads):
            maker = PromptMaker(engine.model(choice.name), choice, self._study)
            request = CaptureRequest(choice.name, "", plan=plan_of(frozenset({"geometry"})))
            prompts = [maker.of(text) for text in texts]
            found = list(captures(engine, request, prompts, self._study.run.token_budget))
            runs = tuple(item.capture for item in found if isinstance(item, Captured))
            made = engine.static_contribution(runs, keys, edit.stream, edit.vector_source.by)
        vectors = made.mean if edit.vector_source.of == "mean" else made.random
        if vectors is None:
            raise SinkLensError(made.note)
        return StaticVectors.of(vectors)

    def run(
        self,
        choice: ModelChoice,
        texts: Sequence[dict],
        fitted: Fitted | None = None,
        on_work: Callable[[int], None] = lambda n_tokens: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, pa.Table]:
        """The tables of a shard; a text that fails is listed, and the others go on.

        Parameters
        ----------
        fitted : vectors of the edits that need them
        on_work : told the tokens of every pass that is done

        Raises
        ------
        RunCancelled
        """
        rows = ShardRows(choice.name)
        with _threads(self._study.run.threads):
            work = _Work(self, choice, fitted or {}, rows, on_work, is_cancelled)
            entries = work.measure_unedited(work.read(texts))
            for arm in self._study.edited:
                work.measure_edited(arm, entries)
            if self._study.edited:
                work.try_edits(entries)
        return rows.tables()


@dataclass(eq=False)
class _Work:
    """One shard in the making."""

    worker: ShardWorker
    choice: ModelChoice
    fitted: Fitted
    rows: ShardRows
    on_work: Callable[[int], None]
    is_cancelled: Callable[[], bool]

    @property
    def study(self) -> Study:
        return self.worker._study

    @property
    def engine(self) -> Engine:
        return self.worker.engine

    def read(self, texts: Sequence[dict]) -> list[Entry]:
        """The texts that can be read."""
        maker = PromptMaker(self.engine.model(self.choice.name), self.choice, self.study)
        entries = []
        for text in texts:
            try:
                entries.append(Entry(text, maker.of(text)))
            except SinkLensError as error:
                self.rows.fail(text, _unedited(text), "text", str(error))
        return entries

    def measure_unedited(self, entries: list[Entry]) -> list[Entry]:
        """Rows of the texts as they are; the texts that could be run, with their sinks."""
        needs_sinks = any(edit.uses_sinks for arm in self.study.edited for edit in arm.edits)
        ready = []
        for entry, measured in self._captured(entries, (), _unedited):
            self._add(entry, _unedited(entry.text), measured)
            stream, sinks = measured.capture.main_stream, entry.sinks
            if needs_sinks:
                sinks = chosen_sinks(measured.capture, stream, SinkRule())[0]
            ready.append(Entry(entry.text, entry.prompt, sinks))
        return sorted(ready, key=lambda entry: entry.text["text_id"])

    def measure_edited(self, arm: InterventionPlan, entries: list[Entry]) -> None:
        """Rows of the texts under an edit."""
        if not arm.heads:
            return
        groups: dict[tuple, list[Entry]] = {}
        for entry in entries:
            edits = self.edits_of(arm, entry)
            if not isinstance(edits, str):
                groups.setdefault(edits, []).append(entry)

        def condition_of(text: dict) -> Condition:
            return Condition(arm.name, EDIT, arm.name, text["seed"])

        for edits, group in groups.items():
            for entry, measured in self._captured(group, edits, condition_of):
                self._add(entry, condition_of(entry.text), measured)

    def edits_of(self, arm: InterventionPlan, entry: Entry) -> tuple[Intervention, ...] | str:
        """The edits of a text, or why it is left out."""
        built = []
        for number, edit in enumerate(arm.edits):
            fitted = self.fitted.get((arm.name, number))
            if fitted is not None and (reason := fitted.why_not(entry.text["text_id"])):
                return reason
            built.append(edit.build(sinks=entry.sinks, vectors=fitted.vectors if fitted else None))
        return tuple(built)

    def try_edits(self, entries: list[Entry]) -> None:
        """Rows of what edits and controls did to predictions."""
        loaded = self.engine.model(self.choice.name)
        trial = TrialRows(loaded, self.study, self.rows, self.is_cancelled)
        for entry in entries:
            arms = [(arm, self.edits_of(arm, entry)) for arm in self.study.edited]
            n_passes = trial.add(entry.text, entry.prompt, arms)
            self.on_work(n_passes * len(entry.prompt))

    def _captured(
        self, entries: list[Entry], edits: tuple[Intervention, ...], condition_of
    ) -> Iterator[tuple[Entry, Measured]]:
        """The entries that could be run under some edits; the others are listed."""
        study, loaded = self.study, self.engine.model(self.choice.name)
        request = CaptureRequest(self.choice.name, "", plan=plan_of(study.measured), interventions=edits)
        usable, prompts = [], []
        for entry in entries:
            try:
                prompts.append(_changed(loaded, entry.prompt, edits))
                usable.append(entry)
            except SinkLensError as error:
                self.rows.fail(entry.text, condition_of(entry.text), "measure", str(error))
        done = captures(
            self.engine, request, prompts, study.run.token_budget,
            keeps_residual="massive" in study.measured, is_cancelled=self.is_cancelled,
        )  # fmt: skip
        for item in done:
            entry = usable[item.index]
            self.on_work(len(entry.prompt))
            if isinstance(item, Captured):
                reader = self.worker._reader
                yield entry, Measured(loaded, item.capture, item.states, study.positions, reader)
            else:
                self.rows.fail(entry.text, condition_of(entry.text), "measure", item.reason)

    @received_once()
    def _add(self, entry: Entry, condition: Condition, measured: Measured) -> None:
        """The rows of one text under one condition."""
        key = self.rows.key(entry.text, condition)
        row = read_facts(measured, with_tokens=condition.kind == UNEDITED)
        for name, measure in RUN_MEASURES.items():
            if name in self.study.measured:
                row |= self._tried(name, measure, measured, entry, condition)
        self.rows.add_run(key, row)
        columns = {}
        for name, measure in HEAD_MEASURES.items():
            if name in self.study.measured:
                columns |= self._tried(name, measure, measured, entry, condition)
        if columns:
            self.rows.add_heads(key, columns, self.study.layers)

    def _tried(self, name: str, measure, measured: Measured, entry: Entry, condition: Condition) -> dict:
        """The columns of a measurement, none where it does not apply; why not is listed."""
        if self.is_cancelled():
            raise RunCancelled("The study was stopped.")
        try:
            return measure(measured)
        except RunCancelled:
            raise
        except SinkLensError as error:
            self.rows.fail(entry.text, condition, "measure", str(error), name)
            return {}


def _unedited(text: dict) -> Condition:
    """The seed is that of a generated text."""
    return Condition(UNEDITED, UNEDITED, "", text["seed"])


def _changed(loaded, prompt: Prompt, edits: tuple[Intervention, ...]) -> Prompt:
    if not any(isinstance(edit, ChangeTokens) for edit in edits):
        return prompt
    return changed_prompt(prompt, edits, loaded.tokenizer, loaded.info.n_tokens_max)


def facts(info: ModelInfo, study: Study) -> dict:
    """What models/<slug>.json says."""
    record = plain(vars(info) | {"checks": [vars(check) for check in info.checks]})
    missing = [layer for layer in study.layers or () if layer >= info.n_layers]
    hidden = [layer for layer in study.show.layers or () if layer >= info.n_layers]
    notes = []
    if missing:
        notes.append(f"Layers {', '.join(map(str, missing))} were asked for; the model has {info.n_layers}.")
    if hidden:
        notes.append(f"Layers {', '.join(map(str, hidden))} cannot be shown; the model has {info.n_layers}.")
    return record | {"notes": notes}


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Kernels use n threads: more of them may add up a sum in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
