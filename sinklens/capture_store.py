"""Finished results: in memory by content key, the large captures also on disk."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor

from sinklens.disk_cache import DiskCache
from sinklens.records import CaptureRequest
from sinklens.result_cache import ResultCache
from sinklens.results import Capture, Predictions, arrays_in
from sinklens.settings import Settings

MAX_KEY_TABLE_BYTES = 16_000_000
"""Requests whose key is known, so that an equal one is answered without a worker."""


class CaptureStore:
    """What the service remembers, owned by its event loop; only the disk has a thread.

    Parameters
    ----------
    min_spill_bytes : smaller captures are computed again rather than stored on disk
    """

    def __init__(self, settings: Settings, *, min_spill_bytes: int) -> None:
        self.n_hits = 0
        """Requests answered from memory or disk."""
        self.disk = DiskCache(settings.cache_dir / "captures", settings.max_disk_cache_bytes)
        self.results: ResultCache[Capture | Predictions] = ResultCache(settings.max_memory_cache_bytes)
        self._keys: ResultCache[str] = ResultCache(MAX_KEY_TABLE_BYTES)
        self._min_spill_bytes = min_spill_bytes
        self._uses_disk = settings.cache_on_disk
        self._disk_thread = ThreadPoolExecutor(1, thread_name_prefix="disk")

    def key(self, request: CaptureRequest) -> str | None:
        """The content key of a request, None while it has not been told."""
        return self._keys.get(request)

    def learn_key(self, request: CaptureRequest, key: str) -> None:
        """Note which content a request stands for."""
        self._keys.put(request, key, sys.getsizeof(request.text) + sys.getsizeof(request.target) + len(key))

    def forget_keys(self, model: str) -> None:
        """A folder may hold other weights when it is loaded again, so its keys must be told anew."""
        self._keys.forget(lambda request: request.model == model)

    def recall(self, key: Hashable) -> Capture | Predictions | None:
        """A result that is in memory."""
        found = self.results.get(key)
        self.n_hits += found is not None
        return found

    async def read(self, key: str | None) -> Capture | None:
        """A capture that is on disk, from now on also in memory."""
        if key is None or not self._uses_disk:
            return None
        capture = await self._on_disk_thread(self.disk.read, key)
        if capture is not None:
            self.n_hits += 1
            self.keep(key, capture)
        return capture

    def keep(self, key: Hashable, result: Capture | Predictions) -> None:
        """Hold a result in memory while there is room."""
        distinct = {id(array): array.nbytes for array in arrays_in(result)}
        self.results.put(key, result, sum(distinct.values()))

    async def spill(self, key: str, capture: Capture) -> None:
        """Write a capture to disk if it is large."""
        if self._uses_disk and capture.nbytes >= self._min_spill_bytes:
            await self._on_disk_thread(self.disk.write, key, capture)

    def seed(self, request: CaptureRequest, capture: Capture) -> None:
        """Put a stored capture in memory as the answer to a request, with no model at hand."""
        digest = hashlib.sha256(repr(request).encode("utf-8", "surrogatepass")).hexdigest()
        self.learn_key(request, f"seed-{digest}")
        self.keep(f"seed-{digest}", capture.seal())

    def close(self) -> None:
        """End the disk's thread after what it is writing."""
        self._disk_thread.shutdown(wait=False, cancel_futures=True)

    async def _on_disk_thread(self, function, *args):
        return await asyncio.get_running_loop().run_in_executor(self._disk_thread, function, *args)
