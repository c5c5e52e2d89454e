"""A text that one browser keeps for its user, beyond the session; the server only passes it on."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class BrowserStore(anywidget.AnyWidget):
    """Nothing to look at: what is set as `kept` is in the browser, and `found` is what was there before."""

    _esm = Path(__file__).parent / "browser_store.js"

    key = traitlets.Unicode().tag(sync=True)
    """Under which name it is kept."""
    kept = traitlets.Unicode("").tag(sync=True)
    found = traitlets.Unicode("").tag(sync=True)
    is_open = traitlets.Bool(False).tag(sync=True)
    """True once `found` has come."""
    is_refused = traitlets.Bool(False).tag(sync=True)
    """The browser keeps nothing, as in some private windows."""
