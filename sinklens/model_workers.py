"""Who may compute next: one thread per model, first come first served."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sinklens.errors import QueueFull

Compute = Callable[..., Awaitable]
"""`await compute(function, *args)` runs a blocking function on the model's thread."""


@dataclass(eq=False)
class _Ticket:
    model: str
    on_position: Callable[[int], None]
    admitted: asyncio.Future
    position: int = 0


class ModelWorkers:
    """Lets one run at a time work on a model, and at most `n_parallel` models at once.

    A model keeps its thread until it is retired, so whatever runs on one model can never overlap.
    Owned by the event loop: only the functions handed to `compute` run elsewhere.
    """

    def __init__(self, *, n_parallel: int, max_queue: int) -> None:
        self.n_parallel = n_parallel
        self.max_queue = max_queue
        self._line: list[_Ticket] = []
        self._busy: set[str] = set()
        self._threads: OrderedDict[str, ThreadPoolExecutor] = OrderedDict()

    @property
    def n_running(self) -> int:
        return len(self._busy)

    def queues(self) -> dict[str, int]:
        """Requests that wait, by model."""
        return dict(Counter(ticket.model for ticket in self._line))

    def idle_models(self) -> list[str]:
        """Models with a thread but no work, the longest unused first; the one used last is spared."""
        wanted = self._busy | self.queues().keys()
        return [model for model in list(self._threads)[:-1] if model not in wanted]

    @asynccontextmanager
    async def turn(self, model: str, on_position: Callable[[int], None]) -> AsyncIterator[Compute]:
        """Wait for the model, then have it alone until the block is left.

        `on_position(n)` is called at once and whenever the place in the line changes; 1 is next.
        QueueFull when `max_queue` requests wait already.
        """
        ticket = self._take_ticket(model, on_position)
        try:
            await ticket.admitted
            yield self._compute_on(model)
        finally:
            self._give_back(ticket)

    async def retire(self, model: str, release: Callable[[], None]) -> None:
        """Run `release` on an idle model's thread and end the thread; whoever comes meanwhile waits."""
        self._busy.add(model)
        try:
            await self._compute_on(model)(release)
        finally:
            self._threads.pop(model).shutdown(wait=False)
            self._busy.remove(model)
            self._admit()

    def close(self) -> None:
        """End the threads as soon as what runs on them returns."""
        for thread in self._threads.values():
            thread.shutdown(wait=False, cancel_futures=True)

    def _compute_on(self, model: str) -> Compute:
        thread = self._threads[model]

        async def compute(function: Callable, *args):
            return await asyncio.get_running_loop().run_in_executor(thread, function, *args)

        return compute

    def _take_ticket(self, model: str, on_position: Callable[[int], None]) -> _Ticket:
        n_waiting = self.queues().get(model, 0)
        if n_waiting >= self.max_queue:
            raise QueueFull(f"{n_waiting} requests wait for '{model}' already; please try again in a while.")
        ticket = _Ticket(model, on_position, asyncio.get_running_loop().create_future())
        self._line.append(ticket)
        self._admit()
        return ticket

    def _give_back(self, ticket: _Ticket) -> None:
        if ticket in self._line:
            self._line.remove(ticket)
        else:
            self._busy.remove(ticket.model)
        self._admit()

    def _admit(self) -> None:
        """Let in whoever may start, and tell the others where they stand now."""
        for ticket in list(self._line):
            has_room = len(self._busy) < self.n_parallel and ticket.model not in self._busy
            if has_room and not ticket.admitted.done():
                self._line.remove(ticket)
                self._start(ticket)
        places: Counter[str] = Counter()
        for ticket in self._line:
            places[ticket.model] += 1
            if ticket.position != places[ticket.model]:
                ticket.position = places[ticket.model]
                ticket.on_position(ticket.position)

    def _start(self, ticket: _Ticket) -> None:
        if ticket.model not in self._threads:
            self._threads[ticket.model] = ThreadPoolExecutor(1, thread_name_prefix=f"model-{ticket.model}")
        self._threads.move_to_end(ticket.model)
        self._busy.add(ticket.model)
        ticket.admitted.set_result(None)
