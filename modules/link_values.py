"""Reading the values of a link, whoever wrote it: what is not known is left out and noted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

Value = TypeVar("Value")
N_SHOWN = 40
"""Characters of an unknown value that a person is shown."""


class Notes:
    """Collects what is not known while a link is read.

    Parameters
    ----------
    prefix : of the names in the part of the link that is read
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.unknown: list[str] = []

    def add(self, name: str, value: str) -> None:
        """This is not known here."""
        text = f"{self._prefix}{name}={value}"
        self.unknown.append(text if len(text) <= N_SHOWN else f"{text[: N_SHOWN - 1]}…")

    def known(self, name: str, given: Mapping[str, str], read: Callable[[str], Value | None]) -> Value | None:
        """What `read` makes of a value; None where there is none, or one that is not known."""
        if name not in given:
            return None
        value = read(given[name])
        if value is None:
            self.add(name, given[name])
        return value


def natural(text: str) -> int | None:
    """A position from 0; more digits than any run has are none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else None


def count(text: str) -> int | None:
    """A number of tokens, from 1 to 99,999."""
    return (natural(text) or None) if len(text) <= 5 else None


def positions(text: str) -> tuple[int, ...] | None:
    """ "0 3 4" as (0, 3, 4), none twice."""
    return _distinct([natural(part) for part in text.split()])


def head(text: str) -> tuple[int, int] | None:
    """ "2.1" as (2, 1)."""
    return _two(text, ".")


def heads(text: str) -> tuple[tuple[int, int], ...] | None:
    """ "2.1 3.0" as ((2, 1), (3, 0)), none twice."""
    return _distinct([head(part) for part in text.split()])


def layers(text: str) -> tuple[int, int] | None:
    """ "1-3" as (1, 3), first and last; of less than a thousand layers."""
    found = _two(text, "-")
    return found if found is not None and found[0] <= found[1] < 1_000 else None


def step_of(low: float, high: float, step: float) -> Callable[[str], float | None]:
    """A reader of what a slider from `low` to `high` can stand at."""

    def read(text: str) -> float | None:
        try:
            number = float(text)
        except ValueError:
            return None
        if not low <= number <= high:
            return None
        nearest = round(low + round((number - low) / step) * step, 6)
        return nearest if abs(number - nearest) < 1e-6 else None

    return read


def one_of(names: Collection[str]) -> Callable[[str], str | None]:
    """A reader of one of these names."""
    return lambda text: text if text in names else None


def yes_or_no(text: str) -> bool | None:
    """ "1" as True, "0" as False."""
    return {"1": True, "0": False}.get(text)


def part_of(given: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The values whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}


def _two(text: str, between: str) -> tuple[int, int] | None:
    found = tuple(natural(part) for part in text.split(between))
    return found if len(found) == 2 and None not in found else None


def _distinct(found: list[Value | None]) -> tuple[Value, ...] | None:
    is_known = found and None not in found and len(set(found)) == len(found)
    return tuple(found) if is_known else None
