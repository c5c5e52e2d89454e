"""A class on one laptop: thirty pupils open the same few exercises."""

from __future__ import annotations

import asyncio

from tests.service.service_steps import ask, busy, until

N_PUPILS = 30
TEXTS = ("ordinary", "twice", "punctuation")


async def test_thirty_pupils_with_three_texts_cost_three_runs_and_all_see_their_place(service, engine):
    heard: list[list] = [[] for _ in range(N_PUPILS)]
    async with busy(service, engine):
        pupils = [
            asyncio.create_task(
                service.capture(ask(TEXTS[number % len(TEXTS)]), on_status=heard[number].append)
            )
            for number in range(N_PUPILS)
        ]
        await until(lambda: service.stats().n_queued == len(TEXTS))
        await until(lambda: all(heard))
    captures = await asyncio.gather(*pupils)
    assert [engine.runs(text) for text in TEXTS] == [1, 1, 1]
    assert len({id(capture) for capture in captures}) == len(TEXTS)
    first_places = [statuses[0].position for statuses in heard]
    assert set(first_places) <= {0, 1, 2, 3}
    assert all(any(status.position for status in statuses) for statuses in heard)
