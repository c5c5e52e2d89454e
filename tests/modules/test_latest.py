"""Work in the background for what a session wishes last.

Run with: pytest tests/modules/test_latest.py
"""

from __future__ import annotations

import asyncio

import pytest
from shiny import render, req
from shiny.testserver import test_server_async

from modules.latest import in_thread, kept_current
from tests.modules.test_deep_dive import until
from tests.modules.test_session_run import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_is_kept_current_follows_the_last_wish_and_a_silent_one_leaves_it():
    gate, begun, done = asyncio.Event(), [], []

    async def work(n: int) -> int:
        begun.append(n)
        await gate.wait()
        done.append(n)
        return await in_thread(lambda n: 10 * n)(n)

    def server(input, output, session):
        def wish():
            req(input.n() < 10)
            return (input.n(),)

        made = kept_current(session, work, wish)

        @render.text
        def product():
            return str(made())

    async with test_server_async(server, timeout_secs=PATIENCE_S) as session:
        await session.set_inputs(n=2)
        await until(session, lambda: begun == [2])
        await session.set_inputs(n=3)
        await until(session, lambda: begun == [2, 3])
        gate.set()
        await until(session, lambda: session.get_output("product").value == "30")
        await session.set_inputs(n=12)
        await until(session, lambda: session.get_input("n") == 12)
        assert session.get_output("product").value == "30"
        assert done == [3]
