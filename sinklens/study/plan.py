"""What a study file can say: models x texts x measurements x interventions x seeds.

Every field has a default or is asked for by name; fields that are not known are refused.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sinklens.study.plan_edits import EditPlan
from sinklens.study.records import UNEDITED

MEASUREMENTS = {
    "first_token": "the first token under every published definition, sink rates among them",
    "aggregates": "strength, ratio, progression and first-token share with its floor",
    "position_profile": "attention received at every position, and the sinks among them",
    "sinks": "every token that is no ordinary one, with its label",
    "entropy": "how evenly rows are spread",
    "global_metrics": "the measures of the averaged map",
    "heads": "every measure of every head",
    "head_types": "what kind each head is, and what it gives to sinks",
    "excerpts": "where in the text each head writes most",
    "loss": "the loss of the text",
    "massive": "norms and massive activations of the residual stream",
    "writes": "norms of what attention and MLP write",
    "geometry": "direction, spread and size of what the sinks contribute",
}
"""All measurements, in words."""

STEPS = {
    "basic": (
        "first_token", "aggregates", "position_profile", "sinks", "entropy", "global_metrics",
        "heads", "head_types", "excerpts", "loss",
    ),
    "norms": ("massive", "writes"),
    "values": ("geometry",),
}  # fmt: skip
"""Steps that can be switched off together -> their measurements."""

DEFAULT_MEASUREMENTS = (
    "first_token", "aggregates", "position_profile", "sinks", "entropy", "heads", "loss", "massive",
)  # fmt: skip
Measurement = Literal[tuple(MEASUREMENTS)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=1 << 63)]


class _Part(BaseModel):
    """A mapping of the file; fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelChoice(_Part):
    """One model, and how it reads texts."""

    name: Annotated[str, Field(min_length=1)]
    """Bundled name, Hugging Face id or folder; "random weights (seed 0) in <name>" for an untrained twin."""
    add_bos: bool | None = None
    """None: as the tokenizer does by default."""
    special_tokens: bool = True


class TextSource(_Part):
    """Where texts come from: exactly one of inline, path, dataset, generate."""

    inline: tuple[str, ...] | None = None
    path: str | None = None
    """A .txt (one text per line), .csv or .jsonl file, or a folder of .txt files (one text each), from the
    place where the study file is."""
    dataset: str | None = None
    """A name for the `datasets` package."""
    generate: Literal["random tokens", "repeated token"] | None = None
    category: str | None = None
    """Group of these texts; the source's name by default."""
    column: str = "text"
    """Column or field that holds the text: .csv, .jsonl, data sets."""
    category_column: str | None = None
    """Column or field that names the group of each text."""
    paragraphs: bool = False
    """.txt: a text ends at an empty line instead of at every line."""
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    n: Positive = 100
    """How many generated texts for each seed."""
    n_tokens: Positive = 64
    """Length of generated texts, special tokens included."""
    special_tokens: bool = False
    """Put the tokenizer's special tokens around generated ones."""

    @model_validator(mode="after")
    def _one_source(self) -> TextSource:
        kinds = ("inline", "path", "dataset", "generate")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            named = f"; got {', '.join(given)}" if given else ""
            raise ValueError(f"give exactly one of inline, path, dataset or generate{named}")
        if self.inline is not None and not self.inline:
            raise ValueError("inline has no text")
        return self

    @property
    def label(self) -> str:
        """What the source is called where no category is given."""
        return self.category or self.path or self.dataset or self.generate or "inline"


class Sampling(_Part):
    """Which of the texts are used, and how long they may be."""

    n: Positive | None = None
    """Texts drawn at random; None: all."""
    seed: Seed = 0
    """Of the draw, and of the order in which the work is done."""
    min_tokens: Positive = 1
    """Texts with fewer are listed as failures."""
    max_tokens: Positive | None = None
    """Longest text in tokens, special ones included; None: the model's limit."""
    longer: Literal["refuse", "cut"] = "refuse"
    """What happens to longer texts: listed as failures, or cut at max_tokens."""

    @model_validator(mode="after")
    def _ordered(self) -> Sampling:
        if self.max_tokens is not None and self.max_tokens < self.min_tokens:
            raise ValueError(f"max_tokens ({self.max_tokens}) is below min_tokens ({self.min_tokens})")
        return self


class InterventionPlan(_Part):
    """One edited condition: edits that are in force together, and its controls."""

    name: Annotated[str, Field(min_length=1)]
    edits: Annotated[tuple[EditPlan, ...], Field(min_length=1)]
    controls: bool = True
    """Run the controls that fit a single edit: other tokens, heads, dimensions or caches of the same size."""
    heads: bool = True
    """Measure heads under the edit too."""


class Steps(_Part):
    """Which parts of the work are done."""

    basic: bool = True
    norms: bool = True
    values: bool = True
    interventions: bool = True
    report: bool = True


class Show(_Part):
    """What a report draws; everything is computed and stored all the same."""

    layers: tuple[int, ...] | None = None
    """None: all. Layers that a model does not have are left out."""
    max_tokens: Positive = 32


class RunPlan(_Part):
    """How the work is done; of these, only dtype and threads can change a number."""

    token_budget: Positive = 2_048
    """Most tokens in one batch, filling included; a longer text runs alone."""
    texts_per_shard: Positive = 32
    """Texts of one piece of work: what a killed run loses at most."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    device_map: Literal["auto", "balanced", "sequential"] | None = None
    """Spread one large model over several devices (needs the accelerate package)."""
    threads: Positive = 1
    """Threads of one worker's kernels: the same everywhere, because it can change the last bit of a sum."""


class Study(_Part):
    """A whole study."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    models: Annotated[tuple[ModelChoice, ...], Field(min_length=1)]
    texts: Annotated[tuple[TextSource, ...], Field(min_length=1)]
    sampling: Sampling = Sampling()
    measurements: tuple[Measurement, ...] = DEFAULT_MEASUREMENTS
    interventions: tuple[InterventionPlan, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """Generated texts and controls are drawn once for each."""
    layers: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Layers whose heads are stored; None: all. Measures of a whole text are of all layers."""
    positions: Positive = 64
    """First positions whose profile is stored; sinks are looked for at all of them."""
    show: Show = Show()
    steps: Steps = Steps()
    run: RunPlan = RunPlan()

    @field_validator("models", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if not _is_list(value):
            return value
        return [{"name": item} if isinstance(item, str) else item for item in value]

    @field_validator("texts", mode="before")
    @classmethod
    def _strings(cls, value: object) -> object:
        """A list of plain sentences is one inline source."""
        if _is_list(value) and value and all(isinstance(item, str) for item in value):
            return [{"inline": value}]
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Study:
        for noun, names in (
            ("models", [model.name for model in self.models]),
            ("interventions", [arm.name for arm in self.interventions]),
            ("seeds", list(self.seeds)),
        ):
            double = next((name for name in names if names.count(name) > 1), None)
            if double is not None:
                raise ValueError(f"{noun} has '{double}' twice")
        if any(arm.name == UNEDITED for arm in self.interventions):
            raise ValueError(f"an intervention cannot be called '{UNEDITED}'")
        return self

    @property
    def measured(self) -> frozenset[str]:
        """The measurements of the steps that are on."""
        off = {name for step, names in STEPS.items() if not getattr(self.steps, step) for name in names}
        return frozenset(self.measurements) - off

    @property
    def edited(self) -> tuple[InterventionPlan, ...]:
        """The interventions, none where that step is off."""
        return self.interventions if self.steps.interventions else ()

    def canonical(self) -> str:
        """Everything that decides a number, as one text; equal studies give equal texts."""
        plan = self.model_dump(mode="json", exclude={"name": True, "description": True, "show": True})
        plan["steps"].pop("report")
        deciding = ("dtype", "threads", "token_budget", "texts_per_shard")
        plan["run"] = {key: plan["run"][key] for key in deciding}
        plan["measurements"] = sorted(self.measured)
        return json.dumps(plan, sort_keys=True, ensure_ascii=False)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)
