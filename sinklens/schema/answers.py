"""From results to answers: what the REST door sends and the command line prints as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sinklens.analysis.plain_data import plain
from sinklens.analysis.run_summary import RunSummary, run_summary
from sinklens.analysis.shares import SinkRate
from sinklens.analysis.sink_summary import label_counts, main_finding
from sinklens.analysis.sinks import sink_table
from sinklens.export.provenance import Provenance, provenance_of
from sinklens.export.tables import layers_table, rows_of, tokens_table
from sinklens.records import ModelInfo
from sinklens.results import Capture, HeadMap
from sinklens.schema.from_records import Answer, answer_model
from sinklens.schema.requests import ProfileRequest, SinksRequest

ANALYSIS, SINKS, MAP, PROFILE = (
    f"sinklens/{name}/1" for name in ("analysis", "sinks-table", "map", "profile")
)

Facts = answer_model(Provenance)
SinkRateAnswer = answer_model(SinkRate)
ModelAnswer = answer_model(
    ModelInfo, card=(dict[str, Any], Field(description="Facts of a bundled model's card, {} otherwise."))
)


class TokenAnswer(Answer):
    """One token of the text."""

    index: int
    id: int
    token: str
    piece: str
    start: int | None
    end: int | None
    special: bool
    loss: float | None = Field(
        description="Loss of this token given the text before it, nats; causal models."
    )


class LayerAnswer(Answer):
    """The first token's share in one layer, query 0 left out."""

    layer: int
    mean: float | None
    top: float | None
    top_head: int
    floor: float | None


class MetricAnswer(Answer):
    """One metric of the averaged map."""

    key: str
    name: str
    value: float | None
    uniform: float | None
    concentrated: float | None
    reading: str


class AnalysisAnswer(Answer):
    """What is said about a run as a whole."""

    format: str = Field(description="Name and version of this shape.")
    provenance: Facts
    finding: str
    stream: str
    streams: list[str]
    loss: float | None = Field(description="Mean next-token loss, nats; null where it is not defined.")
    first_share: float | None = Field(description="Mean share of the first token, query 0 left out, 0..1.")
    first_floor: float | None = Field(description="The same for uniform attention.")
    first_excess: float | None
    sink_rate: SinkRateAnswer
    entropy: float | None = Field(description="Mean over heads: 0 one key per query, 1 uniform.")
    metrics: list[MetricAnswer]
    layers: list[LayerAnswer]
    tokens: list[TokenAnswer]
    warnings: list[str]


class SinkRow(Answer):
    """One token of a sink table; index -1 is a sink that is no token."""

    index: int
    token: str
    special: bool
    received: float | None
    floor: float | None
    excess: float | None
    heads_above: float | None
    effective_share: float | None
    write_ratio: float | None
    value_ratio: float | None
    key_ratio: float | None
    hidden_ratio: float | None
    label: str
    reason: str
    sinkfix_share: float | None
    sinkfix_value_norm: float | None
    sinkfix_label: str


class SinksAnswer(Answer):
    """The sink table of one stream."""

    format: str
    provenance: Facts
    finding: str
    stream: str
    definition: str
    counts: dict[str, int]
    rows: list[SinkRow]


class MapAnswer(Answer):
    """One head's attention."""

    format: str
    provenance: Facts
    stream: str
    layer: int
    head: int
    queries: list[str]
    keys: list[str]
    weights: list[list[float | None]] = Field(
        description="[query][key]; null where a query cannot see a key."
    )


class ProfileAnswer(Answer):
    """Arrays of a profile; axes are those of `sinklens.results.Profile`."""

    format: str
    provenance: Facts
    stream: str
    is_causal: bool
    shapes: dict[str, list[int]]
    arrays: dict[str, list]


class SinkFixAnswer(Answer):
    """SinkFix's own answer, without the tensor that its page throws away."""

    token_list: list[str]
    classifications: list[str]
    att_received_scores: list[float | None]
    value_norms: list[float | None]
    att_matrix: list[list[float | None]]


def analysis_answer(capture: Capture, stream: str | None = None) -> AnalysisAnswer:
    """The summary of a run; errors as in `run_summary`."""
    summary = run_summary(capture, stream)
    numbers = {
        name: plain(getattr(summary, name))
        for name in ("first_share", "first_floor", "first_excess", "entropy")
    }
    return AnalysisAnswer(
        format=ANALYSIS,
        provenance=facts(capture),
        finding=main_finding(summary.tokens),
        stream=summary.stream,
        streams=list(capture.profiles),
        loss=plain(capture.loss),
        sink_rate=plain(vars(summary.rate)),
        metrics=_metrics(summary),
        layers=rows_of(layers_table(capture, stream)),
        tokens=rows_of(tokens_table(capture)),
        warnings=[*capture.prompt.warnings, *capture.warnings],
        **numbers,
    )


def sinks_answer(capture: Capture, request: SinksRequest) -> SinksAnswer:
    """The sink table as asked for; errors as in `sink_table`."""
    table = sink_table(
        capture, definition=request.definition, stream=request.stream, thresholds=request.limits()
    )
    return SinksAnswer(
        format=SINKS,
        provenance=facts(capture),
        finding=main_finding(table),
        stream=capture.profile(request.stream).stream,
        definition=request.definition,
        counts=label_counts(table),
        rows=rows_of(table),
    )


def map_answer(capture: Capture, head_map: HeadMap) -> MapAnswer:
    """A head's map with its labels."""
    return MapAnswer(
        format=MAP,
        provenance=facts(capture),
        stream=head_map.stream,
        layer=head_map.layer,
        head=head_map.head,
        queries=list(head_map.query_labels),
        keys=list(head_map.key_labels),
        weights=plain(head_map.weights),
    )


def profile_answer(capture: Capture, request: ProfileRequest) -> ProfileAnswer:
    """The arrays of a profile that were asked for; BadSelection for a stream that is not there."""
    profile = capture.profile(request.stream)
    arrays = {name: getattr(profile, name) for name in request.fields}
    return ProfileAnswer(
        format=PROFILE,
        provenance=facts(capture),
        stream=profile.stream,
        is_causal=profile.is_causal,
        shapes={name: list(array.shape) for name, array in arrays.items()},
        arrays=plain(arrays),
    )


def model_answer(info: ModelInfo) -> ModelAnswer:
    """What is known about a model."""
    values = {name: getattr(info, name) for name in ModelAnswer.model_fields}
    return ModelAnswer(**plain(values | {"checks": [vars(check) for check in info.checks]}))


def facts(capture: Capture) -> Facts:
    """What the answer rests on."""
    return Facts(**plain(vars(provenance_of(capture))))


def _metrics(summary: RunSummary) -> list[MetricAnswer]:
    return [
        MetricAnswer(
            key=card.definition.key,
            name=card.definition.name,
            reading=card.reading,
            **plain({name: getattr(card, name) for name in ("value", "uniform", "concentrated")}),
        )
        for card in summary.cards
    ]
