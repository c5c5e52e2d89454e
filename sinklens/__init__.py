"""SinkLens: where a transformer's attention goes, why it sinks, and what happens when it is moved."""

from importlib import import_module

from sinklens.errors import SinkLensError
from sinklens.interventions import DropHeads, MaskKeys, ScaleColumns
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.version import VERSION as __version__

__all__ = [
    "CapturePlan",
    "CaptureRequest",
    "DropHeads",
    "MaskKeys",
    "Run",
    "ScaleColumns",
    "SinkLensError",
    "__version__",
    "analyze",
    "from_attention",
]

_LATE = {"analyze": "run", "Run": "run", "open": "opening", "from_attention": "opening"}


def __getattr__(name: str):
    # torch and transformers take seconds to import; records and settings should not wait for them.
    if name in _LATE:
        return getattr(import_module(f"sinklens.{_LATE[name]}"), name)
    raise AttributeError(f"module 'sinklens' has no attribute '{name}'")
