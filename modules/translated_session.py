"""The session of a page that is shown in another language: what its server sends later is translated too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from htmltools import TagChild
from shiny import Outputs, Session, render
from shiny.session import get_current_session, session_context
from shiny.session._session import SessionProxy

from modules.language import DEFAULT, Words
from modules.translated import translated


class TranslatedSession(SessionProxy):
    """A scope of a session, and the scopes below it; markup that goes to the browser passes `translated`.

    That is what `render.ui` draws, the choices that `ui.update_select` offers, and what is inserted. What
    `render.text` gives is exchanged where the catalogue knows the whole of it.
    """

    def __init__(self, root_session: Session, ns, say: Words) -> None:
        super().__init__(root_session, ns)
        self._say = say
        self.output = TranslatedOutputs(self, say)

    def make_scope(self, id: str) -> Session:
        return TranslatedSession(self._root_session, self.ns(id), self._say)

    def _process_ui(self, ui: TagChild):
        return super()._process_ui(translated(ui, self._say))


class TranslatedOutputs(Outputs):
    """The outputs of such a scope."""

    def __init__(self, session: SessionProxy, say: Words) -> None:
        super().__init__(session, ns=session.ns, outputs=session.output._outputs)
        self._say = say

    def __call__(self, renderer=None, **options):
        if renderer is None:
            return lambda given: self(given, **options)
        if isinstance(renderer, render.text):
            renderer.transform = self._said
        return super().__call__(renderer, **options)

    async def _said(self, value: str) -> str:
        return self._say.finished(str(value))


@contextmanager
def speaking(say: Words) -> Iterator[None]:
    """Servers of modules that are started within speak this language; nothing changes for the code's own."""
    session = get_current_session()
    if say.language == DEFAULT or session is None:
        yield
        return
    with session_context(TranslatedSession(session.root_scope(), session.ns, say)):
        yield
