"""Interventions at work: what `sinklens.interventions` says, done to one layer's tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sinklens.interventions import DropHeads, Intervention, MaskKeys, ScaleColumns


@dataclass(frozen=True)
class LayerEdits:
    """The edits that apply to one layer of one stream, in the order they were given."""

    masks: tuple[MaskKeys, ...] = ()
    scales: tuple[ScaleColumns, ...] = ()
    dropped_heads: tuple[int, ...] = ()

    @classmethod
    def of(cls, interventions: tuple[Intervention, ...], stream: str, layer: int) -> LayerEdits:
        here = [edit for edit in interventions if edit.covers(stream, layer)]
        return cls(
            masks=tuple(edit for edit in here if isinstance(edit, MaskKeys)),
            scales=tuple(edit for edit in here if isinstance(edit, ScaleColumns)),
            dropped_heads=tuple(
                head for edit in here if isinstance(edit, DropHeads) for at, head in edit.pairs if at == layer
            ),
        )

    def of_heads(self, heads: slice) -> LayerEdits:
        """The same edits for a stack that holds these heads alone."""
        if not (self.masks or self.scales or self.dropped_heads):
            return self
        return LayerEdits(
            masks=_restricted(self.masks, heads),
            scales=_restricted(self.scales, heads),
            dropped_heads=tuple(h - heads.start for h in self.dropped_heads if heads.start <= h < heads.stop),
        )

    def without_scales(self) -> LayerEdits:
        """What happens before the softmax only."""
        return replace(self, scales=())

    @property
    def masks_keys(self) -> bool:
        return bool(self.masks)

    @property
    def changes_weights(self) -> bool:
        return bool(self.scales)

    def mask_scores(self, scores: torch.Tensor, hidden: float) -> None:
        """Hide masked keys in scores of shape (H, rows, n_keys), in place."""
        for edit in self.masks:
            keys = _within(edit.keys, scores.shape[-1])
            scores[_heads(edit.heads, scores), :, keys] = hidden

    def scale_weights(self, weights: torch.Tensor) -> torch.Tensor:
        """Weights of shape (H, rows, n_keys) after all column edits; the same tensor without any."""
        for edit in self.scales:
            weights = _scaled(weights, edit)
        return weights

    def drop_outputs(self, outputs: torch.Tensor) -> torch.Tensor:
        """Zero the outputs of dropped heads; shape (H, Q, D)."""
        if not self.dropped_heads:
            return outputs
        outputs = outputs.clone()
        outputs[list(self.dropped_heads)] = 0.0
        return outputs


def _restricted(edits: tuple, heads: slice) -> tuple:
    """Edits with their heads counted from the start of the stack; those that do not touch it left out."""
    inside = []
    for edit in edits:
        if edit.heads is None:
            inside.append(edit)
        elif here := tuple(head - heads.start for head in edit.heads if heads.start <= head < heads.stop):
            inside.append(replace(edit, heads=here))
    return tuple(inside)


def _scaled(weights: torch.Tensor, edit: ScaleColumns) -> torch.Tensor:
    """ACT, Yu et al. 2024: released mass goes to the other columns in proportion to their weights."""
    keys = _within(edit.keys, weights.shape[-1])
    if not keys:
        return weights
    heads = list(edit.heads) if edit.heads is not None else list(range(weights.shape[0]))
    before = weights[heads]
    after = before.clone()
    after[:, :, keys] *= edit.factor
    if edit.redistribute:
        total, kept = before.sum(-1, keepdim=True), after[:, :, keys].sum(-1, keepdim=True)
        others = total - before[:, :, keys].sum(-1, keepdim=True)
        # Rounding can leave 1e-8 where a row has no other mass; such a row is not stretched.
        factor = torch.where(others > 1e-7, (total - kept) / others.clamp_min(1e-7), 1.0)
        fixed = after[:, :, keys].clone()
        after *= factor
        after[:, :, keys] = fixed
    edited = weights.clone()
    edited[heads] = after
    return edited


def _within(keys: tuple[int, ...], n_keys: int) -> list[int]:
    """Causal blocks stop at their last row: keys beyond it are hidden anyway."""
    return [key for key in keys if key < n_keys]


def _heads(heads: tuple[int, ...] | None, like: torch.Tensor):
    rows = range(like.shape[0]) if heads is None else heads
    return torch.tensor(list(rows), device=like.device)[:, None]
