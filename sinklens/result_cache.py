"""Results in memory, the least recently used dropped first once a bound in bytes is reached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ResultCache(Generic[Value]):
    """A dictionary that never holds more than `max_bytes`.

    Not safe for threads: one event loop owns it.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Value | None:
        """The value, now the most recently used; None where there is none."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: Hashable, value: Value, n_bytes: int) -> None:
        """Keep a value of `n_bytes`; one that is larger than the bound is not kept."""
        self._drop(key)
        if n_bytes > self.max_bytes:
            return
        while self.n_bytes + n_bytes > self.max_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[key] = (value, n_bytes)
        self.n_bytes += n_bytes

    def forget(self, is_stale: Callable[[Hashable], bool]) -> None:
        """Drop every entry whose key is stale."""
        for key in [key for key in self._entries if is_stale(key)]:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        if key in self._entries:
            self.n_bytes -= self._entries.pop(key)[1]
