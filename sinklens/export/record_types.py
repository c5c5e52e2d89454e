"""Do the values of a record have the types that its dataclass promises? A stranger's file may not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


def misfits(value, kind, place: str = "") -> Iterator[str]:
    """Sentences, one for each value of another type than the hint says; none where everything fits."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if origin in (Union, UnionType):
        if all(any(misfits(value, choice)) for choice in inner):
            yield _sentence(value, kind, place)
    elif origin is tuple:
        yield from _of_tuple(value, inner, kind, place)
    elif origin is dict:
        yield from _of_dict(value, inner, kind, place)
    elif not _is_a(value, origin or kind):
        yield _sentence(value, kind, place)
    elif is_dataclass(kind):
        for name, hint in _hints(kind).items():
            yield from misfits(getattr(value, name), hint, f"{place}.{name}" if place else name)


def _of_tuple(value, inner: tuple, kind, place: str) -> Iterator[str]:
    if not isinstance(value, tuple):
        yield _sentence(value, kind, place)
        return
    kinds = (inner[0],) * len(value) if inner[1:] == (Ellipsis,) else inner
    if len(kinds) != len(value):
        yield f"{place} has {len(value)} parts; {len(kinds)} were expected"
        return
    for index, (item, hint) in enumerate(zip(value, kinds, strict=True)):
        yield from misfits(item, hint, f"{place}[{index}]")


def _of_dict(value, inner: tuple, kind, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _sentence(value, kind, place)
        return
    for key, item in value.items():
        yield from misfits(key, inner[0], f"{place} key")
        yield from misfits(item, inner[1], f"{place}[{key!r}]")


def _is_a(value, kind: type) -> bool:
    if kind in (None, NoneType):
        return value is None
    if kind is float:  # as in type hints, a whole number will do
        return isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    return isinstance(value, kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _sentence(value, kind, place: str) -> str:
    wanted = getattr(kind, "__name__", None) or str(kind)
    return f"{place or 'it'} is of type {type(value).__name__}; {wanted} was expected"
