"""Nested frozen records as one safetensors file: arrays as tensors, everything else as JSON in the metadata.

Knows no record by name: which ones a file may hold is said by whoever reads or writes it. Nothing in a
file is executed, and every byte is covered by a checksum.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_bytes
from safetensors.numpy import save_file

from sinklens.errors import DamagedFile

Records = Mapping[str, type]
"""The dataclasses that a file may hold, by name."""


@dataclass(frozen=True, eq=False)
class StoredRecord:
    """What a file holds, before any record is built from it."""

    file: str
    """Name of the file, for sentences."""
    name: str
    """Name and version of its format."""
    document: dict
    """The records as JSON."""
    arrays: dict[str, np.ndarray]

    def value(self, records: Records):
        """The record; DamagedFile where the file does not fit the records of this version."""
        try:
            return _decode(self.document, self.arrays, records)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DamagedFile(f"The record in '{self.file}' does not read back: {error}.") from error


def write(value, path: Path | str, *, name: str, records: Records) -> None:
    """Write a record; the file appears whole or not at all.

    Arrays that several records share are stored once. OSError when the disk refuses.
    """
    path = Path(path)
    arrays, metadata = _packed(value, name, records)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        save_file(arrays, part, metadata)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def as_bytes(value, *, name: str, records: Records) -> bytes:
    """What `write` puts into a file."""
    return save_bytes(*_packed(value, name, records))


def read(path: Path | str) -> StoredRecord:
    """What a file holds.

    DamagedFile when it is cut, changed or foreign; FileNotFoundError when there is none.
    """
    path = Path(path)
    try:
        # Not mapped into memory: a file that is cut while it is read must not end the process.
        with safe_open(path, framework="np", backend="pread") as file:
            metadata = file.metadata() or {}
            return StoredRecord(
                path.name, str(metadata.get("format")), _document(metadata, path), file.get_tensors()
            )
    except SafetensorError as error:
        raise DamagedFile(f"'{path.name}' is not a readable safetensors file: {error}.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(
            f"'{path.name}' holds arrays of a type that numpy does not have: {error}."
        ) from error


def format_of(path: Path | str) -> str:
    """Name and version of a file's format, "" where it says none; errors as in `read`."""
    try:
        with safe_open(path, framework="np", backend="pread") as file:
            return str((file.metadata() or {}).get("format", ""))
    except SafetensorError as error:
        raise DamagedFile(f"'{Path(path).name}' is not a readable safetensors file: {error}.") from error


def _packed(value, name: str, records: Records) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    arrays: dict[str, np.ndarray] = {}
    document = json.dumps(_encode(value, arrays, {}, records), separators=(",", ":"), allow_nan=False)
    return arrays, {"format": name, "document": document, "crc32": str(zlib.crc32(document.encode()))}


def _document(metadata: dict[str, str], path: Path) -> dict:
    """The records as JSON; {} in a file of another kind, whose name then says so."""
    if "document" not in metadata:
        return {}
    text = metadata["document"]
    if metadata.get("crc32") != str(zlib.crc32(text.encode())):
        raise DamagedFile(f"The description in '{path.name}' has changed since it was written.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"The description in '{path.name}' cannot be read: {error}.") from error


def _encode(value, arrays: dict[str, np.ndarray], nodes: dict[int, dict], records: Records):
    """Plain JSON for a value; its arrays go into `arrays` under new names, each object once."""
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays, nodes)
    if is_dataclass(value):
        kind = type(value).__name__
        if records.get(kind) is not type(value):
            raise TypeError(f"A file of records cannot hold a value of type {kind}.")
        items = {
            item.name: _encode(getattr(value, item.name), arrays, nodes, records) for item in fields(value)
        }
        return {"record": kind, "fields": items}
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_encode(item, arrays, nodes, records) for item in value]}
    if isinstance(value, dict):
        pairs = [[_encode(part, arrays, nodes, records) for part in pair] for pair in value.items()]
        return {"dict": pairs}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"A file of records cannot hold a value of type {type(value).__name__}.")


def _encode_array(array: np.ndarray, arrays: dict[str, np.ndarray], nodes: dict[int, dict]) -> dict:
    if id(array) not in nodes:
        # safetensors reads the raw buffer, so strides must be plain.
        dense = array if array.flags.c_contiguous else array.copy(order="C")
        node = {"array": f"a{len(arrays)}", "dtype": dense.dtype.name, "shape": list(dense.shape)}
        nodes[id(array)] = node | {"crc32": _checksum(dense)}
        arrays[node["array"]] = dense
    return nodes[id(array)]


def _decode(node, arrays: dict[str, np.ndarray], records: Records):
    """The value that `_encode` was given; KeyError, TypeError or ValueError when it was not written by it."""
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return _decode_array(node, arrays)
    if "record" in node:
        items = {name: _decode(item, arrays, records) for name, item in node["fields"].items()}
        return records[node["record"]](**items)
    if "dict" in node:
        return {_decode(key, arrays, records): _decode(item, arrays, records) for key, item in node["dict"]}
    if "float" in node:
        return float(node["float"])
    kind = tuple if "tuple" in node else list
    return kind(_decode(item, arrays, records) for item in node[kind.__name__])


def _decode_array(node: dict, arrays: dict[str, np.ndarray]) -> np.ndarray:
    array = arrays[node["array"]]
    if array.dtype.name != node["dtype"] or list(array.shape) != node["shape"]:
        raise ValueError(f"array {node['array']} has another shape than it was written with")
    if _checksum(array) != node["crc32"]:
        raise ValueError(f"array {node['array']} has changed since it was written")
    return array


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8))
