"""A capture as one safetensors file: arrays as tensors, everything else as JSON in the metadata.

Nothing in the file is executed when it is read (no pickle), every byte is covered by a checksum,
and a file that does not read back exactly is refused with DamagedFile.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from sinklens import record_file
from sinklens.errors import DamagedFile
from sinklens.interventions import Intervention, StaticVectors
from sinklens.prediction_records import Predictions, SoftmaxSteps
from sinklens.records import CapturePlan, CaptureRequest, Check, ModelInfo, Prompt, Token
from sinklens.results import Capture, LayerState, Profile

FORMAT = "sinklens-capture-2"
"""Changes when a field changes its meaning; fields that come or go are noticed when a record is rebuilt."""

RECORDS = {
    kind.__name__: kind
    for kind in (
        *(Capture, CaptureRequest, CapturePlan, ModelInfo, Check, Prompt, Token),
        *(Profile, LayerState, Predictions, SoftmaxSteps),
        *get_args(Intervention),
        StaticVectors,
    )
}


def save(capture: Capture, path: Path | str) -> None:
    """Write a capture; the file appears whole or not at all.

    Arrays that several records share are stored once. OSError when the disk refuses.
    """
    record_file.write(capture, path, name=FORMAT, records=RECORDS)


def load(path: Path | str) -> Capture:
    """Read a capture back, sealed.

    DamagedFile when the file is cut, changed, foreign or of another version; FileNotFoundError when
    there is none.
    """
    path = Path(path)
    stored = record_file.read(path)
    if stored.name != FORMAT:
        raise DamagedFile(f"'{path.name}' has the format '{stored.name}'; {FORMAT} was expected.")
    capture = stored.value(RECORDS)
    if not isinstance(capture, Capture):
        raise DamagedFile(f"'{path.name}' holds a {type(capture).__name__} instead of a capture.")
    return capture.seal()
