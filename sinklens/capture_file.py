"""A capture as one safetensors file: arrays as tensors, everything else as JSON in the metadata.

Nothing in the file is executed when it is read (no pickle), every byte is covered by a checksum,
and a file that does not read back exactly is refused with DamagedFile.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

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
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    document = json.dumps(_encode(capture, arrays, {}), separators=(",", ":"), allow_nan=False)
    metadata = {"format": FORMAT, "document": document, "crc32": str(zlib.crc32(document.encode()))}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        save_file(arrays, part, metadata)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def load(path: Path | str) -> Capture:
    """Read a capture back, sealed.

    DamagedFile when the file is cut, changed, foreign or of another version; FileNotFoundError when
    there is none.
    """
    path = Path(path)
    try:
        # Not mapped into memory: a file that is cut while it is read must not end the process.
        with safe_open(path, framework="np", backend="pread") as file:
            document, arrays = _document(file.metadata() or {}, path), file.get_tensors()
    except SafetensorError as error:
        raise DamagedFile(f"'{path.name}' is not a readable safetensors file: {error}.") from error
    try:
        capture = _decode(document, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"The capture in '{path.name}' does not read back: {error}.") from error
    if not isinstance(capture, Capture):
        raise DamagedFile(f"'{path.name}' holds a {type(capture).__name__} instead of a capture.")
    return capture.seal()


def _document(metadata: dict[str, str], path: Path):
    if metadata.get("format") != FORMAT:
        raise DamagedFile(f"'{path.name}' has the format '{metadata.get('format')}'; {FORMAT} was expected.")
    text = metadata.get("document", "")
    if metadata.get("crc32") != str(zlib.crc32(text.encode())):
        raise DamagedFile(f"The description in '{path.name}' has changed since it was written.")
    return json.loads(text)


def _encode(value, arrays: dict[str, np.ndarray], nodes: dict[int, dict]):
    """Plain JSON for a value; its arrays go into `arrays` under new names, each object once."""
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays, nodes)
    if is_dataclass(value):
        kind = type(value).__name__
        if RECORDS.get(kind) is not type(value):
            raise TypeError(f"A capture file cannot hold a value of type {kind}.")
        items = {item.name: _encode(getattr(value, item.name), arrays, nodes) for item in fields(value)}
        return {"record": kind, "fields": items}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_encode(item, arrays, nodes) for item in value]}
    if isinstance(value, dict):
        pairs = [[_encode(key, arrays, nodes), _encode(item, arrays, nodes)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"A capture file cannot hold a value of type {type(value).__name__}.")


def _encode_array(array: np.ndarray, arrays: dict[str, np.ndarray], nodes: dict[int, dict]) -> dict:
    if id(array) not in nodes:
        # safetensors reads the raw buffer, so strides must be plain.
        dense = array if array.flags.c_contiguous else array.copy(order="C")
        node = {"array": f"a{len(arrays)}", "dtype": dense.dtype.name, "shape": list(dense.shape)}
        nodes[id(array)] = node | {"crc32": _checksum(dense)}
        arrays[node["array"]] = dense
    return nodes[id(array)]


def _decode(node, arrays: dict[str, np.ndarray]):
    """The value that `_encode` was given; KeyError, TypeError or ValueError when it was not written by it."""
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return _decode_array(node, arrays)
    if "record" in node:
        items = {name: _decode(item, arrays) for name, item in node["fields"].items()}
        return RECORDS[node["record"]](**items)
    if "dict" in node:
        return {_decode(key, arrays): _decode(item, arrays) for key, item in node["dict"]}
    if "float" in node:
        return float(node["float"])
    kind = tuple if "tuple" in node else list
    return kind(_decode(item, arrays) for item in node[kind.__name__])


def _decode_array(node: dict, arrays: dict[str, np.ndarray]) -> np.ndarray:
    array = arrays[node["array"]]
    if array.dtype.name != node["dtype"] or list(array.shape) != node["shape"]:
        raise ValueError(f"array {node['array']} has another shape than it was written with")
    if _checksum(array) != node["crc32"]:
        raise ValueError(f"array {node['array']} has changed since it was written")
    return array


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8))
