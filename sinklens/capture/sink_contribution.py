"""What a set of sinks adds to the attention output of every layer, from the vectors that a pass kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from sinklens.analysis.key_sets import RESTING_LABELS
from sinklens.analysis.sink_geometry import layer_sums
from sinklens.analysis.sinks import sink_table
from sinklens.capture.loaded_model import LoadedModel
from sinklens.capture.sink_weights import SinkRows, checked_keys, sink_rows
from sinklens.capture.static_sink import output_weights
from sinklens.capture.token_choice import token_id_of
from sinklens.errors import BadSelection, RunCancelled
from sinklens.geometry_records import SinkRule, SinkStatistics, SinkSums
from sinklens.interventions import ChangeTokens
from sinklens.records import CapturePlan, CaptureRequest
from sinklens.results import Capture

NO_QUERY = (
    "Not applicable: no query looks back at the sinks (a text of one token, or sinks at its very end only)."
)


@dataclass(frozen=True, eq=False)
class Contribution:
    """Some queries of one layer, in model space; no bias of the output projection is in it."""

    queries: np.ndarray
    """(n,) positions."""
    by_head: torch.Tensor
    """(H, n, d) what every head adds because of the sinks."""
    rest_by_head: torch.Tensor
    """(H, n, d) what it adds because of all other keys."""
    weight: torch.Tensor
    """(H, n) weight on the sinks."""

    @property
    def total(self) -> torch.Tensor:
        """(n, d) c_i"""
        return self.by_head.sum(0)

    @property
    def rest(self) -> torch.Tensor:
        """(n, d) r_i"""
        return self.rest_by_head.sum(0)


def light_request(request: CaptureRequest, *, first_id: int | None, stream: str) -> CaptureRequest:
    """The request with vectors kept and no pictures, its first token replaced where an id is given."""
    plan = CapturePlan(states=True, mean_maps=False, thumbnails=False)
    edits = request.interventions
    if first_id is not None:
        # Tokens are changed in the text that the encoder reads, where there is one.
        edits = (
            *edits,
            ChangeTokens(replace_first_by=first_id, stream="self" if stream == "self" else "encoder"),
        )
    return replace(request, plan=plan, interventions=edits)


def first_token_id(loaded: LoadedModel, wanted: int | str | None) -> int | None:
    """The id of a first token; a word may be the one that a text begins with or, failing that, one inside.

    Raises
    ------
    BadSelection
        The text is not one token in either way, or the vocabulary has no such id.
    """
    if wanted is None or isinstance(wanted, int):
        return None if wanted is None else token_id_of(loaded, wanted, loaded.info.vocabulary_size)
    try:
        return token_id_of(loaded, wanted, loaded.info.vocabulary_size)
    except BadSelection as as_beginning:
        try:
            return token_id_of(loaded, f" {wanted}", loaded.info.vocabulary_size)
        except BadSelection:
            raise as_beginning from None


def chosen_sinks(capture: Capture, stream: str, rule: SinkRule) -> tuple[tuple[int, ...], bool | None]:
    """The sinks of a text by a rule, and whether any was found; None where none was looked for.

    Raises
    ------
    BadSelection
        A token that was added is not in the text.
    """
    if rule.fixed:
        return tuple(checked_keys(capture, stream, rule.fixed)), None
    found: list[int] = []
    if rule.found:
        table = sink_table(capture, stream=stream)
        is_sink = table["label"].isin(RESTING_LABELS) & (table["index"] >= 0)
        found = table.loc[is_sink, "index"].astype(int).tolist()
    return tuple(checked_keys(capture, stream, [*(found or [0]), *rule.added])), bool(
        found
    ) if rule.found else None


def sink_statistics(
    loaded: LoadedModel,
    capture: Capture,
    stream: str,
    rule: SinkRule,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> SinkStatistics:
    """Sums over the queries of one text, layer by layer.

    Raises
    ------
    BadSelection
        No query looks back at the sinks, or a token that was added is not in the text.
    NotCaptured
        Vectors or output projections are not at hand.
    RunCancelled
    """
    keys, is_found = chosen_sinks(capture, stream, rule)
    profile, prompt = capture.profile(stream), capture.key_prompt(stream)
    layers = []
    for layer in range(profile.n_layers):
        if is_cancelled():
            raise RunCancelled("The run was stopped.")
        layers.append(_layer(contributions(loaded, capture, stream, keys, layer), loaded, profile.n_heads))
        on_progress((layer + 1) / profile.n_layers, f"layer {layer + 1} of {profile.n_layers}")
    sums = SinkSums(**{name: np.stack([sums[name] for sums in layers]) for name in layers[0]})
    if not sums.n_queries.any():
        raise BadSelection(NO_QUERY)
    edits = capture.request.interventions
    return SinkStatistics(
        text=capture.prompt.text,
        stream=stream,
        sinks=keys,
        sink_labels=tuple(prompt.labels[key] for key in keys),
        is_found=is_found,
        n_tokens=len(prompt),
        is_causal=profile.is_causal,
        first_id=prompt.ids[0],
        first_label=prompt.labels[0],
        is_replaced=any(isinstance(e, ChangeTokens) and e.replace_first_by is not None for e in edits),
        sums=sums,
    )


def contributions(
    loaded: LoadedModel, capture: Capture, stream: str, keys: Sequence[int], layer: int
) -> Iterator[Contribution]:
    """What one layer's queries get from the sinks and from all others, in blocks of queries."""
    profile = capture.profile(stream)
    weight = None
    for rows in sink_rows(capture, stream, layer, keys):
        if weight is None:
            shape = (profile.n_layers, profile.n_heads, rows.values.shape[2])
            weight = torch.from_numpy(output_weights(loaded, stream, shape, layer)[0]).float()
        yield _written(rows, weight)


def _written(rows: SinkRows, weight: torch.Tensor) -> Contribution:
    by_head = torch.bmm(rows.contribution, weight)
    return Contribution(
        rows.queries, by_head, torch.bmm(rows.output, weight) - by_head, rows.on_sinks.sum(-1)
    )


def _layer(blocks: Iterator[Contribution], loaded: LoadedModel, n_heads: int) -> dict[str, np.ndarray]:
    width = loaded.info.hidden_size
    total = layer_sums(*(np.zeros(shape) for shape in [(0, width)] * 2 + [(n_heads, 0)] * 3))
    for block in blocks:
        parts = (
            block.total,
            block.rest,
            block.weight,
            block.by_head.norm(dim=-1),
            block.rest_by_head.norm(dim=-1),
        )
        sums = layer_sums(*(part.numpy() for part in parts))
        total = {name: total[name] + sums[name] for name in total}
    return total
