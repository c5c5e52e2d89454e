"""Rooms in which one session shows and others follow: kept in this process alone, and only while in use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from shiny import reactive

from modules.selection import Selection
from sinklens.results import Capture

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without letters and digits that are read for one another."""
N_CODE_CHARS = 6
N_ROOMS_MAX = 100


@dataclass(frozen=True, eq=False)
class View:
    """What the presenter looks at."""

    page: str
    """Id of the page."""
    capture: Capture
    is_example: bool
    selection: Selection


class Room:
    """One presenter and those who follow."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.view: reactive.Value[View | None] = reactive.Value(None)
        """What everybody sees; None before the presenter has anything on screen, and after they left."""
        self.n_followers = reactive.Value(0)
        """Sessions that follow or have looked away, the presenter's own left out."""
        self.is_live = reactive.Value(True)
        """The presenter is still there."""


class Rooms:
    """All rooms of a server.

    A room is forgotten, with what was seen in it, when the presenter and all others have left.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def open(self) -> Room | None:
        """A new room, None when there are N_ROOMS_MAX already."""
        if len(self._rooms) >= N_ROOMS_MAX:
            return None
        code = new_code()
        while code in self._rooms:
            code = new_code()
        self._rooms[code] = Room(code)
        return self._rooms[code]

    def join(self, code: str) -> Room | None:
        """The room of a code with one follower more, None where there is no such room or nobody presents."""
        room = self._rooms.get(code.strip().upper())
        with reactive.isolate():
            if room is None or not room.is_live():
                return None
            room.n_followers.set(room.n_followers() + 1)
        return room

    def leave(self, room: Room) -> None:
        """A follower has left."""
        with reactive.isolate():
            room.n_followers.set(room.n_followers() - 1)
            self._forget_empty(room)

    def close(self, room: Room) -> None:
        """The presenter has left; those who follow keep what they see."""
        with reactive.isolate():
            room.is_live.set(False)
            room.view.set(None)
            self._forget_empty(room)

    def _forget_empty(self, room: Room) -> None:
        if not room.is_live() and room.n_followers() <= 0:
            self._rooms.pop(room.code, None)


def new_code() -> str:
    """A code that nobody guesses: about a thousand million."""
    return "".join(secrets.choice(ALPHABET) for _ in range(N_CODE_CHARS))
