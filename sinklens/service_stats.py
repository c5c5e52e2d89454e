"""What the inference service has done and holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceStats:
    """What the service has done and holds."""

    n_hits: int
    """Requests answered from memory or disk."""
    n_misses: int
    """Forward passes that were started."""
    n_shared: int
    """Requests that joined a run somebody else had started."""
    n_memory_bytes: int
    n_disk_bytes: int
    n_running: int
    n_queued: int
    queues: dict[str, int]
    """Requests that wait, by model."""
