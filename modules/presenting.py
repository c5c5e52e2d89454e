"""A presenter's view on the screens of a class: a link with a room code, and a way to look around alone."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from htmltools import Tag, TagList
from shiny import Inputs, Outputs, Session, module, reactive, render, ui

from modules.language import ENGLISH, Words, later
from modules.request_panel import fill_panel
from modules.rooms import Room, Rooms, View
from modules.selection import Selection
from modules.session_run import SessionRun

QUERY = "room"
"""Name of the code in a link's address."""
MISSING = later("There is no room {code}, or nobody presents in it any more.")
FULL = later("This server has no room left; try again later.")


class Seat:
    """What one session is in: nothing, a room of its own, or somebody else's."""

    def __init__(self, rooms: Rooms, say: Words) -> None:
        self._rooms, self._say = rooms, say
        self.shown: reactive.Value[Room | None] = reactive.Value(None)
        """The room in which this session presents."""
        self.joined: reactive.Value[Room | None] = reactive.Value(None)
        """The room that it has come to."""
        self.is_following = reactive.Value(True)
        self.trouble = reactive.Value("")
        """Why it is in no room, in a sentence."""

    def present(self) -> None:
        """Leave any room and open one."""
        self.leave()
        room = self._rooms.open()
        self.shown.set(room)
        self.trouble.set("" if room else self._say(FULL))

    def join(self, code: str) -> None:
        """Leave any room and go to that of a code."""
        self.leave()
        room = self._rooms.join(code)
        self.joined.set(room)
        self.is_following.set(True)
        self.trouble.set("" if room else self._say(MISSING, code=code[:20]))

    def leave(self) -> None:
        """Be in no room."""
        with reactive.isolate():
            shown, joined = self.shown(), self.joined()
        self.shown.set(None)
        self.joined.set(None)
        if shown is not None:
            self._rooms.close(shown)
        if joined is not None:
            self._rooms.leave(joined)


@module.ui
def presenting_ui(say: Words = ENGLISH) -> Tag:
    """The end of the left panel, for whoever presents or has a code."""
    return ui.tags.section(
        ui.tags.details(
            ui.tags.summary(say("Present to a class")),
            ui.output_ui("desk"),
        ),
        class_="room-panel",
    )


@module.ui
def following_ui() -> Tag:
    """The line above the results that says who leads."""
    return ui.output_ui("line")


@module.server
def presenting_server(
    input: Inputs,
    output: Outputs,
    session: Session,
    *,
    rooms: Rooms,
    run: SessionRun,
    page: Callable[[], str | None],
    models: tuple[str, ...],
    say: Words = ENGLISH,
) -> None:
    """Show the view of this session to others, or follow that of another one.

    Parameters
    ----------
    page : id of the page on screen, silent (req) until the browser has told
    models : names that the left panel can show
    """
    seat = Seat(rooms, say)
    session.on_ended(seat.leave)
    _listen(input, session, seat)

    @reactive.effect
    def _tell():
        room = seat.shown()
        if room is not None:
            room.view.set(view_of(run, page))

    @reactive.effect
    def _follow():
        room = seat.joined()
        view = room.view() if room is not None and seat.is_following() else None
        if view is not None:
            with reactive.isolate():
                follow(view, run, page, models, session)

    @render.ui
    def desk():
        room = seat.shown()
        if room is None:
            return _join_form(say)
        return _desk(room, room_link(session, room), say)

    @render.ui
    def line():
        room = seat.joined()
        if room is None:
            return _trouble(seat.trouble())
        return _line(room, say, is_following=seat.is_following())


def _listen(input: Inputs, session: Session, seat: Seat) -> None:
    """Do what the address and the buttons ask for."""

    @reactive.effect
    def arrive():
        code = parse_qs(session.root_scope().clientdata.url_search().lstrip("?")).get(QUERY)
        arrive.destroy()
        if code:
            seat.join(code[0])

    @reactive.effect
    @reactive.event(input.begin)
    def _begin():
        seat.present()

    @reactive.effect
    @reactive.event(input.join)
    def _join():
        if input.code().strip():
            seat.join(input.code())

    @reactive.effect
    @reactive.event(input.stop)
    def _stop():
        seat.leave()

    @reactive.effect
    @reactive.event(input.leave)
    def _leave():
        seat.leave()

    @reactive.effect
    @reactive.event(input.alone)
    def _alone():
        seat.is_following.set(False)

    @reactive.effect
    @reactive.event(input.again)
    def _again():
        seat.is_following.set(True)


def view_of(run: SessionRun, page: Callable[[], str | None]) -> View:
    """What a session looks at now; silent (req) while it has nothing on screen."""
    state = run.state
    selection = Selection(state.stream(), state.head(), state.token())
    return View(page() or "", state.capture(), state.is_example(), selection)


def follow(
    view: View, run: SessionRun, page: Callable[[], str | None], models: tuple[str, ...], session: Session
) -> None:
    """Put another session's view on this one's screen; to be called without reactive dependencies."""
    root = session.root_scope()
    if run.shown() is not view.capture:
        run.stop()
        fill_panel(root.make_scope("panel"), view.capture.request, models)
        run.show(view.capture, view.selection, is_example=view.is_example)
    else:
        run.select(view.selection)
    if view.page and view.page != page():
        ui.update_navset("page", selected=view.page, session=root)


def room_link(session: Session, room: Room) -> str:
    """The address that pupils open."""
    client = session.root_scope().clientdata
    port = f":{client.url_port()}" if client.url_port() else ""
    return (
        f"{client.url_protocol()}//{client.url_hostname()}{port}{client.url_pathname()}?{QUERY}={room.code}"
    )


def _join_form(say: Words) -> TagList:
    return TagList(
        ui.p(
            say("Everybody who opens your link sees what you look at, until they look around."),
            class_="sl-muted",
        ),
        ui.input_action_button("begin", say("Begin to present"), class_="btn-default btn-sm"),
        ui.div(
            ui.input_text("code", say("Room code"), width="9rem"),
            ui.input_action_button("join", say("Join"), class_="btn-default btn-sm"),
            class_="room-join",
        ),
    )


def _desk(room: Room, link: str, say: Words) -> TagList:
    address = ui.tags.input(
        type="text",
        value=link,
        readonly="",
        class_="form-control form-control-sm",
        aria_label=say("Link for pupils"),
    )
    return TagList(
        ui.p(say("Room {code}", code=room.code), class_="room-code"),
        address,
        ui.p(
            say("{n} in the room. Nothing is kept when all have left.", n=room.n_followers()),
            class_="sl-muted",
        ),
        ui.input_action_button("stop", say("Stop presenting"), class_="btn-default btn-sm"),
    )


def _line(room: Room, say: Words, *, is_following: bool) -> Tag:
    if not room.is_live():
        sentence = say("The presenter of room {code} has left. What you see stays.", code=room.code)
        buttons = [("leave", say("Close"))]
    elif is_following:
        sentence = say("You follow the presenter of room {code}.", code=room.code)
        buttons = [("alone", say("Look around on my own"))]
    else:
        sentence = say("You look around on your own; room {code} goes on.", code=room.code)
        buttons = [("again", say("Follow again")), ("leave", say("Leave the room"))]
    return ui.div(
        ui.span(sentence, role="status"),
        *(ui.input_action_button(name, text, class_="btn-default btn-sm") for name, text in buttons),
        class_="sl-note sl-row",
    )


def _trouble(sentence: str) -> Tag | None:
    return ui.p(sentence, class_="sl-alert", role="alert") if sentence else None
