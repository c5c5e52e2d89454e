"""Which device and number format a model runs in, each with its reason."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import torch

from sinklens.errors import ModelRefused


@dataclass(frozen=True)
class Placement:
    """Where weights go and in which format; "auto": as this machine and the checkpoint suggest."""

    device: str = "auto"
    dtype: str = "auto"
    """"auto", "float32", "bfloat16" or "float16"."""
    device_map: str | None = None
    """Spread the model over several devices, as accelerate does under this name."""

    def spread(self, name: str) -> dict:
        """What `from_pretrained` is told about several devices; ModelRefused without accelerate."""
        if self.device_map is None:
            return {}
        if importlib.util.find_spec("accelerate") is None:
            raise ModelRefused(
                f"Spreading '{name}' over devices needs the accelerate package (pip install accelerate)."
            )
        return {"device_map": self.device_map}


def choose_device(wanted: str = "auto") -> tuple[torch.device, str]:
    """The device for all models of this process, and why."""
    if wanted != "auto":
        return torch.device(wanted), "as asked"
    if torch.cuda.is_available():
        return torch.device("cuda"), f"a GPU is there ({torch.cuda.get_device_name()})"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "an Apple GPU is there"
    n_threads = torch.get_num_threads()
    return torch.device("cpu"), f"no GPU was found; CPU threads in use: {n_threads}"


def choose_dtype(
    stored: torch.dtype | None, device: torch.device, wanted: str = "auto"
) -> tuple[torch.dtype, str]:
    """The number format of the weights in memory, and why."""
    if wanted != "auto":
        return getattr(torch, wanted), "as asked"
    name = str(stored).removeprefix("torch.") if stored is not None else "unknown"
    if device.type == "cuda" and stored in (torch.bfloat16, torch.float16):
        return (
            torch.bfloat16,
            f"stored as {name}; a GPU computes bfloat16 well, and attention is computed in float32",
        )
    if stored in (None, torch.float32):
        return torch.float32, "stored as float32"
    return torch.float32, f"stored as {name}; float32 is exact and not slower on {device.type.upper()}"
