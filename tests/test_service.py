"""The service under many callers: who computes, who waits, who is told, what is kept."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sinklens.errors import ModelNotFound, NotCaptured, QueueFull, RunCancelled
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import arrays_in
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.captures import assert_same, decoder_capture
from tests.stand_in_engine import PATIENCE_S, StandInEngine

NO_STATES = CapturePlan(states=False)


def ask(text, model="gpt", **facts):
    return CaptureRequest(model=model, text=text, **facts)


@pytest.fixture
def engine():
    return StandInEngine()


@pytest.fixture
def open_service(tmp_path):
    """Builds services and closes them when the test ends."""
    services = []

    def build(engine, *, n_parallel_models=2, min_spill_bytes=10**9, **limits):
        settings = Settings(cache_dir=tmp_path, **limits)
        options = {"n_parallel_models": n_parallel_models, "min_spill_bytes": min_spill_bytes}
        services.append(InferenceService(engine, settings, **options))
        return services[-1]

    yield build
    for service in services:
        service.close()


@pytest.fixture
def service(engine, open_service):
    return open_service(engine)


async def reached(gate):
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE_S)


async def until(condition):
    """Let the loop run until a condition holds; the test hangs no longer than its patience."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def busy(service, engine, text="long", model="gpt"):
    """A run that stands before its first layer while the block runs."""
    gate = engine.gate(text)
    task = asyncio.create_task(service.capture(ask(text, model)))
    await reached(gate)
    yield task
    gate.open()
    await asyncio.gather(task, return_exceptions=True)


async def leave(task):
    """The caller goes away, as a closed tab does."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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


# --- models -------------------------------------------------------------------------------------------


async def test_runs_on_one_model_never_overlap_and_share_a_thread(service, engine):
    await asyncio.gather(*(service.capture(ask(f"text {index}")) for index in range(20)))
    assert engine.most_at_once["gpt"] == 1
    assert len(engine.threads["gpt"]) == 1


async def test_two_models_run_beside_each_other_in_two_threads(service, engine):
    async with busy(service, engine, "left", model="gpt"), busy(service, engine, "right", model="bert"):
        assert service.stats().n_running == 2
    assert engine.threads["gpt"].isdisjoint(engine.threads["bert"])


async def test_no_more_models_than_allowed_run_at_once(engine, open_service):
    service = open_service(engine, n_parallel_models=1)
    async with busy(service, engine, model="gpt"):
        other = asyncio.create_task(service.capture(ask("hello", model="bert")))
        await until(lambda: service.stats().queues == {"bert": 1})
        assert engine.runs("hello") == 0
    assert (await other).request.model == "bert"


async def test_the_model_unused_longest_is_released_over_the_bound(engine, open_service):
    service = open_service(engine, max_model_bytes=2 * engine.model_bytes)
    for model in ["a", "b", "a", "c"]:
        await service.capture(ask(f"text for {model} {len(engine.calls)}", model=model))
    await until(lambda: ("release", "b") in engine.calls)
    assert set(engine.loaded()) == {"a", "c"}


async def test_a_model_at_work_is_not_released(engine, open_service):
    service = open_service(engine, max_model_bytes=engine.model_bytes)
    async with busy(service, engine, model="a"):
        await service.capture(ask("short", model="b"))
        await service.capture(ask("other", model="c"))
        await until(lambda: ("release", "b") in engine.calls)
        assert "a" in engine.loaded()


async def test_a_released_model_is_asked_for_its_key_again(engine, open_service):
    """Its folder may hold other weights by now, so the old key proves nothing."""
    service = open_service(engine, max_model_bytes=0)
    first = await service.capture(ask("hello", model="a"))
    await service.capture(ask("hello", model="b"))
    await until(lambda: "a" not in engine.loaded())
    assert await service.capture(ask("hello", model="a")) is first
    assert engine.calls.count(("key", "hello")) == 3


async def test_the_facts_of_a_known_model_do_not_wait_for_its_worker(service, engine):
    known = await service.info("gpt")
    async with busy(service, engine):
        assert await service.info("gpt") is known
    assert engine.calls.count(("info", "gpt")) == 1


# --- reading maps out of a capture --------------------------------------------------------------------


async def test_a_head_is_served_while_a_long_run_has_the_model(service, engine):
    capture = await service.capture(ask("hello"))
    async with busy(service, engine) as long_run:
        assert (await service.head_map(capture, "self", 0, 1)).head == 1
        assert (await service.score_steps(capture, "self", 0, 1, 1, 0)).query == 1
        assert not long_run.done()


async def test_a_head_of_a_capture_without_states_costs_one_run_that_is_kept(service, engine):
    capture = await service.capture(ask("hello", plan=NO_STATES))
    for _ in range(2):
        assert (await service.head_map(capture, "self", 0, 1)).head == 1
    assert engine.runs("hello") == 2


async def test_steps_of_a_capture_without_states_are_refused(service):
    capture = await service.capture(ask("hello", plan=NO_STATES))
    with pytest.raises(NotCaptured):
        await service.score_steps(capture, "self", 0, 0, 1, 0)


async def test_equal_masked_predictions_are_computed_once(service, engine):
    capture = await service.capture(ask("hello"))
    asked = [service.masked_predictions(capture, (0, 1)) for _ in range(5)]
    first, *_ = await asyncio.gather(*asked)
    assert await service.masked_predictions(capture, (0, 1)) is first
    assert engine.calls.count(("masked", "hello")) == 1
    assert (await service.masked_predictions(capture, (1,))).positions == (1,)


# --- what is kept -------------------------------------------------------------------------------------


async def test_a_seeded_capture_is_the_answer_with_no_model_loaded(service, engine):
    stored = decoder_capture()
    service.seed(stored.request, stored)
    assert await service.capture(stored.request) is stored
    assert engine.calls == []


async def test_a_large_capture_survives_the_process(engine, open_service):
    earlier = open_service(engine, min_spill_bytes=0)
    first = await earlier.capture(ask("hello"))
    await until(lambda: earlier.stats().n_running == 0)
    later = open_service(engine, min_spill_bytes=0)
    assert_same(await later.capture(ask("hello")), first)
    assert engine.runs("hello") == 1


async def test_a_small_capture_is_not_written_to_disk(engine, open_service):
    service = open_service(engine, min_spill_bytes=10**6)
    await service.capture(ask("hello"))
    await until(lambda: service.stats().n_running == 0)
    assert service.stats().n_disk_bytes == 0


async def test_a_capture_dropped_from_memory_comes_back_from_disk_without_the_model(engine, open_service):
    service = open_service(engine, min_spill_bytes=0, max_memory_cache_bytes=0)
    first = await service.capture(ask("hello"))
    await until(lambda: service.stats().n_running == 0)
    async with busy(service, engine):
        assert_same(await service.capture(ask("hello")), first)


@pytest.mark.parametrize("damage", [b"", b"half a file"], ids=["empty", "cut"])
async def test_a_damaged_file_is_computed_anew_and_replaced(engine, open_service, tmp_path, damage):
    await open_service(engine, min_spill_bytes=0).capture(ask("hello"))
    await until(lambda: list(tmp_path.glob("captures/*.safetensors")))
    (path,) = tmp_path.glob("captures/*.safetensors")
    path.write_bytes(damage)
    later = open_service(engine, min_spill_bytes=0)
    assert (await later.capture(ask("hello"))).request == ask("hello")
    await until(lambda: path.exists() and path.stat().st_size > 1_000)
    assert engine.runs("hello") == 2


@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=25),
    n_bytes=st.integers(3_000, 9_000),
    max_memory=st.integers(0, 30_000),
    max_disk=st.integers(0, 60_000),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_bytes_stay_under_their_bounds_under_any_load(tmp_path_factory, texts, n_bytes, max_memory, max_disk):
    limits = {"max_memory_cache_bytes": max_memory, "max_disk_cache_bytes": max_disk}
    settings = Settings(cache_dir=tmp_path_factory.mktemp("load"), **limits)
    engine = StandInEngine(n_layers=1, n_bytes=n_bytes)
    service = InferenceService(engine, settings, min_spill_bytes=n_bytes)

    async def load():
        asked = [asyncio.create_task(service.capture(ask(text))) for text in texts]
        for task in asyncio.as_completed(asked):
            await task
            assert service.stats().n_memory_bytes <= max_memory
        await until(lambda: service.stats().n_running == 0)
        assert [task.result().request.text for task in asked] == texts

    asyncio.run(load())
    on_disk = sum(path.stat().st_size for path in settings.cache_dir.glob("captures/*"))
    assert service.stats().n_disk_bytes == on_disk <= max_disk
    service.close()


def test_a_service_outlives_an_event_loop_that_was_closed_mid_run(engine, open_service):
    service = open_service(engine)
    gate = engine.gate("hello", layer=1)

    async def closed_mid_run():
        task = asyncio.create_task(service.capture(ask("hello")))
        waiting = asyncio.create_task(service.capture(ask("other")))
        await reached(gate)
        return task, waiting

    asyncio.run(closed_mid_run())
    gate.open()
    assert asyncio.run(service.capture(ask("hello"))).request == ask("hello")
    assert engine.stopped == [("hello", 2)]
    assert engine.most_at_once["gpt"] == 1
    assert service.stats().n_queued == service.stats().n_running == 0
