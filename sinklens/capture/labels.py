"""Readable labels for vocabulary entries: every character visible, nothing guessed."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

VISIBLE = {" ": "·", "\n": "↵", "\r": "␍", "\t": "⇥"}
_HEX_BYTE = re.compile(r"^<0x([0-9A-Fa-f]{2})>$")


def piece_bytes(piece: str) -> bytes | None:
    """The bytes behind a byte-level vocabulary entry (GPT-2's alphabet), None if it is not one."""
    try:
        return bytes(_BYTE_OF[char] for char in piece)
    except KeyError:
        return None


@lru_cache(maxsize=1 << 15)
def label_of(piece: str, *, is_byte_level: bool) -> str:
    """What a person reads for a vocabulary entry.

    A space becomes '·', a newline '↵', bytes that are no character '\\xE2', characters without a
    shape (zero-width, control, right-to-left marks) their code point '<U+200B>'.
    """
    hex_byte = _HEX_BYTE.match(piece)
    if hex_byte:
        return f"\\x{hex_byte.group(1).upper()}"
    raw = piece_bytes(piece) if is_byte_level else None
    if raw is None:
        return _visible(piece.replace("▁", " "))
    try:
        return _visible(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return _visible_bytes(raw)


def _visible(text: str) -> str:
    return "".join(_visible_char(char) for char in text)


def _visible_char(char: str) -> str:
    if char in VISIBLE:
        return VISIBLE[char]
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
    return f"<U+{ord(char):04X}>" if hidden else char


def _visible_bytes(raw: bytes) -> str:
    """Characters where the bytes form some, \\xNN for the rest."""
    text = raw.decode("utf-8", errors="surrogateescape")
    return "".join(
        f"\\x{ord(char) - 0xDC00:02X}" if 0xDC80 <= ord(char) <= 0xDCFF else _visible_char(char)
        for char in text
    )


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes (Radford et al. 2019), inverted."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in set(printable))
    return alphabet | {chr(0x100 + i): byte for i, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()
