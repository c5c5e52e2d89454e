"""Which device and number format a model runs in, each with its reason."""

from __future__ import annotations

import torch


def choose_device() -> tuple[torch.device, str]:
    """The device for all models of this process, and why."""
    if torch.cuda.is_available():
        return torch.device("cuda"), f"a GPU is there ({torch.cuda.get_device_name()})"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "an Apple GPU is there"
    n_threads = torch.get_num_threads()
    return torch.device("cpu"), f"no GPU was found; CPU threads in use: {n_threads}"


def choose_dtype(stored: torch.dtype | None, device: torch.device) -> tuple[torch.dtype, str]:
    """The number format of the weights in memory, and why."""
    name = str(stored).removeprefix("torch.") if stored is not None else "unknown"
    if device.type == "cuda" and stored in (torch.bfloat16, torch.float16):
        return (
            torch.bfloat16,
            f"stored as {name}; a GPU computes bfloat16 well, and attention is computed in float32",
        )
    if stored in (None, torch.float32):
        return torch.float32, "stored as float32"
    return torch.float32, f"stored as {name}; float32 is exact and not slower on {device.type.upper()}"
