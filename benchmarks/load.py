"""Fifty people at once: `python -m benchmarks.load [--sessions 50] [--seconds 120]` prints one table.

Each person is a client that speaks Shiny's socket protocol from Python, as fifty Chromium pages would need
more machine than the server itself: it loads the page, sends what a browser sends when it opens, presses
Run with texts of its own and with texts that others run too, changes the model, and opens other pages. What
a browser would draw is not drawn, and widgets do not answer. Traffic goes to the loopback address only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.service import SENTENCE
from tests.browser.app_process import REPOSITORY, AppProcess

PAUSE_S = (2.0, 8.0)
"""What a person takes to look at a picture."""
ARRIVAL_S = 60
"""All have come after this."""
PATIENCE_S = 120
OUTPUT = re.compile(r'<\w+(?=[^>]*class="[^"]*shiny-[\w-]*output)[^>]*?\bid="([\w-]+)"')
WIDGET = "shinywidgets_comm_msg"
PAGES = ("heads", "flow", "sinks", "deep_dive")
SHARED_TEXTS = tuple(" ".join(SENTENCE.split()[k:] + SENTENCE.split()[:k]) for k in range(0, 30, 3))
OPEN_INPUTS = {
    "mode": "light", "page": "overview", "sidebar": True, "overview_opened": "opened",
    "panel-run:shiny.action": 0, "panel-stop:shiny.action": 0, "panel-model": "demo-gpt2",
    "panel-example": "", "panel-bos": "default", "panel-special_tokens": True, "panel-other_model": "",
    "overview-shading": "excess", "sl-language": "en",
    "link": '{"fragment":"","texts":null,"knows_model":false,"n":1}',
    ".clientdata_pixelratio": 1, ".clientdata_url_protocol": "http:", ".clientdata_url_pathname": "/",
    ".clientdata_url_search": "", ".clientdata_url_hash": "", ".clientdata_singletons": "",
}  # fmt: skip
"""What a browser reports of a page that has just come."""


@dataclass
class Record:
    """What all clients have seen."""

    waits_ms: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    n_lost: int = 0

    def add(self, kind: str, start_s: float) -> None:
        self.waits_ms.setdefault(kind, []).append(1000 * (time.monotonic() - start_s))


class Person:
    """One session and what it does until the end."""

    def __init__(self, number: int, url: str, record: Record) -> None:
        self._url, self._record = url, record
        self._random = random.Random(number)
        self._number, self._n_runs = number, 0
        self._opened, self._shading = {"overview"}, "excess"
        self._socket: ClientConnection | None = None
        self._answered: asyncio.Future | None = None

    async def live(self, end_s: float) -> None:
        """Open the page, then act and pause until the time is over."""
        await asyncio.sleep(self._random.uniform(0, ARRIVAL_S))
        start_s = time.monotonic()
        address = self._url.replace("http", "ws", 1) + "/websocket/"
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
                html = (await http.get(self._url)).text
            self._record.add("page", start_s)
            # A browser sends no pings of its own.
            options = {"max_size": None, "open_timeout": PATIENCE_S, "ping_interval": None}
            async with connect(address, origin=self._url, **options) as socket:
                self._socket, self._answered = socket, asyncio.get_running_loop().create_future()
                reader = asyncio.create_task(self._read())
                await self._open(html, start_s)
                while time.monotonic() < end_s:
                    await asyncio.sleep(self._random.uniform(*PAUSE_S))
                    await self._act()
                reader.cancel()
        except (ConnectionClosed, httpx.HTTPError, OSError, TimeoutError) as error:
            self._record.n_lost += 1
            self._record.errors.append(f"session {self._number} was lost: {error!r}")

    async def _open(self, html: str, start_s: float) -> None:
        shown = {f".clientdata_output_{id}_hidden": False for id in OUTPUT.findall(html)}
        data = OPEN_INPUTS | shown | {"panel-text": SHARED_TEXTS[0]}
        await self._socket.send(json.dumps({"method": "init", "data": data}))
        await self._until(lambda message: "panel-notes" in message.get("values", {}))
        self._record.add("first picture", start_s)

    async def _act(self) -> None:
        share = self._random.random()
        if share < 0.3:
            own = " ".join(self._random.sample(SENTENCE.split(), 12))
            await self._run("run of an own text", own)
        elif share < 0.6:
            await self._run("run of a shared text", self._random.choice(SHARED_TEXTS))
        elif share < 0.7 and len(self._opened) <= len(PAGES):
            await self._visit()
        else:
            self._shading = "received" if self._shading == "excess" else "excess"
            changed = {"overview-shading": self._shading}
            await self._change("round trip", changed, lambda message: WIDGET in message.get("custom", {}))

    async def _run(self, kind: str, text: str) -> None:
        self._n_runs += 1
        model = self._random.choice(("demo-gpt2", "demo-gpt2", "demo-llama"))
        data = {"panel-model": model, "panel-text": text, "panel-run:shiny.action": self._n_runs}
        await self._change(kind, data, lambda message: "sl-run-finished" in message.get("custom", {}))

    async def _visit(self) -> None:
        page = self._random.choice([page for page in PAGES if page not in self._opened])
        self._opened.add(page)
        await self._change("opening a page", {"page": page}, lambda message: "shiny-insert-ui" in message)
        await self._socket.send(json.dumps({"method": "update", "data": {f"{page}_opened": "opened"}}))

    async def _change(self, kind: str, data: dict, is_answer: Callable[[dict], bool]) -> None:
        """Send inputs and wait for what they change."""
        start_s = time.monotonic()
        await self._socket.send(json.dumps({"method": "update", "data": data}))
        await self._until(is_answer)
        self._record.add(kind, start_s)

    async def _until(self, is_answer: Callable[[dict], bool]) -> None:
        self._is_answer, self._answered = is_answer, asyncio.get_running_loop().create_future()
        async with asyncio.timeout(PATIENCE_S):
            await self._answered

    async def _read(self) -> None:
        """Take every message as it comes, as a browser does."""
        try:
            async for text in self._socket:
                message = json.loads(text)
                self._record.errors += [f"{id}: {error}" for id, error in message.get("errors", {}).items()]
                if not self._answered.done() and self._is_answer(message):
                    self._answered.set_result(None)
            raise ConnectionError("the server closed the socket")
        except (ConnectionClosed, ConnectionError) as error:
            if self._answered.done():
                self._record.n_lost += 1
                self._record.errors.append(f"session {self._number} was lost while it rested: {error!r}")
            else:
                self._answered.set_exception(error)


def resident_bytes(pid: int) -> int:
    """Memory of a process, as the kernel counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1])


async def load(url: str, pid: int, n_sessions: int, duration_s: float) -> tuple[Record, list[int]]:
    """What the clients have seen, and the server's memory every second."""
    record, memory = Record(), []
    end_s = time.monotonic() + ARRIVAL_S + duration_s
    people = [asyncio.create_task(Person(k, url, record).live(end_s)) for k in range(n_sessions)]
    while not all(person.done() for person in people):
        memory.append(resident_bytes(pid))
        await asyncio.sleep(1)
    await asyncio.gather(*people)
    return record, memory


def report(record: Record, memory: list[int], n_sessions: int) -> str:
    """The table."""
    lines = [f"{'what':22} {'n':>6} {'median':>9} {'p95':>9} {'worst':>9}"]
    for kind, waits_ms in sorted(record.waits_ms.items()):
        middle, high = np.percentile(waits_ms, (50, 95))
        lines.append(f"{kind:22} {len(waits_ms):6} {middle:6.0f} ms {high:6.0f} ms {max(waits_ms):6.0f} ms")
    quarter = max(len(memory) // 4, 1)
    places = {
        "start": memory[0],
        "half way": memory[len(memory) // 2],
        "highest": max(memory),
        "end": memory[-1],
    }
    lines.append("memory: " + ", ".join(f"{name} {n / 1e6:,.0f} MB" for name, n in places.items()))
    growth = (np.mean(memory[-quarter:]) - np.mean(memory[-2 * quarter : -quarter])) / 1e6
    lines.append(f"memory of the last quarter over that of the one before: {growth:+,.0f} MB")
    lines.append(f"sessions: {n_sessions}, lost: {record.n_lost}, errors: {len(record.errors)}")
    return "\n".join([*lines, *record.errors[:10]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {"SINKLENS_CACHE_DIR": f"{folder}/cache", "SINKLENS_STUDIES_DIR": f"{folder}/studies"}
        # All clients have one address here.
        env |= {"SINKLENS_PAGE_RUNS_PER_MINUTE": "0", "SINKLENS_WARM_UP": "true"}
        app = AppProcess(REPOSITORY / "app.py", Path(folder) / "log.txt", env)
        try:
            record, memory = asyncio.run(load(app.url, app.pid, args.sessions, args.seconds))
            record.errors += [f"server: {error}" for error in app.errors()]
        finally:
            app.stop()
    print(report(record, memory, args.sessions))
    sys.exit(bool(record.errors))


if __name__ == "__main__":
    main()
