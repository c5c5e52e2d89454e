"""The residual stream and the logit lens through the service: shared, kept, stopped.

pytest tests/service/test_residual.py
"""

from __future__ import annotations

import asyncio

import pytest

from sinklens.errors import NotANumber
from sinklens.residual_records import LogitQuestion
from sinklens.results import arrays_in
from tests.service.service_steps import ask, leave, reached, until


def calls(engine, kind):
    return [call for call, _ in engine.calls].count(kind)


async def test_equal_asks_share_one_pass_and_later_ones_are_answered_from_memory(service, engine):
    capture = await service.capture(ask("hello"))
    streams = await asyncio.gather(*(service.residual(capture) for _ in range(5)))
    assert all(stream is streams[0] for stream in streams)
    assert await service.residual(capture) is streams[0]
    assert calls(engine, "residual") == 1


async def test_the_lens_reads_the_stream_that_is_there(service, engine):
    capture = await service.capture(ask("hello"))
    await service.residual(capture)
    lens = await service.logit_lens(capture)
    assert await service.logit_lens(capture) is lens
    assert (calls(engine, "residual"), calls(engine, "lens")) == (1, 1)


async def test_every_followed_token_has_a_lens_of_its_own(service, engine):
    capture = await service.capture(ask("hello"))
    one, other = await asyncio.gather(service.logit_lens(capture, 1), service.logit_lens(capture, 2))
    assert (one.token_id, other.token_id) == (1, 2)
    assert (calls(engine, "residual"), calls(engine, "lens")) == (1, 2)


async def test_each_stack_has_a_pass_of_its_own(service, engine):
    capture = await service.capture(ask("hello"))
    encoder, decoder = await asyncio.gather(
        service.residual(capture, stack="encoder"), service.residual(capture)
    )
    assert (encoder.stack, decoder.stack) == ("encoder", "decoder")
    assert calls(engine, "residual") == 2


async def test_every_question_about_a_logit_is_answered_once_from_one_stream(service, engine):
    capture = await service.capture(ask("hello"))
    questions = LogitQuestion(0), LogitQuestion(1), LogitQuestion(0)
    found = await asyncio.gather(*(service.logit_attribution(capture, one) for one in questions))
    assert [one.position for one in found] == [0, 1, 0]
    assert found[0] is found[2]
    assert not any(array.flags.writeable for array in arrays_in(found[0]))
    assert (calls(engine, "residual"), calls(engine, "attribution")) == (1, 2)


async def test_they_work_on_the_models_own_thread_and_never_beside_a_run(service, engine):
    capture = await service.capture(ask("hello"))
    await asyncio.gather(
        service.residual(capture), service.logit_lens(capture), service.capture(ask("other"))
    )
    assert engine.most_at_once["gpt"] == 1
    assert len(engine.threads["gpt"]) == 1


async def test_nothing_in_them_can_be_written(service):
    capture = await service.capture(ask("hello"))
    results = await service.residual(capture), await service.logit_lens(capture)
    assert not any(array.flags.writeable for array in arrays_in(results))


async def test_a_stop_ends_the_pass_between_two_layers(service, engine):
    capture = await service.capture(ask("hello"))
    gate = engine.gate("hello", layer=1)
    told = []
    caller = asyncio.create_task(service.residual(capture, told.append))
    await reached(gate)
    await leave(caller)
    gate.open()
    await until(lambda: engine.stopped == [("hello", 2)])
    assert "Reading the residual stream" in [status.message for status in told]


async def test_after_a_failure_the_next_ask_tries_again(service, engine, monkeypatch):
    def fail(*_, **__):
        raise NotANumber("The model's hidden states are not finite.")

    capture = await service.capture(ask("hello"))
    with monkeypatch.context() as broken:
        broken.setattr(engine, "residual", fail)
        with pytest.raises(NotANumber):
            await service.residual(capture)
    assert (await service.residual(capture)).n_layers == engine.n_layers
