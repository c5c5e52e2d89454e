"""One row per token: how much attention it receives, what that attention writes, and what we call it.

Our label asks two questions. Does the token receive clearly more than uniform attention would give
it? If so, does one unit of attention on it write less than elsewhere (parking) or as much (content)?
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from sinklens.analysis.head_metrics import learned_sink_share
from sinklens.analysis.influence import (
    effective_share,
    mean_ratio_by_layer,
    ratio_to_others,
    write_ratio,
)
from sinklens.analysis.learned_sink import has_learned_sink, sink_name
from sinklens.analysis.quantity import NOT_APPLICABLE, percent
from sinklens.analysis.received import (
    attention_received,
    definition_of,
    excess_over,
    mean_over,
    received_by_layer,
    received_by_token,
    received_floor,
    received_once,
)
from sinklens.analysis.shares import GU_EPSILON, N_TOKENS_MIN
from sinklens.analysis.sinkfix import SinkFixThresholds, sinkfix_verdict
from sinklens.results import Capture, Profile

LEARNED_SINK_INDEX = -1
"""`index` of the row that stands for a model's learned sink, which is no token."""


@dataclass(frozen=True)
class Thresholds:
    """Every number that a label depends on."""

    excess: float = 0.1
    """A token is attended when its excess over the floor is at least this: a tenth of what is possible."""
    write_ratio: float = 0.5
    """Below this a unit of attention writes less than half as much as elsewhere, and is called parked."""
    content_ratio: float = 0.8
    """From here on a unit of attention writes about as much as elsewhere; below, the token is mixed."""
    n_tokens: int = N_TOKENS_MIN
    """With fewer tokens no label is given."""
    n_viewers: int = 8
    """With fewer queries on average, a high mean is not believed (the last tokens of a causal text)."""
    epsilon: float = GU_EPSILON
    """A head counts in `heads_above` when its eligible mean is strictly above this."""
    sinkfix: SinkFixThresholds = field(default_factory=SinkFixThresholds)


@dataclass(frozen=True)
class Label:
    """A verdict about a token, with a letter so that colour is never the only cue."""

    name: str
    letter: str
    sentence: str


LABELS: dict[str, Label] = {
    label.name: label
    for label in (
        Label("parking sink", "P", "Much attention, small values: heads rest here and little is written."),
        Label("mixed sink", "M", "Much attention; many heads only rest here, others write something."),
        Label("content target", "C", "Much attention, and it writes about as much as elsewhere."),
        Label("attended", "A", "Much attention; without value vectors its effect is not known."),
        Label("few queries", "F", "A high mean over too few queries to be believed."),
        Label("learned sink", "L", "Attention on the model's own sink logit, which writes nothing."),
        Label("ordinary", "O", "About as much attention as uniform attention would give."),
        Label("too short to say", "?", "The text has too few tokens to tell a sink from uniform attention."),
    )
}


def sink_table(
    capture: Capture,
    *,
    definition: str = "eligible",
    stream: str | None = None,
    thresholds: Thresholds | None = None,
) -> pd.DataFrame:
    """Classify every token of a run.

    Columns: index, token, special; received, floor, excess (0..1, mean over layers and heads);
    heads_above (0..1, part of the heads above epsilon); effective_share (0..1, mean over heads);
    write_ratio, value_ratio, key_ratio, hidden_ratio (times the other tokens' mean); label, reason;
    sinkfix_share (0..1), sinkfix_value_norm (times the mean), sinkfix_label. NaN: not applicable.
    A run with a learned or an off-by-one sink has one more row with index -1.

    Raises
    ------
    BadSelection
        For an unknown definition or stream.
    """
    thresholds = thresholds or Thresholds()
    profile = capture.profile(stream)
    with received_once():
        columns = _numbers(capture, definition, stream, thresholds)
    columns["label"], columns["reason"] = zip(
        *_verdicts(columns, profile, thresholds, definition), strict=True
    )
    table = pd.DataFrame(columns)
    if has_learned_sink(capture, stream):
        row = _learned_sink_row(profile, thresholds.epsilon, sink_name(capture, stream))
        table = pd.concat([table, row], ignore_index=True)
    return table


class MarkedToken(NamedTuple):
    """A token that `sink_table` calls something else than ordinary, with its numbers from there."""

    index: int
    token: str
    label: str
    received: float
    excess: float
    write_ratio: float


def marked_tokens(capture: Capture, *, definition: str = "eligible") -> list[MarkedToken]:
    """The rows of `sink_table` whose label is not "ordinary" or "too short to say", without the table.

    All columns of every token take many times as long as the few that are wanted of a sink.
    """
    thresholds, profile = Thresholds(), capture.profile()
    marked: list[MarkedToken] = []
    if profile.n_keys >= thresholds.n_tokens:
        marked += _marked(capture, profile, definition, thresholds)
    if has_learned_sink(capture):
        row = _learned_sink_row(profile, thresholds.epsilon, sink_name(capture)).iloc[0]
        told = [float(row.get(name, math.nan)) for name in ("received", "excess", "write_ratio")]
        marked.append(MarkedToken(LEARNED_SINK_INDEX, row["token"], row["label"], *told))
    return marked


def _marked(capture: Capture, profile: Profile, definition: str, thresholds: Thresholds):
    received, floor = received_by_token(profile, definition)
    excess = excess_over(received, floor)
    high = np.flatnonzero(excess >= thresholds.excess)  # every other token is ordinary
    columns = {"received": received[high], "floor": floor[high], "excess": excess[high]}
    columns["write_ratio"] = write_ratio(profile, high)
    tokens = capture.key_prompt().tokens
    verdicts = _verdicts(columns, profile, thresholds, definition, high)
    numbers = (columns[name].tolist() for name in ("received", "excess", "write_ratio"))
    for index, (label, _), *told in zip(high.tolist(), verdicts, *numbers, strict=True):
        yield MarkedToken(index, tokens[index].label, label, *told)


def _numbers(capture: Capture, definition: str, stream: str | None, thresholds: Thresholds) -> dict:
    """Every column but label and reason, whose places are kept."""
    profile = capture.profile(stream)
    tokens = capture.key_prompt(stream).tokens
    received, floor = received_by_token(profile, definition)
    fix = sinkfix_verdict(profile, thresholds.sinkfix)
    return {
        "index": np.arange(profile.n_keys),
        "token": [token.label for token in tokens],
        "special": [token.is_special for token in tokens],
        "received": received,
        "floor": floor,
        "excess": excess_over(received, floor),
        "heads_above": (attention_received(profile) > thresholds.epsilon).mean(axis=(0, 1)),
        "effective_share": mean_over(effective_share(profile), axis=(0, 1)),
        "write_ratio": write_ratio(profile),
        "value_ratio": mean_over(mean_ratio_by_layer(profile.v_norm), axis=0),
        "key_ratio": mean_over(mean_ratio_by_layer(profile.k_norm), axis=0),
        "hidden_ratio": mean_over(ratio_to_others(hidden_norms(capture, stream))[1:], axis=0),
        "label": (),
        "reason": (),
        "sinkfix_share": fix.shares,
        "sinkfix_value_norm": fix.value_norms,
        "sinkfix_label": fix.labels,
    }


def token_by_layer(
    capture: Capture, position: int, *, definition: str = "eligible", stream: str | None = None
) -> pd.DataFrame:
    """One row per layer for one key: layer, received, floor, and value_ratio, key_ratio, hidden_ratio.

    The ratios are to the mean of the other tokens; hidden_ratio is that of the layer's output.
    """
    profile = capture.profile(stream)
    return pd.DataFrame(
        {
            "layer": np.arange(profile.n_layers),
            "received": received_by_layer(profile, definition)[:, position],
            "floor": received_floor(profile, definition)[:, position],
            "value_ratio": mean_ratio_by_layer(profile.v_norm)[:, position],
            "key_ratio": mean_ratio_by_layer(profile.k_norm)[:, position],
            "hidden_ratio": ratio_to_others(hidden_norms(capture, stream))[1:, position],
        }
    )


def hidden_norms(capture: Capture, stream: str | None = None) -> np.ndarray:
    """(L+1, K) norms of the residual stream at the keys; NaN for keys that are not the decoder's."""
    profile = capture.profile(stream)
    if profile.stream in ("encoder", "cross"):
        return np.full((profile.n_layers + 1, profile.n_keys), np.nan)
    return capture.hidden_norm


def _verdicts(columns: dict, profile: Profile, thresholds: Thresholds, definition: str, keys=slice(None)):
    """(label, reason) of every token, or of the keys that the columns are of."""
    n_viewers = mean_over(profile.n_viewers.astype(np.float64), axis=0)
    if not definition_of(definition).averages_viewers:
        n_viewers = np.full(profile.n_keys, np.inf)
    # Plain floats: a pandas row costs more than its verdict.
    numbers = (columns[name].tolist() for name in ("received", "floor", "excess", "write_ratio"))
    for row in zip(*numbers, n_viewers[keys].tolist(), strict=True):
        yield _verdict(_Row(*row), profile.n_keys, thresholds)


class _Row(NamedTuple):
    """What the verdict about a token rests on."""

    received: float
    floor: float
    excess: float
    write_ratio: float
    n_viewers: float


def _verdict(row: _Row, n_tokens: int, thresholds: Thresholds) -> tuple[str, str]:
    if n_tokens < thresholds.n_tokens:
        return "too short to say", (
            f"The text has fewer than {thresholds.n_tokens} tokens ({n_tokens}), so uniform attention alone "
            f"looks like a sink (floor here {percent(row.floor)})."
        )
    if math.isnan(row.excess):
        return "ordinary", "Not applicable: no query is left to average under this definition."
    received = f"{percent(row.received)} received, {percent(row.floor)} uniform: excess {row.excess:z.2f}"
    if row.excess < 0:
        return (
            "ordinary",
            f"{percent(row.received)} received, less than the {percent(row.floor)} of uniform attention.",
        )
    if row.excess < thresholds.excess:
        return "ordinary", f"{received}, below {thresholds.excess:g}."
    if row.n_viewers < thresholds.n_viewers:
        return "few queries", f"{received}, but only {row.n_viewers:.0f} queries can see this token."
    if math.isnan(row.write_ratio):
        return "attended", f"{received}; this model gives no value vectors."
    wrote = f"{received}; a unit of attention here writes {row.write_ratio:.2f} × as much as elsewhere"
    if row.write_ratio < thresholds.write_ratio:
        return "parking sink", f"{wrote}, below {thresholds.write_ratio:g}."
    if row.write_ratio < thresholds.content_ratio:
        return "mixed sink", f"{wrote}, between {thresholds.write_ratio:g} and {thresholds.content_ratio:g}."
    return "content target", f"{wrote}, {thresholds.content_ratio:g} or more."


def _learned_sink_row(profile: Profile, epsilon: float, name: str) -> pd.DataFrame:
    by_head = learned_sink_share(profile)
    mass = float(by_head.mean())
    return pd.DataFrame(
        [
            {
                "index": LEARNED_SINK_INDEX,
                "token": name,
                "special": True,
                "received": mass,
                "heads_above": float((by_head > epsilon).mean()),
                "effective_share": 0.0,
                "write_ratio": 0.0,
                "label": "learned sink",
                "reason": f"On average {percent(mass)} of a row goes to the {name}, which writes nothing.",
                "sinkfix_label": NOT_APPLICABLE,
            }
        ]
    )
