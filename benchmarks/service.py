"""What many sessions cost: `python -m benchmarks.service [model]` prints one table of ratios.

One session asks for one text; then 30 sessions ask at once for one text, for 30 texts, and open a
head each. Meanwhile another one pings the event loop from a thread of its own and notes its round
trips, as a reader does who only turns a page.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sinklens.late_engine import LateEngine
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings

N_SESSIONS = 30
N_WORDS = 100
PING_PAUSE_S = 0.005
IDLE_S = 2
MAX_PING_MS = 50
SENTENCE = (
    "The river runs through a wide valley where small towns were built along both banks and people "
    "worked in mills until the first railway came and carried wool and coal to the large cities"
)


@dataclass(frozen=True)
class Row:
    """One measured situation."""

    name: str
    n_passes: int
    time_ms: float
    n_units: int
    """Runs of a single session that the time is compared with; 0 without a comparison."""
    pings_ms: np.ndarray


class Ping:
    """Round trips from another thread to the event loop and back, while the block runs."""

    def __init__(self) -> None:
        self.times_ms: list[float] = []
        self._stop = threading.Event()

    async def __aenter__(self) -> Ping:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    async def __aexit__(self, *error) -> None:
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    def _measure(self) -> None:
        while not self._stop.wait(PING_PAUSE_S):
            start = time.perf_counter()
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()
            self.times_ms.append((time.perf_counter() - start) * 1e3)


def text(seed: int) -> str:
    """Words in a random order: another text for each seed, of about the same number of tokens."""
    return " ".join(random.Random(seed).choices(SENTENCE.split(), k=N_WORDS))


async def measure(name: str, service: InferenceService, n_units: int, calls: list[Awaitable]) -> Row:
    """Time until all calls are answered."""
    n_before = service.stats().n_misses
    async with Ping() as ping:
        start = time.perf_counter()
        await asyncio.gather(*calls)
        time_ms = (time.perf_counter() - start) * 1e3
    return Row(name, service.stats().n_misses - n_before, time_ms, n_units, np.array(ping.times_ms))


async def measure_all(service: InferenceService, model: str) -> list[Row]:
    """All situations on a warm model, the one-session run as the median of five."""

    def ask(seeds: Iterable[int]) -> list[Awaitable]:
        return [service.capture(CaptureRequest(model, text(seed))) for seed in seeds]

    warm = await ask([-1])[0]
    ones = [await measure("1 session, 1 text", service, 1, ask([seed])) for seed in range(5)]
    same, others = [100] * N_SESSIONS, range(200, 200 + N_SESSIONS)
    n_heads, n_maps = warm.model.n_heads, warm.model.n_heads * warm.model.n_layers
    heads = [divmod(index % n_maps, n_heads) for index in range(N_SESSIONS)]
    maps = [service.head_map(warm, warm.main_stream, *head) for head in heads]
    return [
        await measure("nobody asks", service, 0, [asyncio.sleep(IDLE_S)]),
        sorted(ones, key=lambda row: row.time_ms)[len(ones) // 2],
        await measure(f"{N_SESSIONS} sessions, 1 text", service, 1, ask(same)),
        await measure(f"{N_SESSIONS} sessions, that text again", service, 1, ask(same)),
        await measure(f"{N_SESSIONS} sessions, {N_SESSIONS} texts", service, N_SESSIONS, ask(others)),
        await measure(f"{N_SESSIONS} sessions, a head each", service, 1, maps),
    ]


def print_table(rows: list[Row]) -> None:
    one_ms = rows[1].time_ms
    print(f"{'':28} {'passes':>6} {'time ms':>8} {'ratio':>6}   {'ping p95':>8} {'worst ms':>8}")
    for row in rows:
        ratio = row.time_ms / (one_ms * row.n_units) if row.n_units else float("nan")
        p95, worst = (np.percentile(row.pings_ms, 95), row.pings_ms.max()) if len(row.pings_ms) else (0, 0)
        print(f"{row.name:28} {row.n_passes:6} {row.time_ms:8.1f} {ratio:6.2f}   {p95:8.1f} {worst:8.1f}")
    print(f"ratio: time / time of one session (times {N_SESSIONS} for {N_SESSIONS} texts);", end=" ")
    print(f"a ping should stay under {MAX_PING_MS} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default=Settings().default_model)
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(cache_dir=Path(folder), allow_hub=False)
        service = InferenceService(LateEngine(settings), settings)
        rows = asyncio.run(measure_all(service, model))
        service.close()
    print_table(rows)


if __name__ == "__main__":
    main()
