"""The service under many callers: who computes, who waits, who leaves, who is told."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sinklens.errors import ModelNotFound, QueueFull, RunCancelled
from sinklens.results import arrays_in
from tests.captures import decoder_capture
from tests.service.service_steps import ask, busy, leave, reached, until

# --- one run for many ---------------------------------------------------------------------------------


async def test_fifty_equal_requests_at_once_run_once(service, engine):
    captures = await asyncio.gather(*(service.capture(ask("hello")) for _ in range(50)))
    assert engine.runs("hello") == 1
    assert len({id(capture) for capture in captures}) == 1
    assert (service.stats().n_misses, service.stats().n_shared) == (1, 49)


async def test_an_equal_request_later_touches_no_worker(service, engine):
    first = await service.capture(ask("hello"))
    n_calls = len(engine.calls)
    assert await service.capture(ask("hello")) is first
    assert len(engine.calls) == n_calls
    assert service.stats().n_hits == 1


async def test_two_texts_with_one_content_key_run_once(service, engine):
    first = await service.capture(ask("Hello"))
    assert await service.capture(ask("hello")) is first
    assert engine.runs("hello") == 0


async def test_an_edited_run_is_not_answered_with_the_plain_one(service, engine):
    edited = ask("hello", interventions=decoder_capture().request.interventions)
    plain, other = await asyncio.gather(service.capture(ask("hello")), service.capture(edited))
    assert plain.request.interventions != other.request.interventions
    assert engine.runs("hello") == 2


async def test_shared_arrays_cannot_be_written(service):
    capture = await service.capture(ask("hello"))
    assert not any(array.flags.writeable for array in arrays_in(capture))


# --- leaving ------------------------------------------------------------------------------------------


async def test_one_caller_leaving_does_not_hurt_the_others(service, engine):
    gate = engine.gate("hello", layer=1)
    leaver, *others = [asyncio.create_task(service.capture(ask("hello"))) for _ in range(3)]
    await reached(gate)
    await leave(leaver)
    gate.open()
    captures = await asyncio.gather(*others)
    assert captures[0] is captures[1]
    assert engine.stopped == []


async def test_the_last_caller_leaving_stops_the_worker_between_two_layers(service, engine):
    gate = engine.gate("hello", layer=1)
    callers = [asyncio.create_task(service.capture(ask("hello"))) for _ in range(3)]
    await reached(gate)
    for caller in callers:
        await leave(caller)
    gate.open()
    await until(lambda: engine.stopped)
    assert engine.stopped == [("hello", 2)]


async def test_a_stopped_run_is_not_cached_and_an_equal_request_starts_afresh(service, engine):
    gate = engine.gate("hello", layer=engine.n_layers - 1)
    caller = asyncio.create_task(service.capture(ask("hello")))
    await reached(gate)
    await leave(caller)  # After the last check: the engine will return a complete result.
    again = asyncio.create_task(service.capture(ask("hello")))
    await asyncio.sleep(0)
    gate.open()
    await again
    assert engine.runs("hello") == 2


async def test_leaving_the_queue_frees_the_place_without_a_run(service, engine):
    async with busy(service, engine):
        waiting = asyncio.create_task(service.capture(ask("short")))
        await until(lambda: service.stats().n_queued == 1)
        await leave(waiting)
        await until(lambda: service.stats().n_queued == 0)
    assert ("key", "short") not in engine.calls


async def test_leaving_while_the_model_loads_stops_before_the_first_layer(service, engine):
    gate = engine.gate("load gpt")
    caller = asyncio.create_task(service.capture(ask("hello")))
    await reached(gate)
    await leave(caller)
    gate.open()
    await until(lambda: service.stats().n_running == 0)
    assert engine.runs("hello") == 0


async def test_a_listener_that_fails_hurts_no_other_caller(service):
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    heard = []
    broken = service.capture(ask("hello"), on_status=lambda status: 1 / 0)
    healthy = service.capture(ask("hello"), on_status=heard.append)
    first, second = await asyncio.gather(broken, healthy)
    assert first is second
    assert heard[-1].phase == "done"


async def test_closing_stops_the_running_and_refuses_the_new(service, engine):
    gate = engine.gate("hello", layer=1)
    caller = asyncio.create_task(service.capture(ask("hello")))
    await reached(gate)
    service.close()
    gate.open()
    with pytest.raises(RunCancelled):
        await caller
    with pytest.raises(RunCancelled, match="shutting down"):
        await service.capture(ask("other"))
    assert engine.stopped == [("hello", 2)]


# --- errors -------------------------------------------------------------------------------------------


async def test_an_error_reaches_every_caller_and_is_not_cached(service, engine):
    outcomes = await asyncio.gather(
        *(service.capture(ask("bad text")) for _ in range(3)), return_exceptions=True
    )
    assert [str(outcome) for outcome in outcomes] == ["'bad text' cannot be read."] * 3
    with pytest.raises(ValueError, match="bad text"):
        await service.capture(ask("bad text"))
    assert engine.runs("bad text") == 2


async def test_the_model_works_on_after_an_error(service):
    with pytest.raises(ValueError, match="bad"):
        await service.capture(ask("bad"))
    assert (await service.capture(ask("good"))).request.text == "good"


async def test_wrong_model_names_leave_no_threads_behind(service):
    for index in range(6):
        with pytest.raises(ModelNotFound):
            await service.info(f"missing-{index}")
    await until(lambda: sum("missing" in thread.name for thread in threading.enumerate()) <= 1)


async def test_a_full_queue_refuses_with_a_sentence(engine, open_service):
    service = open_service(engine, max_queue=1)
    async with busy(service, engine):
        waiting = asyncio.create_task(service.capture(ask("second")))
        await until(lambda: service.stats().n_queued == 1)
        with pytest.raises(QueueFull, match="1 requests wait for 'gpt'"):
            await service.capture(ask("third"))
    assert (await waiting).request.text == "second"


# --- what callers are told ----------------------------------------------------------------------------


async def test_progress_tells_loading_then_each_layer_then_done(service, engine):
    heard = []
    await service.capture(ask("hello"), on_status=heard.append)
    phases = [status.phase for status in heard]
    assert [phase for phase in dict.fromkeys(phases) if phase != "queued"] == ["loading", "running", "done"]
    fractions = [status.fraction for status in heard if status.message.startswith("Layer")]
    assert fractions == [layer / engine.n_layers for layer in range(engine.n_layers)]
    assert heard[-1].fraction == 1.0


async def test_a_second_run_does_not_claim_to_load(service):
    await service.capture(ask("first"))
    heard = []
    await service.capture(ask("second"), on_status=heard.append)
    assert "loading" not in {status.phase for status in heard}


async def test_statuses_arrive_on_the_event_loop(service):
    # In debug mode asyncio refuses whatever a worker thread does to the loop by the wrong door.
    asyncio.get_running_loop().set_debug(True)
    threads = set()
    await service.capture(ask("hello"), on_status=lambda status: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


async def test_the_place_in_the_queue_moves_up(service, engine):
    heard = []
    async with busy(service, engine):
        ahead = [asyncio.create_task(service.capture(ask(f"ahead {index}"))) for index in range(3)]
        await until(lambda: service.stats().queues == {"gpt": 3})
        mine = asyncio.create_task(service.capture(ask("mine"), on_status=heard.append))
        await until(lambda: service.stats().n_queued == 4)
        await leave(ahead[1])
    await asyncio.gather(ahead[0], ahead[2], mine)
    places = [status.position for status in heard if status.phase == "queued" and status.position]
    assert places == [4, 3, 2, 1]


async def test_somebody_who_joins_late_hears_where_the_run_is(service, engine):
    heard = []
    gate = engine.gate("hello", layer=2)
    first = asyncio.create_task(service.capture(ask("hello")))
    await reached(gate)
    second = asyncio.create_task(service.capture(ask("hello"), on_status=heard.append))
    await until(lambda: heard)
    assert (heard[0].phase, heard[0].fraction) == ("running", 2 / engine.n_layers)
    gate.open()
    await asyncio.gather(first, second)


async def test_nobody_is_told_anything_after_leaving(service, engine):
    heard = []
    gate = engine.gate("hello", layer=1)
    leaver = asyncio.create_task(service.capture(ask("hello"), on_status=heard.append))
    other = asyncio.create_task(service.capture(ask("hello")))
    await reached(gate)
    await leave(leaver)
    n_heard = len(heard)
    gate.open()
    await other
    assert len(heard) == n_heard


async def test_the_event_loop_is_free_while_a_model_loads_and_runs(service, engine):
    """The loop itself opens the gates: with work on the loop the gates' patience would end the test."""
    gates = [engine.gate("load gpt"), engine.gate("hello", layer=2)]
    caller = asyncio.create_task(service.capture(ask("hello")))
    for gate in gates:
        await until(gate.reached.is_set)
        gate.open()
    assert (await caller).request.text == "hello"
