"""What Shiny 1.8.0 keeps for as long as a session lasts, though nobody asks for it again, is let go of.

A reader under `reactive.isolate()`, or `reactive.event`, is noted at every value that it reads, and struck
out when the value changes; values that stay as they are gather them. A calc that was left by `req` raises the
same exception for everybody who asks, and Python adds the frames of each of them to it, with all they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shiny.reactive import Context
from shiny.reactive._core import ReactiveEnvironment
from shiny.reactive._reactives import Calc_
from shiny.types import SilentCancelOutputException, SilentException

SILENT = (SilentException, SilentCancelOutputException)
"""Nobody reads where these come from."""
_isolate_of_shiny, _get_value_of_shiny = ReactiveEnvironment.isolate, Calc_.get_value


def keep_sessions_small(is_on: bool = True) -> None:
    """For all sessions of this process, from now on; `is_on=False` makes Shiny what it was."""
    ReactiveEnvironment.isolate = _isolate if is_on else _isolate_of_shiny
    Calc_.get_value = _get_value if is_on else _get_value_of_shiny


@contextmanager
def _isolate(self: ReactiveEnvironment) -> Iterator[None]:
    """As Shiny's, and what was read forgets who read it."""
    context = Context()
    with self.use_context(context):
        try:
            yield
        finally:
            context.invalidate()


async def _get_value(self: Calc_):
    """As Shiny's, and a silent exception has only the frames of who asks now."""
    for error in self._error:
        if isinstance(error, SILENT):
            error.__traceback__ = None
    return await _get_value_of_shiny(self)
