"""The service's models and results: which threads work, what is read out, what is kept."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sinklens.errors import NotCaptured
from sinklens.records import CapturePlan
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.captures import assert_same, decoder_capture
from tests.service.service_steps import ask, busy, reached, until
from tests.stand_in_engine import StandInEngine

NO_STATES = CapturePlan(states=False)


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


async def test_what_is_derived_from_a_capture_is_computed_once_and_cannot_be_written(service, engine):
    capture = await service.capture(ask("hello"))
    first, *_ = await asyncio.gather(*(service.layer_maps(capture, "self") for _ in range(5)))
    assert await service.layer_maps(capture, "self") is first
    assert engine.calls.count(("layers", "hello")) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


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


async def test_nothing_is_written_to_disk_or_read_there_where_the_setting_says_so(
    engine, open_service, tmp_path
):
    earlier = open_service(engine, min_spill_bytes=0)
    await earlier.capture(ask("hello"))
    await until(lambda: list(tmp_path.glob("captures/*.safetensors")))
    service = open_service(engine, min_spill_bytes=0, cache_on_disk=False)
    await service.capture(ask("hello"))
    await service.capture(ask("another"))
    await until(lambda: service.stats().n_running == 0)
    assert engine.runs("hello") == 2
    assert len(list(tmp_path.glob("captures/*"))) == 1


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
