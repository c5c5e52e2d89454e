"""A session that keeps what its browser is told of the address, and the links that the browser opens."""

from __future__ import annotations

import json

from shiny import Session, reactive, render

from modules.link import Link, fragment_of


def keep_address(session: Session) -> reactive.Value[dict]:
    """Outputs `address`, `n_own` and `left_out` with what the browser was told last, and all of that message.

    To be called at the beginning of a server function.
    """
    told: reactive.Value[dict] = reactive.Value({})
    send = session.send_custom_message

    async def keep(kind: str, message: dict) -> None:
        if kind == "sl-link":
            told.set(message)
        await send(kind, message)

    session.send_custom_message = keep

    @render.text
    def address():
        return told().get("fragment", "")

    @render.text
    def n_own():
        return str(told().get("n_own"))

    @render.text
    def left_out():
        return ", ".join(told().get("left_out", ()))

    return told


def opening(link: Link | str, n: int = 1, **said) -> dict:
    """Inputs of a browser that opens a link, or goes back or forward to it.

    Parameters
    ----------
    n : of the question; an equal one would be none
    said : what the browser says beside it
    """
    is_text = isinstance(link, str)
    question = {"fragment": link if is_text else fragment_of(link), "n": n, **said}
    return ({} if is_text else {"page": link.page}) | {"link": json.dumps(question)}
