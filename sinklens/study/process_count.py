"""How many processes of this machine do the shards of a study: as many as its cores and memory allow."""

from __future__ import annotations

import os
from pathlib import Path

BYTES_OF = {"float32": 4, "bfloat16": 2, "float16": 2}
N_PROCESS_BYTES = 1_000_000_000
"""What a process takes beside its model: the libraries and one batch, measured 0.6 GB on short texts."""
CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def n_cores(limit: Path = CPU_LIMIT) -> int:
    """Cores that this process may use, the container's share respected; at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text("ascii").split()
    except FileNotFoundError:
        return allowed
    return allowed if quota == "max" else max(1, min(allowed, int(quota) // int(period)))


def n_processes(model: dict, n_bytes_free: int, *, n_processes_max: int) -> int:
    """How many processes can hold the model, one of which has it already.

    Parameters
    ----------
    model : facts of the loaded model, as in models/<slug>.json
    n_bytes_free : memory that can still be taken
    n_processes_max : as many as have a core

    Returns
    -------
    int
        At least 1; 1 on a GPU, which one process keeps busy.
    """
    if model["device"] != "cpu":
        return 1
    n_model_bytes = model["n_parameters"] * BYTES_OF[model["dtype"]]
    n_more = n_bytes_free // (n_model_bytes + N_PROCESS_BYTES)
    return max(1, min(n_processes_max, 1 + n_more))
