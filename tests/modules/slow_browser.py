"""A browser far from its server: it tells at once what a person sets, and hears when a test lets it."""

from __future__ import annotations

N_LETTERS_MAX = 50


class SlowBrowser:
    """The selects of one page.

    Parameters
    ----------
    shown : what they show at first, by their ids
    """

    def __init__(self, **shown: str) -> None:
        self.shown = dict(shown)
        self.n_told = 0
        self._letters: list[dict[str, str]] = [{}]  # the last one is being written
        self._session = None

    def meet(self, session) -> None:
        """Take over what a server tells the page; to be called in the server function."""

        def told(input_id: str, message: dict) -> None:
            self.n_told += 1
            if "value" in message:
                [value] = message["value"]
                self._letters[-1][input_id] = value

        root = session.root_scope()
        root.send_input_message = told
        root.on_flushed(lambda: self._letters.append({}), once=False)

    async def open(self, session) -> None:
        """Tell the server what the page shows, and hear what it says to that."""
        self._session = session
        await session.set_inputs(**self.shown)
        await self.hear()

    async def choose(self, **choices: str) -> None:
        """A person sets selects, and the server knows; its answers are on their way."""
        self.shown |= choices
        await self._session.set_inputs(**choices)

    async def hear(self) -> None:
        """Show all that is on its way, and tell the server of every change, until there is peace."""
        for _ in range(N_LETTERS_MAX):
            letter = self._letters.pop(0)
            news = {name: value for name, value in letter.items() if self.shown.get(name) != value}
            if news:
                await self.choose(**news)
            if not any(self._letters):
                self._letters = [{}]
                return
        raise AssertionError(f"The server and the browser contradict each other for ever: {self.shown}")
