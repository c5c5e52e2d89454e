"""Interventions at work: what `sinklens.interventions` says, done to one layer's tensors.

Edits of queries, keys, values and score rules come first and are in `input_edits`; here are those
of scores, weights and outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sinklens.interventions import (
    DropHeads,
    Intervention,
    MaskKeys,
    MoveAttention,
    PatchContribution,
    ScaleColumns,
)


@dataclass(frozen=True, eq=False)
class LayerPatch:
    """One PatchContribution at one layer, for the heads of a stack."""

    edit: PatchContribution
    vectors: torch.Tensor
    """(H, D) on the CPU."""
    is_edited: torch.Tensor
    """(H,) bool, on the CPU."""

    @classmethod
    def of(cls, edit: PatchContribution, layer: int) -> LayerPatch:
        vectors = torch.tensor(edit.vectors.array[layer])
        is_edited = torch.zeros(len(vectors), dtype=torch.bool)
        heads = edit.heads_at(layer)
        is_edited[slice(None) if heads is None else list(heads)] = True
        return cls(edit, vectors, is_edited)

    def of_heads(self, heads: slice) -> LayerPatch:
        return LayerPatch(self.edit, self.vectors[heads], self.is_edited[heads])

    def apply(
        self, outputs: torch.Tensor, weights: torch.Tensor, v: torch.Tensor, seen: torch.Tensor, rows: slice
    ) -> torch.Tensor:
        """Outputs (H, rows, D) with the contribution of the keys replaced; see PatchContribution.

        Parameters
        ----------
        weights : tensor of shape (H, rows, K)
        v : tensor of shape (H, K, D)
        seen : bool tensor of shape (H, rows, K)
        """
        keys = _within(self.edit.keys, weights.shape[2])
        if not keys:
            return outputs
        contribution = torch.bmm(weights[:, :, keys], v[:, keys])
        rest = outputs - contribution
        if self.edit.denominator == "rest":
            total, mass = weights.sum(-1, keepdim=True), weights[:, :, keys].sum(-1, keepdim=True)
            rest = rest * torch.where(total - mass > 1e-7, total / (total - mass).clamp_min(1e-7), 1.0)
        patched = rest + self.edit.scale * self.vectors.to(outputs)[:, None]
        mixed = outputs + self.edit.amount * (patched - outputs)
        is_patched = self.is_edited[:, None].to(seen.device) & self._looks(seen[:, :, keys], rows)
        return torch.where(is_patched[:, :, None], mixed, outputs)

    def _looks(self, seen: torch.Tensor, rows: slice) -> torch.Tensor:
        """(H, rows) bool: queries that can see one of the keys and are none of them."""
        if self.edit.stream == "cross":
            return seen.any(-1)  # query 3 and key 3 are tokens of two texts
        own = torch.tensor([row in self.edit.keys for row in range(rows.start, rows.stop)])
        return seen.any(-1) & ~own.to(seen.device)


@dataclass(frozen=True, eq=False)
class LayerEdits:
    """The edits that apply to one layer of one stream, in the order they were given."""

    masks: tuple[MaskKeys, ...] = ()
    weights: tuple[ScaleColumns | MoveAttention, ...] = ()
    patches: tuple[LayerPatch, ...] = ()
    dropped_heads: tuple[int, ...] = ()

    @classmethod
    def of(cls, interventions: tuple[Intervention, ...], stream: str, layer: int) -> LayerEdits:
        here = [edit for edit in interventions if edit.covers(stream, layer)]
        return cls(
            masks=tuple(_at(edit, layer) for edit in here if isinstance(edit, MaskKeys)),
            weights=tuple(
                _at(edit, layer) for edit in here if isinstance(edit, ScaleColumns | MoveAttention)
            ),
            patches=tuple(LayerPatch.of(edit, layer) for edit in here if isinstance(edit, PatchContribution)),
            dropped_heads=tuple(
                head for edit in here if isinstance(edit, DropHeads) for head in edit.heads_at(layer)
            ),
        )

    def of_heads(self, heads: slice) -> LayerEdits:
        """The same edits for a stack that holds these heads alone."""
        if not (self.masks or self.weights or self.patches or self.dropped_heads):
            return self
        return LayerEdits(
            masks=_restricted(self.masks, heads),
            weights=_restricted(self.weights, heads),
            patches=tuple(patch.of_heads(heads) for patch in self.patches),
            dropped_heads=tuple(h - heads.start for h in self.dropped_heads if heads.start <= h < heads.stop),
        )

    def before_weights(self) -> LayerEdits:
        """What happens before the softmax only."""
        return replace(self, weights=())

    @property
    def masks_keys(self) -> bool:
        return bool(self.masks)

    @property
    def changes_weights(self) -> bool:
        return bool(self.weights)

    def mask_scores(self, scores: torch.Tensor, hidden: float) -> None:
        """Hide masked keys in scores of shape (H, rows, n_keys), in place."""
        for edit in self.masks:
            keys = _within(edit.keys, scores.shape[-1])
            scores[_heads(edit.heads, scores), :, keys] = hidden

    def change_weights(self, weights: torch.Tensor, scores: torch.Tensor, hidden: float) -> torch.Tensor:
        """Weights of shape (H, rows, n_keys) after all edits of weights; the same tensor without any."""
        for edit in self.weights:
            if isinstance(edit, ScaleColumns):
                weights = _scaled(weights, edit)
            else:
                weights = _moved(weights, scores > hidden, edit)
        return weights

    def patch_outputs(
        self, outputs: torch.Tensor, weights: torch.Tensor, v: torch.Tensor, seen: torch.Tensor, rows: slice
    ) -> torch.Tensor:
        """Outputs (H, rows, D) after all patches; arguments as in `LayerPatch.apply`."""
        for patch in self.patches:
            outputs = patch.apply(outputs, weights, v, seen, rows)
        return outputs

    def drop_outputs(self, outputs: torch.Tensor) -> torch.Tensor:
        """Zero the outputs of dropped heads; shape (H, Q, D)."""
        if not self.dropped_heads:
            return outputs
        outputs = outputs.clone()
        outputs[list(self.dropped_heads)] = 0.0
        return outputs


def _at(edit, layer: int):
    """The edit with its heads in this layer, so that pairs need not be looked up again."""
    return replace(edit, heads=edit.heads_at(layer), layers=(layer,), pairs=None)


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
    if edit.redistribute:
        total, mass = before.sum(-1, keepdim=True), before[:, :, keys].sum(-1, keepdim=True)
        # A row cannot give more than it has: weights below zero would be no attention.
        factor = torch.where(edit.factor * mass > total, total / mass.clamp_min(1e-30), edit.factor)
        others = total - mass
        # Rounding can leave 1e-8 where a row has no other mass; such a row is not stretched.
        left = (total - factor * mass).clamp_min(0)
        after *= torch.where(others > 1e-7, left / others.clamp_min(1e-7), 1.0)
        after[:, :, keys] = before[:, :, keys] * factor
    else:
        after[:, :, keys] *= edit.factor
    edited = weights.clone()
    edited[heads] = after
    return edited


def _moved(weights: torch.Tensor, visible: torch.Tensor, edit: MoveAttention) -> torch.Tensor:
    """All mass of every row that sees the key goes there; the row keeps its sum."""
    if edit.to_key >= weights.shape[-1]:
        return weights
    heads = list(edit.heads) if edit.heads is not None else list(range(weights.shape[0]))
    before, sees = weights[heads], visible[heads][:, :, edit.to_key]
    gathered = torch.zeros_like(before)
    gathered[:, :, edit.to_key] = before.sum(-1)
    edited = weights.clone()
    edited[heads] = torch.where(sees[:, :, None], gathered, before)
    return edited


def _within(keys: tuple[int, ...], n_keys: int) -> list[int]:
    """Each key once; causal blocks stop at their last row, and keys beyond it are hidden anyway."""
    return [key for key in dict.fromkeys(keys) if key < n_keys]


def _heads(heads: tuple[int, ...] | None, like: torch.Tensor):
    rows = range(like.shape[0]) if heads is None else heads
    return torch.tensor(list(rows), device=like.device)[:, None]
