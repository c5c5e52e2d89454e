"""What a caller of the service does, and waiting for it, in words."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from sinklens.records import CaptureRequest
from tests.stand_in_engine import PATIENCE_S


def ask(text, model="gpt", **facts):
    return CaptureRequest(model=model, text=text, **facts)


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
