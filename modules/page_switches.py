"""The choices of the pages in one session, as a link holds them, and what a link makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from shiny import Session, reactive

from modules.link_switches import SWITCHES, Value


class PageSwitches:
    """Inputs of pages by their names in links; those of a page that is not open yet wait for it.

    To be made inside a server function, of whatever module.
    """

    def __init__(self, session: Session) -> None:
        root = session.root_scope()
        self._inputs = {name: _input(root, switch.input_id) for name, switch in SWITCHES.items()}
        self._wanted: reactive.Value[Mapping[str, Value]] = reactive.Value({})
        self._turned: set[str] = set()
        self._before: dict[str, Value] = {}

        @reactive.effect
        def _turn():
            for name, value in self._wanted().items():
                if not self._inputs[name].is_set():
                    continue
                shown = self._inputs[name]()
                if shown == value or shown != self._before.setdefault(name, shown):
                    self._forget(name)
                elif name not in self._turned:
                    self._turned.add(name)
                    root.send_input_message(SWITCHES[name].input_id, {"value": value})

    def turn(self, switches: Mapping[str, Value]) -> None:
        """Turn all inputs to these values, to their defaults where there is none."""
        self._turned.clear()
        self._before.clear()
        self._wanted.set({name: switches.get(name, switch.default) for name, switch in SWITCHES.items()})

    def shown(self) -> dict[str, Value]:
        """What the inputs are, or will be as soon as they are there."""
        there = {name: value() for name, value in self._inputs.items() if value.is_set()}
        return there | dict(self._wanted())

    def _forget(self, name: str) -> None:
        """It is as wanted, or a person has chosen something else."""
        with reactive.isolate():
            self._wanted.set({key: value for key, value in self._wanted().items() if key != name})


def _input(session: Session, input_id: str) -> reactive.Value:
    """An input by its full id."""
    *scopes, name = input_id.split("-")
    for scope in scopes:
        session = session.make_scope(scope)
    return session.input[name]
