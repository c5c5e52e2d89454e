"""Attention that another program has stored: .npz, .npy and safetensors, read without running anything.

What is looked for: one array of layers x heads x queries x keys, or one array per layer, as
TransformerLens names them (`blocks.3.attn.hook_pattern`) or numbered (a Hugging Face tuple).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from sinklens.errors import DamagedFile, NotEnoughMemory

N_MEMBERS_MAX = 10_000
WHOLE = ("attentions", "attention", "patterns", "pattern", "weights", "attn", "arr_0")
TOKENS = ("tokens", "labels", "str_tokens")
IDS = ("token_ids", "input_ids", "ids")
HOOK = re.compile(r"(?:^|.*\.)blocks\.(\d+)\.attn\.hook_pattern$")
NUMBERED = re.compile(r"^(.*?)(\d+)\D*$")


@dataclass(frozen=True, eq=False)
class StoredAttention:
    """What was found."""

    layers: tuple[np.ndarray, ...]
    """One (H, Q, K) array for each layer, of the type that it was stored in."""
    tokens: tuple[str, ...] | None
    ids: tuple[int, ...] | None
    source: str
    """Which arrays were taken, in words."""


def read_attention(path: Path | str, *, max_bytes: int) -> StoredAttention:
    """Read attention from a file.

    Parameters
    ----------
    max_bytes : arrays of more bytes than this, unpacked, are refused before they are unpacked

    Raises
    ------
    DamagedFile
        The file is cut, a pickle, of another kind, or holds no attention.
    NotEnoughMemory
        It is larger than `max_bytes`.
    FileNotFoundError
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(b"PK"):
        return find_attention(_npz(path, max_bytes))
    if start.startswith(b"\x93NUMPY"):
        _check_size(path, path.stat().st_size, max_bytes)
        return find_attention({"attention": _npy(path.read_bytes(), path.name)})
    # Safetensors begin with a length of eight bytes, whatever they are, and a brace.
    if start.startswith(b"\x80") and start[8:] != b"{":
        raise DamagedFile(
            f"'{path.name}' is a pickle, which can run code when it is read; save .npz or safetensors."
        )
    arrays, metadata = _safetensors(path, max_bytes)
    found = find_attention(arrays)
    words = next((metadata[name] for name in TOKENS if name in metadata), None)
    return found if words is None else replace(found, tokens=tokens_from_text(words, path.name))


def find_attention(arrays: Mapping[str, np.ndarray]) -> StoredAttention:
    """Pick the attention out of named arrays; DamagedFile lists the names where there is none."""
    arrays = dict(arrays)
    tokens, ids = _tokens(arrays), _ids(arrays)
    floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f" and array.ndim >= 3}
    hooks = {int(HOOK.match(name)[1]): array for name, array in floats.items() if HOOK.match(name)}
    if hooks:
        return StoredAttention(_in_order(hooks), tokens, ids, f"hook_pattern of {len(hooks)} blocks")
    whole = [name for name in floats if floats[name].ndim >= 4 and (len(floats) == 1 or name in WHOLE)]
    if len(whole) == 1 and not _is_one_of_many(whole[0], floats):
        return StoredAttention(_split(floats[whole[0]], whole[0]), tokens, ids, f"array '{whole[0]}'")
    groups: dict[str, dict[int, np.ndarray]] = {}
    for name, array in floats.items():
        found = NUMBERED.match(name)
        if found:
            groups.setdefault(found[1], {})[int(found[2])] = array
    if len(groups) == 1:
        prefix, layers = next(iter(groups.items()))
        return StoredAttention(
            _in_order(layers), tokens, ids, f"arrays '{prefix}0' to '{prefix}{len(layers) - 1}'"
        )
    names = ", ".join(list(arrays)[:8]) or "nothing"
    raise DamagedFile(
        "One array of layers x heads x queries x keys, or one numbered array for each layer, was expected; "
        f"the file has {names}."
    )


def _is_one_of_many(name: str, floats: Mapping[str, np.ndarray]) -> bool:
    return name == "arr_0" and "arr_1" in floats


def _split(array: np.ndarray, name: str) -> tuple[np.ndarray, ...]:
    """Layers of a whole array; a batch of one, or a single layer in a batch, is taken apart."""
    if array.ndim == 5 and array.shape[1] != 1:
        raise DamagedFile(f"'{name}' holds {array.shape[1]} texts; save the attention of one text.")
    if array.ndim not in (4, 5):
        raise DamagedFile(f"'{name}' has {array.ndim} axes; layers x heads x queries x keys were expected.")
    return tuple(array[:, 0] if array.ndim == 5 else array)


def _in_order(layers: Mapping[int, np.ndarray]) -> tuple[np.ndarray, ...]:
    """(H, Q, K) arrays by their number; a batch of one is taken off."""
    first = min(layers)
    if sorted(layers) != list(range(first, first + len(layers))):
        raise DamagedFile(f"Layers are missing: the numbers are {', '.join(map(str, sorted(layers)))}.")
    found = []
    for number in sorted(layers):
        array = layers[number]
        if array.ndim == 4 and array.shape[0] != 1:
            raise DamagedFile(f"Layer {number} holds {array.shape[0]} texts; save the attention of one text.")
        if array.ndim not in (3, 4):
            raise DamagedFile(f"Layer {number} has {array.ndim} axes; heads x queries x keys were expected.")
        found.append(array[0] if array.ndim == 4 else array)
    return tuple(found)


def _tokens(arrays: Mapping[str, np.ndarray]) -> tuple[str, ...] | None:
    found = next(
        (arrays[name] for name in TOKENS if name in arrays and arrays[name].dtype.kind in "US"), None
    )
    if found is None:
        return None
    words = np.ravel(found)
    return tuple(
        word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in words.tolist()
    )


def _ids(arrays: Mapping[str, np.ndarray]) -> tuple[int, ...] | None:
    found = next((arrays[name] for name in IDS if name in arrays and arrays[name].dtype.kind in "iu"), None)
    return None if found is None else tuple(np.ravel(found).tolist())


def _npz(path: Path, max_bytes: int) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path, max_bytes)
            content = {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DamagedFile(f"'{path.name}' is not a readable .npz file: {error}.") from error
    return {name.removesuffix(".npy"): _npy(content.pop(name), name) for name in list(content)}


def _members(archive: zipfile.ZipFile, path: Path, max_bytes: int) -> list[zipfile.ZipInfo]:
    """What is in an archive, if it is arrays that are not too large together."""
    members = archive.infolist()
    if len(members) > N_MEMBERS_MAX:
        raise DamagedFile(f"'{path.name}' has {len(members):,} members; {N_MEMBERS_MAX:,} are read at most.")
    # The sizes that the archive announces; no more than that is ever unpacked.
    _check_size(path, sum(member.file_size for member in members), max_bytes)
    strangers = [member.filename for member in members if not member.filename.endswith(".npy")]
    if strangers:
        raise DamagedFile(
            f"'{path.name}' is a zip file with '{strangers[0]}' in it; only .npy arrays belong there."
        )
    return members


def _npy(content: bytes, name: str) -> np.ndarray:
    """One .npy file; the announced shape must be what follows, so that a false one allocates nothing."""
    file = io.BytesIO(content)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, is_fortran, dtype = readers[np.lib.format.read_magic(file)](file)
    except (KeyError, ValueError, TypeError, SyntaxError, EOFError, RecursionError, MemoryError) as error:
        raise DamagedFile(f"'{name}' has no readable .npy header.") from error
    if dtype.hasobject or dtype.kind not in "fiubUS":
        raise DamagedFile(f"'{name}' holds {dtype}, which is neither numbers nor text.")
    rest = content[file.tell() :]
    n_items = 1
    for size in shape:  # Python's own integers do not overflow.
        n_items *= size
    if min(shape, default=0) < 0 or dtype.itemsize == 0 or n_items * dtype.itemsize != len(rest):
        raise DamagedFile(f"'{name}' announces {n_items:,} numbers and holds {len(rest):,} bytes.")
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if is_fortran else "C")


def _safetensors(path: Path, max_bytes: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata."""
    _check_size(path, path.stat().st_size, max_bytes)
    try:
        with safe_open(path, framework="np", backend="pread") as file:
            return file.get_tensors(), file.metadata() or {}
    except SafetensorError as error:
        raise DamagedFile(
            f"'{path.name}' is neither .npz, .npy nor a readable safetensors file: {error}."
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"'{path.name}' holds a type that numpy does not have: {error}.") from error


def tokens_from_text(text: str, name: str) -> tuple[str, ...]:
    """Tokens as a JSON list of strings, or one on each line; DamagedFile for any other JSON."""
    if not text.lstrip().startswith("["):
        return tuple(text.splitlines())
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return tuple(text.splitlines())  # "[CLS]" on the first of many lines
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise DamagedFile(f"The tokens of '{name}' should be a list of strings.")
    return tuple(words)


def _check_size(path: Path, n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise NotEnoughMemory(
            f"'{path.name}' has {n_bytes:,} bytes of arrays; {max_bytes:,} are read at most.",
            n_bytes_needed=n_bytes,
            n_bytes_free=max_bytes,
        )
