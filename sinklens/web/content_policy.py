"""What a browser may load and run for a page of SinkLens (Content Security Policy, level 3).

Found out by trying every page in Chromium with everything forbidden; `EXCEPTIONS` says who needs what. A
script of a stranger has no way in: none from another host, none in an attribute, and in the page itself only
those whose hashes are listed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

EXCEPTIONS = {
    "script-src 'unsafe-eval'": "shinywidgets' output.js is a webpack build whose modules are strings, and "
    "Shiny compiles the condition of every conditional panel; neither starts without.",
    "script-src blob:": "anywidget imports the module of each widget from a blob that it has made of the "
    "text which came over the socket.",
    "script-src 'sha256-…'": "Shiny, bslib and shinywidgets put constant lines of script into the page, and "
    "two of SinkLens's own widgets do; each is listed by its hash.",
    "style-src 'unsafe-inline'": "Widths and shares of bars are style attributes; anywidget, Lumino, "
    "Plotly and Shiny's tables add style elements.",
    "img-src data: blob:": "Icons of Bootstrap and selectize are data addresses, pictures of Plotly blobs.",
    "font-src https://unpkg.com/@jupyter-widgets/": "ipywidgets' libembed names its icon font there. No page "
    "uses it, so nobody fetches it, but Chromium complains of the mere name.",
}
"""Each exception to "nothing but what this server itself sends as a file", and who needs it."""

WIDGET_FONTS = "https://unpkg.com/@jupyter-widgets/"
SELF = "'self'"
_ORIGIN = re.compile(r"(https?://)?(\*\.)?[a-z0-9.\-]+(:\d+|:\*)?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9.\-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?", re.IGNORECASE)


class ContentPolicy:
    """The policy for one app, to be written once for each answer.

    Parameters
    ----------
    scripts : texts of the inline scripts that may run
    frame_origins : origins whose pages may show this one in a frame
    """

    def __init__(self, scripts: Iterable[str], frame_origins: Iterable[str] = ()) -> None:
        hashes = " ".join(sorted({script_hash(script) for script in scripts}))
        self._before = (
            f"default-src 'none'; script-src 'self' 'unsafe-eval' blob: {hashes}; script-src-attr 'none'; "
            f"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' {WIDGET_FONTS}; "
            "object-src 'none'; base-uri 'none'; form-action 'self'; connect-src 'self'"
        )
        self._after = f"; frame-ancestors {' '.join([SELF, *frame_origins])}"

    def header(self, host: str = "") -> str:
        """The header's value.

        Parameters
        ----------
        host : name and port under which this server was asked; Safari before 15.4 does not count the page's
            own socket as 'self'
        """
        sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
        return f"{self._before}{sockets}{self._after}"


def script_hash(script: str) -> str:
    """The source expression that lets an inline script run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def origins(listed: str, key: str) -> tuple[str, ...]:
    """Origins of a setting, with commas between.

    Raises
    ------
    ValueError
        One of them is no origin; the sentence names the setting.
    """
    found = tuple(origin.strip().rstrip("/") for origin in listed.split(",") if origin.strip())
    for origin in found:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{key} must list origins such as https://example.org; got '{origin}'.")
    return found
