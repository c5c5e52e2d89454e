"""What can be asked for, at the REST door and on the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sinkfix import SinkFixThresholds
from sinklens.analysis.sinks import Thresholds
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.schema.edits import Edit
from sinklens.schema.from_records import Asked, Index, Switch, asked_model
from sinklens.trial_records import Arm, TrialRequest

EXAMPLE_MODEL = "demo-gpt2"
EXAMPLE_TEXT = "The old lighthouse stood at the end of the harbour, and the harbour was quiet."
DEFINITION_KEYS = tuple(DEFINITIONS)


def _written(text: str) -> str:
    """Half a surrogate pair is no character, and no tokenizer takes it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"character {error.start} is half of a surrogate pair, which is no text") from None
    return text


Writing = Annotated[str, AfterValidator(_written)]
ModelName = Annotated[
    Writing,
    Field(
        min_length=1,
        max_length=300,
        description="A bundled model; a Hugging Face id or a folder where the server allows them.",
        examples=[EXAMPLE_MODEL],
    ),
]
Text = Annotated[
    Writing, Field(description="The text to read; limited in characters and tokens.", examples=[EXAMPLE_TEXT])
]
Stream = Annotated[
    Literal["self", "encoder", "decoder", "cross"] | None,
    Field(description="Attention stream; the main one by default. Only encoder-decoder models have several."),
]
PROFILE_FIELDS = (
    *("received", "received_tail", "first_row", "last_row", "argmax_count"),
    *("first_share", "self_share", "previous_share", "entropy", "row_max", "row_sum", "sum_squares"),
    *("n_below_uniform", "q_norm", "k_norm", "v_norm", "vo_norm", "out_norm"),
    *("n_visible", "n_viewers", "uniform_received"),
)
"""Arrays of `results.Profile` that always are there."""


class TextRequest(Asked):
    """A text, a model, and how the one is read by the other."""

    model: ModelName
    text: Text
    target: Writing | None = Field(None, description="Decoder text of an encoder-decoder model.")
    add_bos: Switch | None = Field(None, description="Null: as the tokenizer does by default.")
    special_tokens: Switch = True
    long_text: Literal["refuse", "first", "windows"] = Field(
        "refuse", description="What to do with a text over the model's limit."
    )
    window: Index = Field(0, description="Which window, when long_text is 'windows'.")
    edits: tuple[Edit, ...] = Field((), max_length=32, description="Edits of the forward pass.")

    def record(self, plan: CapturePlan | None = None) -> CaptureRequest:
        """The request as the engine and the service take it."""
        return CaptureRequest(
            model=self.model,
            text=self.text,
            target=self.target,
            add_bos=self.add_bos,
            special_tokens=self.special_tokens,
            long_text=self.long_text,
            window=self.window,
            plan=plan or CapturePlan(),
            interventions=tuple(edit.record() for edit in self.edits),
        )


class SinkFixRequest(Asked):
    """The request of SinkFix's own API."""

    model_name: ModelName
    text: Text
    corrected_att_scores: Switch = Field(
        False,
        description="Answer with the redistributed attention: float32 (L, 1, H, T, T) as a .npy file.",
    )

    def reading(self) -> TextRequest:
        """The same request in our words."""
        return TextRequest(model=self.model_name, text=self.text)


SinkFixLimits = asked_model(SinkFixThresholds)
Limits = asked_model(
    Thresholds,
    sinkfix=(SinkFixLimits, Field(default_factory=SinkFixLimits, description="SinkFix's two numbers.")),
)


class StreamRequest(TextRequest):
    """A text and one of its attention streams."""

    stream: Stream = None


def _whose_words(body) -> str:
    """SinkFix's requests are known by its name for the model."""
    given = body.model_dump() if isinstance(body, Asked) else body
    return "sinkfix" if isinstance(given, dict) and "model_name" in given else "sinklens"


AnyAnalysisRequest = Annotated[
    Annotated[StreamRequest, Tag("sinklens")] | Annotated[SinkFixRequest, Tag("sinkfix")],
    Discriminator(_whose_words),
]


class SinksRequest(StreamRequest):
    """A text, and what to call a sink."""

    definition: Literal[DEFINITION_KEYS] = Field("eligible", description="How attention received is defined.")
    thresholds: Limits = Field(default_factory=Limits)

    def limits(self) -> Thresholds:
        """The thresholds as the analysis takes them."""
        numbers = self.thresholds.model_dump()
        return Thresholds(**(numbers | {"sinkfix": SinkFixThresholds(**numbers["sinkfix"])}))


class ProfileRequest(StreamRequest):
    """A text, and which arrays of its profile are wanted."""

    fields: tuple[Literal[PROFILE_FIELDS], ...] = Field(
        ("received", "first_share", "entropy"), min_length=1, max_length=len(PROFILE_FIELDS)
    )
    format: Literal["json", "safetensors"] = "json"


class MapRequest(StreamRequest):
    """A text, and one head of it."""

    layer: Index
    head: Index
    format: Literal["json", "npy"] = "json"


class ArmRequest(Asked):
    """A named way to run the texts, besides leaving them alone."""

    name: Writing = Field(min_length=1, max_length=200)
    edits: tuple[Edit, ...] = Field(min_length=1, max_length=32)


class TrialQuestion(Asked):
    """Texts, each read alone, under every arm, and under the controls of every arm."""

    model: ModelName
    texts: tuple[Text, ...] = Field(min_length=1, max_length=10_000)
    arms: tuple[ArmRequest, ...] = Field(min_length=1, max_length=32)
    with_controls: Switch = True
    seed: Index = 0
    add_bos: Switch | None = None
    special_tokens: Switch = True
    long_text: Literal["refuse", "first"] = "refuse"

    def record(self) -> TrialRequest:
        """The request as the engine and the service take it."""
        return TrialRequest(
            model=self.model,
            texts=self.texts,
            arms=tuple(Arm(arm.name, tuple(edit.record() for edit in arm.edits)) for arm in self.arms),
            with_controls=self.with_controls,
            seed=self.seed,
            add_bos=self.add_bos,
            special_tokens=self.special_tokens,
            long_text=self.long_text,
        )


class CompareRequest(Asked):
    """Two runs, of which the second is compared with the first."""

    a: TextRequest
    b: TextRequest
    stream: Stream = None


class ExportRequest(SinksRequest):
    """A text, and the file that is wanted of it."""

    what: Literal["tokens", "sinks", "sinkfix", "heads", "layers", "analysis"] = Field(
        "sinks", description="A table, or the whole analysis as a file that SinkLens opens again."
    )
    format: Literal["csv", "json", "html"] = Field("csv", description="Of a table.")
    with_maps: Switch = Field(True, description="Keep what every head's map is computed from in an analysis.")


class FigureRequest(StreamRequest):
    """A text, and a figure of its attention for a paper."""

    what: Literal["map", "mosaic"] = Field("map", description="One head's map, or all heads.")
    layer: Index = Field(0, description="Of a map.")
    head: Index = Field(0, description="Of a map.")
    format: Literal["svg", "pdf", "png"] = "svg"
    width_mm: float = Field(160.0, ge=30, le=1000)
    height_mm: float | None = Field(None, ge=30, le=1000, description="Null: as high as the figure needs.")
    dpi: int = Field(300, ge=36, le=1200, description="Of a PNG.")
    scale: Literal["linear", "sqrt", "log"] = Field("sqrt", description="Of the colours.")
    palette: Literal["viridis", "cividis"] = "viridis"


class ReportRequest(SinksRequest):
    """A text, and a report of its analysis."""

    layer: Index | None = Field(None, description="Of the head that is drawn; null: the strongest one.")
    head: Index | None = None
    format: Literal["html", "pdf"] = "html"
