"""Trials through the service: shared, kept, told how far they are, stopped between two passes.

pytest tests/service/test_trial.py
"""

from __future__ import annotations

import asyncio

import pytest

from sinklens.errors import BadIntervention
from sinklens.interventions import MaskKeys
from sinklens.results import arrays_in
from sinklens.trial_records import EVERY_ARM, Arm, TrialRequest
from tests.service.service_steps import ask, busy, leave, reached, until


def trial(*texts, model="gpt", **facts):
    return TrialRequest(model, texts, (Arm("mask", (MaskKeys(keys=(0,)),)),), **facts)


def tried(engine):
    return [text for call, text in engine.calls if call == "trial"]


async def test_two_equal_trials_share_one_run_and_later_ones_are_answered_from_memory(service, engine):
    first, second = await asyncio.gather(*(service.trial(trial("one", "three")) for _ in range(2)))
    assert first is second
    assert await service.trial(trial("one", "three")) is first
    assert tried(engine) == ["one", "three"]


async def test_another_seed_is_another_trial(service, engine):
    await asyncio.gather(service.trial(trial("one")), service.trial(trial("one", seed=1)))
    assert tried(engine) == ["one", "one"]


async def test_texts_stay_in_their_order_and_keep_their_numbers(service):
    report = await service.trial(trial("one", "", "three"))
    assert [(effect.text_index, effect.loss_change) for effect in report.effects] == [(0, 3.0), (2, 5.0)]
    assert [(skipped.arm, skipped.text_index) for skipped in report.skipped] == [(EVERY_ARM, 1)]
    assert [prompt is None for prompt in report.prompts] == [False, True, False]
    assert report.n_passes == 4


async def test_a_trial_that_no_text_can_take_fails_with_the_first_reason(service):
    with pytest.raises(BadIntervention, match="The text is empty"):
        await service.trial(trial("", ""))


async def test_a_trial_without_texts_says_what_it_needs(service):
    with pytest.raises(BadIntervention, match="needs at least one text and one edit"):
        await service.trial(trial())


async def test_nothing_in_a_report_can_be_written(service):
    report = await service.trial(trial("one"))
    found = list(arrays_in(report))
    assert len(found) >= 7
    assert not any(array.flags.writeable for array in found)


async def test_between_two_texts_others_may_have_the_model(service, engine):
    gate = engine.gate("first", layer=1)
    long = asyncio.create_task(service.trial(trial("first", "second")))
    await reached(gate)
    other = asyncio.create_task(service.capture(ask("quick")))
    await until(lambda: service.stats().n_queued == 1)
    gate.open()
    await asyncio.gather(long, other)
    order = [text for call, text in engine.calls if call in ("trial", "capture")]
    assert order == ["first", "quick", "second"]
    assert engine.most_at_once["gpt"] == 1


async def test_a_stop_ends_the_trial_in_the_text_that_is_read(service, engine):
    gate = engine.gate("second", layer=2)
    caller = asyncio.create_task(service.trial(trial("first", "second", "third")))
    await reached(gate)
    await leave(caller)
    gate.open()
    await until(lambda: engine.stopped == [("second", 3)])
    assert "third" not in tried(engine)


async def test_a_stop_while_it_waits_for_the_model_runs_nothing(service, engine):
    await service.info("gpt")
    async with busy(service, engine):
        caller = asyncio.create_task(service.trial(trial("one")))
        await until(lambda: service.stats().n_queued == 1)
        await leave(caller)
    await until(lambda: service.stats().n_running == 0)
    assert tried(engine) == []


async def test_one_caller_who_leaves_does_not_stop_the_other(service, engine):
    gate = engine.gate("one", layer=1)
    leaver, stayer = (asyncio.create_task(service.trial(trial("one"))) for _ in range(2))
    await reached(gate)
    await leave(leaver)
    gate.open()
    assert (await stayer).effects[0].loss_change == 3.0


async def test_progress_counts_the_texts_and_never_goes_back(service):
    told = []
    await service.trial(trial("one", "two"), told.append)
    running = [status for status in told if status.phase == "running"]
    assert "text 2 of 2: Layer 4 of 4" in [status.message for status in running]
    fractions = [status.fraction for status in running]
    assert fractions == sorted(fractions)
    assert told[-1].phase == "done"


async def test_a_text_that_fails_fails_the_trial_and_the_next_one_tries_again(service, engine):
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be read"):
            await service.trial(trial("one", "bad"))
    assert tried(engine) == ["one", "bad"] * 2
