"""SinkLens: where a transformer's attention goes, why it sinks, and what happens when it is moved."""

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
]


def __getattr__(name: str):
    # torch and transformers take seconds to import; records and settings should not wait for them.
    if name in ("analyze", "Run"):
        from sinklens import run

        return getattr(run, name)
    raise AttributeError(f"module 'sinklens' has no attribute '{name}'")
