"""The service with the real engine and a tiny GPT-2: what the stand-in engine cannot show."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sinklens.capture.engine import Engine
from sinklens.errors import ModelNotFound, RunCancelled
from sinklens.interventions import MaskKeys
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import arrays_in
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.captures import assert_same
from tests.stand_in_engine import PATIENCE_S, Gate
from tests.tiny_gpt2 import save_tiny_gpt2

TEXT = "the cat sat on a mat and the dog saw it run"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny_gpt2(tmp_path_factory.mktemp("models") / "tiny"))


class GatedEngine(Engine):
    """The real engine, which stands still after the first layer while its gate is in place."""

    gate: Gate | None = None

    def __init__(self, settings):
        super().__init__(settings)
        self.passes = []

    def capture(self, request, on_progress, is_cancelled):
        def pause(fraction, message):
            on_progress(fraction, message)
            if self.gate is not None and 0 < fraction < 1:
                self.gate.pass_through()

        self.passes.append("stopped")
        capture = super().capture(request, pause, is_cancelled)
        self.passes[-1] = "finished"
        return capture


@pytest.fixture
def engine(tmp_path):
    return GatedEngine(Settings(cache_dir=tmp_path, allow_hub=False))


@pytest.fixture
def service(engine, tmp_path):
    service = InferenceService(engine, Settings(cache_dir=tmp_path), min_spill_bytes=0)
    yield service
    service.close()


async def reached_a_layer(engine):
    engine.gate = Gate()
    assert await asyncio.to_thread(engine.gate.reached.wait, PATIENCE_S)


async def test_equal_requests_share_one_forward_pass(service, folder):
    captures = await asyncio.gather(*(service.capture(CaptureRequest(folder, TEXT)) for _ in range(10)))
    assert len({id(capture) for capture in captures}) == 1
    assert service.stats().n_misses == 1


async def test_nothing_in_a_served_capture_can_be_written(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    assert not any(array.flags.writeable for array in arrays_in(capture))


async def test_a_head_map_of_the_service_is_a_causal_attention(service, folder):
    capture = await service.capture(CaptureRequest(folder, TEXT))
    weights = (await service.head_map(capture, "self", 1, 0)).weights
    np.testing.assert_allclose(np.nansum(weights, axis=1), 1, atol=1e-5)
    assert np.array_equal(np.isnan(weights), ~np.tri(len(capture.prompt), dtype=bool))


async def test_a_head_map_is_the_same_with_and_without_kept_states(service, folder):
    kept, bare = await asyncio.gather(
        *(
            service.capture(CaptureRequest(folder, TEXT, plan=CapturePlan(states=states)))
            for states in (True, False)
        )
    )
    one, other = await asyncio.gather(
        service.head_map(kept, "self", 2, 1), service.head_map(bare, "self", 2, 1)
    )
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)


async def test_a_capture_from_disk_equals_the_computed_one(service, folder, tmp_path):
    request = CaptureRequest(folder, TEXT)
    first = await service.capture(request)
    while service.stats().n_running:
        await asyncio.sleep(0.01)
    settings = Settings(cache_dir=tmp_path, allow_hub=False)
    later = InferenceService(Engine(settings), settings)
    assert_same(await later.capture(request), first)
    assert later.stats().n_misses == 0
    later.close()


async def test_an_edit_of_one_session_leaves_the_other_session_alone(service, folder):
    plain = CaptureRequest(folder, TEXT)
    edited = replace(plain, interventions=(MaskKeys(keys=(0,)),))
    alone = await service.capture(replace(plain, text=TEXT + " it"))
    runs = await asyncio.gather(*(service.capture(request) for request in (plain, edited)))
    assert np.nanmax(runs[1].profile().first_share[:, :, 1:]) == 0
    # Causal: the extra last word changes nothing before it.
    n = len(runs[0].prompt)
    np.testing.assert_allclose(
        runs[0].profile().first_share, alone.profile().first_share[:, :, :n], atol=1e-6
    )


async def test_leaving_in_the_middle_stops_the_pass_and_the_model_works_on(service, engine, folder):
    caller = asyncio.create_task(service.capture(CaptureRequest(folder, TEXT)))
    await reached_a_layer(engine)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    engine.gate.open()
    again = await service.capture(CaptureRequest(folder, TEXT))
    assert engine.passes == ["stopped", "finished"]
    assert again.request.text == TEXT


async def test_closing_stops_a_pass_in_the_middle(service, engine, folder):
    caller = asyncio.create_task(service.capture(CaptureRequest(folder, TEXT)))
    await reached_a_layer(engine)
    service.close()
    engine.gate.open()
    with pytest.raises(RunCancelled):
        await caller
    assert engine.passes == ["stopped"]


async def test_a_name_that_is_no_model_is_refused_with_a_sentence(service):
    with pytest.raises(ModelNotFound, match="no-such-model"):
        await service.capture(CaptureRequest("no-such-model", TEXT))
