"""How much memory a run will take, told before it starts."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from sinklens.capture.attend import N_BLOCK_CELLS, N_BLOCK_ROWS
from sinklens.capture.thumbnail import N_CELLS_MAX, cell_size
from sinklens.errors import NotEnoughMemory
from sinklens.records import CapturePlan, ModelInfo

_FLOAT_BYTES = 4
_N_KEY_ARRAYS, _N_QUERY_ARRAYS = 8, 9
_N_BLOCK_COPIES = 4
_N_WIDE_ACTIVATIONS = 14
"""Residual stream, normalised copy, q, k, v, repeated k and v, output and the feed-forward's 4x width."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that one run needs beside the loaded model."""

    profile_bytes: int
    states_bytes: int
    maps_bytes: int
    working_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.profile_bytes + self.states_bytes + self.maps_bytes + self.working_bytes


def estimate(info: ModelInfo, n_tokens: int, plan: CapturePlan) -> MemoryEstimate:
    """What a run of `n_tokens` will take, from shapes alone."""
    n_streams = 3 if info.kind == "encoder-decoder" else 1
    n_maps = info.n_layers * info.n_heads * n_streams
    side = min(n_tokens, N_CELLS_MAX)
    profile = n_maps * n_tokens * (_N_KEY_ARRAYS + _N_QUERY_ARRAYS) * _FLOAT_BYTES
    profile += n_maps * side * side * _FLOAT_BYTES if plan.thumbnails else 0
    per_token = (info.n_heads + 2 * info.n_kv_heads) * info.head_dim
    states = info.n_layers * n_streams * n_tokens * per_token * _FLOAT_BYTES if plan.states else 0
    squares = len(plan.maps) + (5 if plan.mean_maps else 0)
    squares += n_maps if info.capture_path == "eager hooks" else 0
    one_head = n_tokens * max(N_BLOCK_ROWS, cell_size(n_tokens))
    block = max(one_head, min(info.n_heads * one_head, N_BLOCK_CELLS)) * _FLOAT_BYTES * _N_BLOCK_COPIES
    wide = n_tokens * max(info.hidden_size, info.n_heads * info.head_dim) * _FLOAT_BYTES * _N_WIDE_ACTIVATIONS
    logits = min(n_tokens, 256) * info.vocabulary_size * _FLOAT_BYTES * 3 if info.has_lm_head else 0
    return MemoryEstimate(profile, states, squares * n_tokens**2 * _FLOAT_BYTES, block + wide + logits)


def pass_bytes(info: ModelInfo, n_tokens: int) -> int:
    """Activations of one text in a pass that counts and keeps nothing, the scores of a layer included."""
    width = max(info.hidden_size, info.n_heads * info.head_dim)
    return n_tokens * (_N_WIDE_ACTIVATIONS * width + 2 * info.n_heads * n_tokens) * _FLOAT_BYTES


def free_bytes(device: torch.device) -> int:
    """Memory that can still be taken on the device, the container's limit respected."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_available_from_meminfo(), _left_in_cgroup())


def refuse_if_too_large(info: ModelInfo, n_tokens: int, plan: CapturePlan, n_bytes_free: int) -> None:
    """Raise NotEnoughMemory, with both numbers, when the run would not fit."""
    needed = estimate(info, n_tokens, plan).total_bytes
    if needed > n_bytes_free:
        raise NotEnoughMemory(
            f"This run of {n_tokens:,} tokens needs about {needed / 1e9:.1f} GB; "
            f"{n_bytes_free / 1e9:.1f} GB are free. Use a shorter text or read it in windows.",
            n_bytes_needed=needed,
            n_bytes_free=n_bytes_free,
        )


def _available_from_meminfo() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except FileNotFoundError:
        # Not Linux: half of the physical memory is a careful guess of what is free.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _left_in_cgroup() -> int:
    """Bytes left under the container's limit; very large where there is none."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = file.read().strip()
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
            used = int(file.read())
    except FileNotFoundError:
        return 1 << 62
    return 1 << 62 if limit == "max" else max(0, int(limit) - used)
