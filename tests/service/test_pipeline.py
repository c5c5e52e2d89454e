"""Embeddings and the watched block through the service: shared, kept, stopped.

pytest tests/service/test_pipeline.py
"""

from __future__ import annotations

import asyncio

from sinklens.results import arrays_in
from tests.service.service_steps import ask, leave, reached, until


def calls(engine, kind):
    return [call for call, _ in engine.calls].count(kind)


async def test_equal_asks_share_one_pass_and_later_ones_are_answered_from_memory(service, engine):
    capture = await service.capture(ask("hello"))
    traces = await asyncio.gather(*(service.block_trace(capture, 1) for _ in range(5)))
    assert all(trace is traces[0] for trace in traces)
    assert await service.block_trace(capture, 1) is traces[0]
    assert calls(engine, "block") == 1


async def test_every_layer_and_every_stack_has_a_trace_of_its_own(service, engine):
    capture = await service.capture(ask("hello"))
    wishes = [(0, "decoder"), (1, "decoder"), (1, "encoder")]
    traces = [await service.block_trace(capture, layer, stack=stack) for layer, stack in wishes]
    assert [(trace.layer, trace.stack) for trace in traces] == wishes
    assert calls(engine, "block") == 3


async def test_every_token_has_neighbours_of_its_own_and_they_are_kept(service, engine):
    capture = await service.capture(ask("hello"))
    found = [await service.token_embeddings(capture, position) for position in (0, 1, 0)]
    assert [one.position for one in found] == [0, 1, 0]
    assert found[0] is found[2]
    assert calls(engine, "embeddings") == 2


async def test_they_work_on_the_models_own_thread_and_nothing_in_them_can_be_written(service, engine):
    capture = await service.capture(ask("hello"))
    results = await asyncio.gather(
        service.block_trace(capture, 0), service.token_embeddings(capture, 0), service.residual(capture)
    )
    assert engine.most_at_once["gpt"] == 1
    assert not any(array.flags.writeable for array in arrays_in(results))


async def test_a_stop_ends_the_pass_between_two_layers(service, engine):
    capture = await service.capture(ask("hello"))
    gate = engine.gate("hello", layer=1)
    told = []
    caller = asyncio.create_task(service.block_trace(capture, 0, on_status=told.append))
    await reached(gate)
    await leave(caller)
    gate.open()
    await until(lambda: engine.stopped == [("hello", 2)])
    assert "Watching one block" in [status.message for status in told]
