"""What the cards of the Intervene page share: the run, its sinks, and the texts that a trial is run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from modules import examples
from modules.head_view import HeadView
from modules.run_state import RunState
from modules.trial_choice import TextsWish
from sinklens.errors import BadIntervention
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import Capture
from sinklens.service import InferenceService

EXAMPLE_ORDER = (
    "ordinary", "ocean", "economy", "learning", "ai", "repetition", "fox", "code", "punctuation",
    "multilingual", "long",
)  # fmt: skip
"""The bundled texts as they are added to a trial: prose first, the longest last."""
LIGHT = CapturePlan(states=False, mean_maps=False, thumbnails=False)
"""For a run of which only the attention received is read."""


@dataclass(frozen=True)
class Bench:
    """Reactives that every card of the page reads."""

    service: InferenceService
    state: RunState
    view: HeadView
    texts: Callable[[], tuple[str, ...]]
    """The run's own text first, then the chosen ones; none twice."""
    is_open: Callable[[], bool]
    """Is the page on screen?"""
    texts_wish: Callable[[], TextsWish] = TextsWish
    """What the inputs for the texts say."""
    show_texts: Callable[[TextsWish], None] = lambda wish: None
    """Put these into the inputs."""


@dataclass(frozen=True)
class Card:
    """One card of the page; `ui` and `server` are a Shiny module, the server takes the bench."""

    id: str
    ui: Callable
    server: Callable


def trial_texts(own: str, n_examples: int, lines: str) -> tuple[str, ...]:
    """The run's own text, the first bundled ones that are not it, and one text a line; none twice."""
    bundled = [text for text in map(examples.text_of, EXAMPLE_ORDER) if text != own][:n_examples]
    typed = [line.strip() for line in lines.splitlines() if line.strip()]
    return tuple(dict.fromkeys([own, *bundled, *typed]))


def text_request(capture: Capture, text: str, **changes) -> CaptureRequest:
    """A request that reads another text as the run's own was read; its decoder reads the text itself."""
    own = capture.request
    long_text = "first" if own.long_text == "windows" else own.long_text
    plain = replace(own, text=text, target=None, long_text=long_text, window=0, interventions=())
    return replace(plain, **changes)


def require_editable(capture: Capture) -> None:
    """Raise BadIntervention with the reason if no trial can be made of this model."""
    model = capture.model
    if model.capture_path != "attention interface":
        raise BadIntervention(
            f"Not applicable: '{model.name}' ({model.family}) is read through eager hooks, so that its "
            "attention can be shown but not edited."
        )
    if not model.has_lm_head:
        raise BadIntervention(
            f"Not applicable: '{model.name}' has no prediction head, so that there is no loss to measure."
        )


def texts_sentence(texts: tuple[str, ...], capture: Capture) -> str:
    """How many texts a trial runs on, and how they are read."""
    n_others = len(texts) - 1
    count = "1 text: this run's" if not n_others else f"{len(texts)} texts: this run's and {n_others} more"
    start = "with" if capture.prompt.bos_added else "without"
    also = ""
    if capture.target is not None:
        also = " The decoder reads the same text as the encoder, whatever the run's decoder text is."
    if capture.request.long_text == "windows":
        also += " Of a long text the first part is taken, not the window of the run."
    return f"{count}, read {start} a start token in front.{also}"
