"""Attention of several texts of like length as if their heads were those of one text.

In causal attention nothing before the end of a text sees what comes after it, so that shorter texts may be
filled up on the right: their own rows are right, and the rows of the filling are left out of every count.
The many small kernels of short texts become few large ones; what is counted is what `LayerTally` counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from sinklens.capture.attend import attend
from sinklens.capture.edits import LayerEdits
from sinklens.capture.group_layers import GroupLayers
from sinklens.capture.profile_builder import ProfileBuilder
from sinklens.capture.scores import ScoreRules, Scratch
from sinklens.capture.tally import N_TAIL_QUERIES, LayerTally
from sinklens.capture.visibility import Visibility
from sinklens.records import CapturePlan

N_GROUP_CELLS = 1 << 19
"""Most cells (heads x queries x keys) of a group: with more, its blocks leave the processor's cache."""


def can_be_grouped(rules: ScoreRules, plan: CapturePlan, lengths: Sequence[int]) -> bool:
    """Do these rules and this plan allow it: causal, or without filling, and nothing kept per map?"""
    is_safe = rules.is_causal or (rules.mask is None and len(set(lengths)) == 1)
    keeps_maps = plan.mean_maps or plan.thumbnails or bool(plan.maps)
    return is_safe and rules.bias is None and rules.first_keys is None and not keeps_maps


def attend_groups(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rules: ScoreRules,
    lengths: Sequence[int],
    builders: Sequence[ProfileBuilder],
    gram: torch.Tensor | None,
    memory: GroupMemory,
) -> torch.Tensor:
    """Attention output (n, H, T, D) of a batch without edits; every text is counted by its own builder.

    Parameters
    ----------
    query : tensor of shape (n, H, T, D)
    key, value : tensors of shape (n, G, T, D)
    gram : (H, D, D) as from `output_gram`
    memory : of the stream that the builders build, the same for all its layers
    """
    n_heads, outputs = query.shape[1], torch.zeros_like(query[..., : value.shape[-1]], dtype=torch.float32)
    for texts in groups(lengths, n_heads):
        n = max(lengths[texts])
        q, k, v = (tensor[texts, :, :n].float() for tensor in (query, key, value))
        group = _Group(lengths[texts], q, k, v, cut(rules, n))
        written = group.attend(memory.scratch)
        outputs[texts, :, :n] = written
        group.hand_out(memory.layers(texts, lengths, builders), builders[texts], written, gram)
    return outputs


class GroupMemory:
    """What the layers of one stream of a batch share."""

    def __init__(self, like: torch.Tensor) -> None:
        self.scratch = Scratch(like=like)
        self._layers: dict[tuple[int, int], GroupLayers] = {}

    def layers(self, texts: slice, lengths: Sequence[int], builders: Sequence[ProfileBuilder]) -> GroupLayers:
        """Where the profiles of these neighbours of the batch are written."""
        place = (texts.start, texts.stop)
        if place not in self._layers:
            self._layers[place] = GroupLayers(lengths[texts], builders[texts])
        return self._layers[place]


def groups(lengths: Sequence[int], n_heads: int) -> Iterator[slice]:
    """Neighbours of the batch, as many as a group may hold; one alone where it is longer."""
    start, longest = 0, 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if index > start and (index + 1 - start) * n_heads * longest**2 > N_GROUP_CELLS:
            yield slice(start, index)
            start, longest = index, length
    yield slice(start, len(lengths))


def cut(rules: ScoreRules, n: int) -> ScoreRules:
    """The rules of the first n tokens."""
    if rules.mask is None and rules.bias is None:
        return rules
    return replace(
        rules,
        mask=None if rules.mask is None else rules.mask[:n, :n],
        bias=None if rules.bias is None else rules.bias[..., :n, :n],
    )


@dataclass(eq=False)
class _Group:
    """Texts that are attended to together."""

    lengths: Sequence[int]
    q: torch.Tensor
    """(n, H, T, D) float32"""
    k: torch.Tensor
    """(n, G, T, D) float32"""
    v: torch.Tensor
    rules: ScoreRules
    tally: GroupTally = field(init=False)

    def __post_init__(self) -> None:
        n_repeats = self.q.shape[1] // self.k.shape[1]
        self.wide_k = self.k.repeat_interleave(n_repeats, dim=1) if n_repeats > 1 else self.k
        self.wide_v = self.v.repeat_interleave(n_repeats, dim=1) if n_repeats > 1 else self.v

    def attend(self, scratch: Scratch) -> torch.Tensor:
        """(n, H, T, D)"""
        sinks = self.rules.sink_logits
        rules = replace(self.rules, sink_logits=None if sinks is None else sinks.repeat(len(self.lengths)))
        self.tally = GroupTally(self.lengths, self.q.shape[1], rules, self.q.device)
        q, k, v = (tensor.flatten(0, 1) for tensor in (self.q, self.wide_k, self.wide_v))
        outputs = attend(q, k, v, rules, LayerEdits(), self.tally, scratch)
        return outputs.unflatten(0, self.q.shape[:2])

    def hand_out(
        self,
        layers: GroupLayers,
        builders: Sequence[ProfileBuilder],
        outputs: torch.Tensor,
        gram: torch.Tensor | None,
    ) -> None:
        """Give every text's builder its own part."""
        norms = {
            "q_norm": self.q.norm(dim=-1),
            "k_norm": self.wide_k.norm(dim=-1),
            "v_norm": self.wide_v.norm(dim=-1),
            "out_norm": outputs.norm(dim=-1),
        }
        if gram is not None:
            squared = torch.linalg.vecdot(torch.matmul(self.wide_v, gram), self.wide_v)
            norms["vo_norm"] = squared.clamp_min(0).sqrt()
        rules_of = {n: cut(self.rules, n) for n in self.lengths}
        layers.add(self.tally.by_text() | norms, rules_of)
        for index, (builder, n) in enumerate(zip(builders, self.lengths, strict=True)):
            builder.add_state(self.q[index, :, :n], self.k[index, :, :n], self.v[index, :, :n], rules_of[n])


class GroupTally(LayerTally):
    """Counts a group; the rows of the filling count nowhere."""

    def __init__(self, lengths: Sequence[int], n_heads: int, rules: ScoreRules, device: torch.device) -> None:
        n = max(lengths)
        visibility = Visibility.of(rules, n, n)
        super().__init__(
            n_heads=len(lengths) * n_heads,
            rules=rules,
            visibility=visibility,
            device=device,
            thumbnails=False,
        )
        self._lengths, self._n_heads_each = lengths, n_heads
        self._length = torch.tensor(lengths, device=device).repeat_interleave(n_heads)
        place = torch.arange(n, device=device)
        self._is_own = (place < self._length[:, None]).float()
        self._is_tail = self._is_own * (place >= self._length[:, None] - N_TAIL_QUERIES)
        self._n_visible = torch.from_numpy(visibility.n_visible).to(device).float()

    def add(self, heads: slice, rows: slice, weights: torch.Tensor, scores: torch.Tensor | None) -> None:
        """Count a block, as `LayerTally.add`; `weights` is used up too."""
        if min(self._lengths) < rows.stop:
            weights.mul_(self._is_own[heads, rows, None])
        super().add(heads, rows, weights, scores)

    def by_text(self) -> dict[str, torch.Tensor]:
        """All counts by name, (n, H, T) or (n, H); what lies beyond a text's end means nothing."""
        counted = {**self.per_key, **self.per_query, "n_below_uniform": self.n_below_uniform}
        each = (len(self._lengths), self._n_heads_each)
        return {name: values.unflatten(0, each) for name, values in counted.items()}

    def _count_ends(
        self, heads: slice, rows: slice, weights: torch.Tensor, per_key: dict[str, torch.Tensor]
    ) -> None:
        per_key["received_tail"] += torch.bmm(self._is_tail[heads, None, rows], weights)[:, 0]
        if rows.start == 0:
            per_key["first_row"][:] = weights[:, 0]
        last = self._length[heads] - 1 - rows.start
        here = torch.nonzero((last >= 0) & (last < rows.stop - rows.start))[:, 0]
        per_key["last_row"][here] = weights[here, last[here]]

    def _count_below(self, heads: slice, rows: slice, weights: torch.Tensor, buffer: torch.Tensor) -> None:
        n_cells = self._is_own[heads, rows] @ self._n_visible[rows]
        above = torch.ge(weights, (1.0 / self._length[heads].float())[:, None, None], out=buffer)
        self.n_below_uniform[heads] += n_cells - above.sum((1, 2))
