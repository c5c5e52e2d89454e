"""Masked predictions: in turns, shared, told and stopped. Run: pytest tests/service/test_masked.py"""

from __future__ import annotations

import asyncio

import pytest

from sinklens.errors import BadSelection
from sinklens.masked_runs import N_TURN_POSITIONS
from tests.service.service_steps import ask, leave, reached, until

POSITIONS = tuple(range(2 * N_TURN_POSITIONS + 3))


def n_turns(engine) -> int:
    return engine.calls.count(("masked", "hello"))


async def test_a_long_text_is_masked_in_turns_and_put_together(service, engine):
    capture = await service.capture(ask("hello"))
    predictions = await service.masked_predictions(capture, POSITIONS)
    assert n_turns(engine) == 3
    assert predictions.positions == POSITIONS
    assert len(predictions.probabilities) == len(POSITIONS)
    assert not predictions.probabilities.flags.writeable
    assert await service.masked_predictions(capture, POSITIONS) is predictions
    assert n_turns(engine) == 3


async def test_somebody_else_has_the_model_between_two_turns(service, engine):
    capture = await service.capture(ask("hello"))
    gate = engine.gate("hello")
    long = asyncio.create_task(service.masked_predictions(capture, POSITIONS))
    await reached(gate)
    other = asyncio.create_task(service.capture(ask("other")))
    await until(lambda: service.stats().n_queued == 1)
    gate.open()
    await asyncio.gather(long, other)
    assert [call for call, text in engine.calls if call in ("masked", "capture")] == [
        "capture", "masked", "capture", "masked", "masked",
    ]  # fmt: skip


async def test_masks_together_are_one_turn_and_another_answer(service, engine):
    capture = await service.capture(ask("hello"))
    alone = await service.masked_predictions(capture, POSITIONS)
    together = await service.masked_predictions(capture, POSITIONS, together=True)
    assert n_turns(engine) == 4
    assert (alone.kind, together.kind) == ("masked", "masked together")


async def test_progress_counts_all_tokens_and_never_goes_back(service, engine):
    capture, told = await service.capture(ask("hello")), []
    await service.masked_predictions(capture, POSITIONS, on_status=told.append)
    await until(lambda: told[-1].phase == "done")
    running = [status for status in told if status.phase == "running"]
    fractions = [status.fraction for status in running]
    assert fractions == sorted(fractions)
    assert running[-1].fraction > 2 * N_TURN_POSITIONS / len(POSITIONS)
    assert f"masked token {N_TURN_POSITIONS} of 35" in {status.message for status in running}


async def test_when_nobody_waits_no_further_turn_begins(service, engine):
    capture = await service.capture(ask("hello"))
    gate = engine.gate("hello")
    task = asyncio.create_task(service.masked_predictions(capture, POSITIONS))
    await reached(gate)
    await leave(task)
    gate.open()
    await until(lambda: service.stats().n_running == 0)
    assert n_turns(engine) == 1
    assert engine.stopped == [("hello", 1)]


async def test_masking_nothing_gets_the_engines_sentence(service, engine, monkeypatch):
    capture = await service.capture(ask("hello"))

    def refuse(capture, positions, *_):
        raise BadSelection(f"Choose at least one token to mask; got {len(positions)}.")

    monkeypatch.setattr(engine, "masked_predictions", refuse)
    with pytest.raises(BadSelection, match="got 0"):
        await service.masked_predictions(capture, ())
