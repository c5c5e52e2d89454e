"""What all pages of one session share: the finished run and what is selected in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shiny import reactive

from modules.page_choice import PageChoice
from sinklens.records import CaptureRequest
from sinklens.results import Capture


@dataclass(frozen=True)
class TextPair:
    """Two texts that one model is to read alike."""

    a: CaptureRequest
    text_b: str


@dataclass(frozen=True)
class RunState:
    """Reactives handed to every page; selecting a token or a head anywhere selects it everywhere."""

    capture: Callable[[], Capture]
    """The run on screen; stays silent (req) while there is none."""
    is_example: Callable[[], bool]
    """True while the stored example of the first paint is shown."""
    stream: reactive.Value[str]
    """Attention stream in view: "self", "encoder", "decoder" or "cross"."""
    head: reactive.Value[tuple[int, int]]
    """(layer, head) in view, both from 0."""
    token: reactive.Value[int | None]
    """Selected key position, None without a selection."""
    page: Callable[[], str | None] = lambda: None
    """Id of the page that is open, None where there is only one."""
    pair: reactive.Value[TextPair | None] = field(default_factory=lambda: reactive.Value(None))
    """What another page wants to see on the Compare page, which takes it and empties this."""
    trial: PageChoice = field(default_factory=PageChoice)
    """What the Intervene page is asked for, a `TrialChoice`."""
    caches: PageChoice = field(default_factory=PageChoice)
    """What its card of cache policies is asked for, a `CacheWish`."""
    bits: PageChoice = field(default_factory=PageChoice)
    """What its card of few bits is asked for, a `BitsWish`."""
    comparison: PageChoice = field(default_factory=PageChoice)
    """What the Compare page is asked for, a `PairWish`."""
    sides: PageChoice = field(default_factory=PageChoice)
    """What is selected on its two sides, a `PairSelection`."""

    def is_open(self, page: str) -> bool:
        """Is this page on screen? To be asked in an effect that need not work for a hidden page."""
        return self.page() in (None, page)
