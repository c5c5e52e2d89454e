"""Rooms come and go with those who are in them."""

from __future__ import annotations

import pytest
from shiny import reactive

from modules.language import ENGLISH
from modules.presenting import Seat
from modules.rooms import ALPHABET, N_CODE_CHARS, N_ROOMS_MAX, Rooms, View, new_code
from modules.selection import Selection
from tests.captures import decoder_capture


@pytest.fixture
def rooms():
    with reactive.isolate():
        yield Rooms()


def test_a_code_is_easy_to_read_aloud():
    code = new_code()
    assert len(code) == N_CODE_CHARS
    assert set(code) <= set(ALPHABET)
    assert not set("01IO") & set(ALPHABET)


def test_a_code_is_found_however_it_is_typed(rooms: Rooms):
    room = rooms.open()
    assert rooms.join(f" {room.code.lower()} ") is room
    assert room.n_followers() == 1
    assert rooms.join("nothing") is None


def test_a_room_is_forgotten_when_the_last_one_has_left(rooms: Rooms):
    room = rooms.open()
    rooms.join(room.code)
    rooms.join(room.code)
    rooms.leave(room)
    rooms.close(room)
    assert len(rooms) == 1
    rooms.leave(room)
    assert len(rooms) == 0


def test_a_room_that_all_pupils_left_stays_while_somebody_presents(rooms: Rooms):
    room = rooms.open()
    rooms.join(room.code)
    rooms.leave(room)
    assert rooms.join(room.code) is room
    rooms.leave(room)
    rooms.close(room)
    assert len(rooms) == 0


def test_nothing_that_was_seen_stays_when_the_presenter_leaves(rooms: Rooms):
    room = rooms.open()
    rooms.join(room.code)
    room.view.set(View("heads", decoder_capture(), False, Selection()))
    rooms.close(room)
    assert room.view() is None
    assert rooms.join(room.code) is None


def test_a_server_has_only_so_many_rooms(rooms: Rooms):
    codes = {rooms.open().code for _ in range(N_ROOMS_MAX)}
    assert len(codes) == N_ROOMS_MAX
    assert rooms.open() is None


def test_a_session_is_in_one_room_at_a_time(rooms: Rooms):
    teacher, pupil = Seat(rooms, ENGLISH), Seat(rooms, ENGLISH)
    teacher.present()
    room = teacher.shown()
    pupil.join(room.code)
    assert room.n_followers() == 1
    pupil.present()
    assert (room.n_followers(), len(rooms)) == (0, 2)
    assert pupil.joined() is None
    pupil.leave()
    teacher.leave()
    assert len(rooms) == 0


def test_a_code_that_leads_nowhere_is_told(rooms: Rooms):
    pupil = Seat(rooms, ENGLISH)
    pupil.join("nowhere")
    assert pupil.trouble().startswith("There is no room nowhere")
    other = Seat(rooms, ENGLISH)
    other.present()
    pupil.join(other.shown().code)
    assert pupil.trouble() == ""
