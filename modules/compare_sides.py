"""What is put on the two sides of a comparison, and the runs that this takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modules import examples
from modules.edit_choice import EditWish
from modules.trial_plan import plan_trial
from sinklens.analysis.comparison import Comparison
from sinklens.errors import BadSelection, QueueFull, RunCancelled, SinkLensError
from sinklens.records import CaptureRequest
from sinklens.results import Capture
from sinklens.run_status import OnStatus
from sinklens.service import InferenceService

BOS = {"same": "As on side A", "default": "As the tokenizer does", "add": "Add it", "omit": "Leave it out"}
ADD_BOS = {"default": None, "add": True, "omit": False}
SWAPPED = (
    "The doctor finished the long shift at the hospital, and then she drove home through the rain to her "
    "family.",
    "The doctor finished the long shift at the hospital, and then he drove home through the rain to her "
    "family.",
)


@dataclass(frozen=True)
class SideWish:
    """How side B is to differ from side A."""

    model: str = ""
    """Empty: the model of side A."""
    text: str | None = None
    """None: the text of side A."""
    bos: str = "same"
    """A key of `BOS`."""
    edit: EditWish | None = None


@dataclass(frozen=True)
class PairWish:
    """Both sides; equal wishes give equal comparisons."""

    a: CaptureRequest | None = None
    """None: the run on screen."""
    b: SideWish = SideWish()
    unit: str = "pieces"
    stream: str = "self"


MASK_FIRST = EditWish(kind="mask", tokens="first", with_controls=False)


@dataclass(frozen=True)
class Pair:
    """A pair that opens with one click."""

    key: str
    name: str
    model: str
    """Of side A."""
    b: SideWish
    text: str | None = None
    """Of side A; None: the text of the run on screen."""


PAIRS = (
    Pair("encoder", "demo-gpt2 and demo-bert", "demo-gpt2", SideWish("demo-bert")),
    Pair("llama", "demo-gpt2 and demo-llama", "demo-gpt2", SideWish("demo-llama")),
    Pair("sinkless", "demo-gpt2 with and without its sink", "demo-gpt2", SideWish(edit=MASK_FIRST)),
    Pair("twin", "demo-gpt2 and its twin that needs no sink", "demo-gpt2", SideWish("demo-gpt2-off-by-one")),
    Pair("swap", "One word swapped", "demo-gpt2", SideWish(text=SWAPPED[1]), SWAPPED[0]),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Compared:
    """A finished comparison."""

    wish: PairWish
    comparison: Comparison
    done: str
    """What was done to side B's run; empty for nothing."""

    @property
    def captures(self) -> list[Capture]:
        """The runs of both sides."""
        return [self.comparison.a.capture, self.comparison.b.capture]


def pair_wish(pair: Pair, text: str) -> PairWish:
    """A pair's two sides; `text` is that of the run on screen."""
    return PairWish(CaptureRequest(pair.model, text if pair.text is None else pair.text), pair.b)


def request_of(a: CaptureRequest, wish: SideWish) -> CaptureRequest:
    """Side B's request without its edit: that of side A, but for what the wish changes."""
    text = a.text if wish.text is None else wish.text
    changed = replace(a, model=wish.model or a.model, text=text, interventions=())
    if text != a.text or changed.model != a.model:
        # The decoder's text belongs to a model with a decoder, and a window to one text.
        changed = replace(changed, target=None)
    return changed if wish.bos == "same" else replace(changed, add_bos=ADD_BOS[wish.bos])


async def run_pair(
    service: InferenceService, on_screen: Capture, wish: PairWish, on_status: OnStatus
) -> Compared:
    """Run what is not there yet, and compare.

    Raises
    ------
    BadSelection
        A side cannot be run; the sentence names it.
    """
    a = on_screen if wish.a is None else await _side("A", service.capture(wish.a, on_status))
    if wish.a is None and not a.states and a.request.plan.states:
        a = await _side("A", service.capture(a.request, on_status))
    request = request_of(a.request, wish.b)
    b = await _side("B", service.capture(request, on_status))
    done = ""
    if wish.b.edit is not None:
        edited = replace(wish.b.edit, stream=wish.stream if wish.stream in b.profiles else b.main_stream)
        b, done = await _side("B", _edited(service, b, edited, on_status))
    found = await service.compare(a, b, wish.stream, unit=wish.unit, on_status=on_status)
    return Compared(wish, found, done)


async def _edited(
    service: InferenceService, run: Capture, wish: EditWish, on_status: OnStatus
) -> tuple[Capture, str]:
    plan = await plan_trial(service, run, (run.request.text,), wish, on_status)
    edited = await service.capture(replace(run.request, interventions=(plan.own,)), on_status)
    return edited, plan.own.sentence()


async def _side(name: str, work):
    """What the work of a side gives; an error names the side."""
    try:
        return await work
    except (RunCancelled, QueueFull):
        raise
    except SinkLensError as error:
        raise BadSelection(f"Side {name}: {error}") from error


def default_wish(on_screen: Capture, models: tuple[str, ...]) -> PairWish:
    """The run on screen beside the first bundled model of another family, without one beside itself."""
    others = [pair.b.model for pair in PAIRS if pair.b.model] + list(models)
    other = next((name for name in others if name in models and name != on_screen.model.name), "")
    return PairWish(b=SideWish(other))


def example_text() -> str:
    """What the field for another text begins with."""
    return examples.text_of("ocean")
