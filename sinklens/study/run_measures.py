"""One text's numbers: measurements turn a capture into columns of RUNS, by the functions of the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sinklens.analysis.global_metrics import global_metrics
from sinklens.analysis.head_metrics import head_metric
from sinklens.analysis.massive_spans import largest_by_state
from sinklens.analysis.position_profile import position_profile
from sinklens.analysis.received import excess_over, mean_over
from sinklens.analysis.residual_metrics import (
    largest_ratio,
    massive_activations,
    state_medians,
    state_norms,
)
from sinklens.analysis.shares import explorer_numbers, layer_curve, sink_rate
from sinklens.analysis.sink_definitions import definition_readings
from sinklens.analysis.sink_geometry import geometry
from sinklens.analysis.sinks import marked_tokens
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.prediction import read_states
from sinklens.capture.readings import readings_of
from sinklens.capture.residual import residual_stream
from sinklens.capture.sink_contribution import sink_statistics
from sinklens.capture.text_batch import fits_a_batch, trunk_outputs
from sinklens.errors import NotCaptured
from sinklens.geometry_records import SinkRule
from sinklens.language.pipeline import EnglishReader
from sinklens.results import Capture, Profile
from sinklens.study.records import definition_column

MAX_RESIDUAL_BYTES = 2_000_000_000


@dataclass(frozen=True, eq=False)
class Measured:
    """One text under one condition, ready to be read."""

    loaded: LoadedModel
    capture: Capture
    states: np.ndarray | None
    """(L+1, T, d) residual stream where it was kept."""
    n_positions: int
    """Longest `*_by_position` list."""
    reader: EnglishReader

    @property
    def profile(self) -> Profile:
        return self.capture.profile()


def read_facts(measured: Measured, *, with_tokens: bool) -> dict:
    """What was read."""
    capture = measured.capture
    prompt = capture.key_prompt()
    return {
        "stream": capture.main_stream,
        "n_tokens": len(prompt),
        "n_tokens_total": prompt.n_tokens_total,
        "bos_added": prompt.bos_added,
        "tokens": prompt.labels if with_tokens else None,
    }


def first_token(measured: Measured) -> dict:
    columns = {}
    for reading in definition_readings(measured.profile, 0):
        name, numbers = definition_column(reading.definition.key), reading.numbers
        columns |= {
            name: numbers.raw,
            f"{name}_excluded": numbers.excluded,
            f"{name}_floor": numbers.floor,
            f"{name}_excess": reading.excess,
            f"{name}_is_sink": reading.is_sink,
        }
    return columns


def aggregates(measured: Measured) -> dict:
    """As `run_summary` and `sink_report` have them."""
    profile = measured.profile
    curve = layer_curve(profile, "excluding_first")
    share, floor = (float(mean_over(values, axis=0)) for values in (curve.mean, curve.floor))
    numbers = explorer_numbers(profile)
    return {
        **{
            name: getattr(numbers, name)
            for name in ("strength", "percent", "ratio", "progression", "first_layers_percent")
        },
        "last_layers_percent": numbers.last_layers_percent,
        "max_head_percent": numbers.max_head_percent,
        "first_share": share,
        "first_floor": floor,
        "first_excess": float(excess_over(share, floor)),
        "rate_is_reliable": sink_rate(profile).is_reliable,
    }


def positions(measured: Measured) -> dict:
    found, n = position_profile(measured.profile), measured.n_positions
    return {
        "received_by_position": found.received[:n],
        "floor_by_position": found.floor[:n],
        "strongest_by_position": found.strongest[:n],
        "sink_positions": list(found.sink_set),
    }


def sinks(measured: Measured) -> dict:
    marked = [token._asdict() for token in marked_tokens(measured.capture)]
    return {"sinks": [{"position": token.pop("index"), **token} for token in marked]}


def entropy(measured: Measured) -> dict:
    return {"entropy": float(mean_over(head_metric(measured.profile, "focus"), axis=(0, 1)))}


def averaged_map(measured: Measured) -> dict:
    return {f"global_{value.definition.key}": value.value for value in global_metrics(measured.profile)}


def loss(measured: Measured) -> dict:
    """Next-token loss of the pass itself; a masked model guesses every token once, a few at a time."""
    loaded, capture = measured.loaded, measured.capture
    if capture.token_loss is not None:
        return {"loss": capture.loss, "n_predicted": len(capture.token_loss)}
    if not fits_a_batch(loaded, ()):
        raise NotCaptured(f"'{loaded.info.name}' has no loss that a study measures beside an edit.")
    if capture.request.interventions:
        return {}  # the trial of the edit measures it
    readings = readings_of(loaded, capture.prompt)
    losses = [
        read_states(loaded, hidden[reading.positions], reading.actual.tolist(), "masked", ()).surprisal
        for reading, hidden in zip(
            readings, trunk_outputs(loaded, [reading.prompt for reading in readings]), strict=True
        )
    ]
    values = np.concatenate(losses)
    return {"loss": float(values.mean()), "n_predicted": len(values)}


def massive(measured: Measured) -> dict:
    states = measured.states
    if states is None:
        stream = residual_stream(measured.loaded, measured.capture, max_bytes=MAX_RESIDUAL_BYTES)
        states = stream.states
    norms, medians = state_norms(states), state_medians(states)
    largest, top = largest_by_state(states, medians)[0], largest_ratio(states, medians)
    return {
        "first_norm_by_state": norms[:, 0],
        "other_norm_by_state": mean_over(norms[:, 1:], axis=1),
        "largest_by_state": largest[:, 0],
        "median_by_state": medians,
        "n_massive": len(massive_activations(states, medians=medians)),
        "n_massive_relative": len(massive_activations(states, definition="relative", medians=medians)),
        "largest_ratio": top.ratio if top else None,
        "largest_ratio_state": top.state if top else None,
        "largest_ratio_token": top.token if top else None,
        "largest_ratio_dimension": top.dimension if top else None,
    }


def writes(measured: Measured) -> dict:
    stream = residual_stream(measured.loaded, measured.capture, max_bytes=MAX_RESIDUAL_BYTES)
    if stream.attention is None or stream.mlp is None:
        raise NotCaptured(stream.note or "What the sub-layers of this model write is not known.")
    attention, mlp = state_norms(stream.attention), state_norms(stream.mlp)
    return {
        "attention_write_by_layer": attention.mean(axis=1),
        "mlp_write_by_layer": mlp.mean(axis=1),
        "first_attention_write_by_layer": attention[:, 0],
        "first_mlp_write_by_layer": mlp[:, 0],
    }


def sink_geometry(measured: Measured) -> dict:
    capture = measured.capture
    statistics = sink_statistics(measured.loaded, capture, capture.main_stream, SinkRule())
    numbers = geometry(statistics.sums)
    return {
        "sink_cosine_by_layer": numbers.directionality,
        "sink_variance_by_layer": numbers.relative_variance,
        "sink_bias_ratio_by_layer": numbers.norm_ratio,
        "sink_norm_by_layer": numbers.contribution_norm,
        "rest_norm_by_layer": numbers.rest_norm,
    }


RUN_MEASURES: dict[str, Callable[[Measured], dict]] = {
    "first_token": first_token,
    "aggregates": aggregates,
    "position_profile": positions,
    "sinks": sinks,
    "entropy": entropy,
    "global_metrics": averaged_map,
    "loss": loss,
    "massive": massive,
    "writes": writes,
    "geometry": sink_geometry,
}
"""Measurement -> columns of RUNS; each may raise a SinkLensError that says why it does not apply."""
NEEDS_STATES = frozenset({"geometry", "head_types", "excerpts"})
"""Measurements that need queries, keys and values."""
