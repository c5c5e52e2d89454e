"""The profiles of a group of texts, written one layer at a time for all of them.

A profile has some twenty arrays. Written text by text, every layer of every text would cost as many small
copies; here a layer of the whole group is one copy for each array, and each text's builder keeps its part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sinklens.capture.profile_builder import ProfileBuilder, array_of
from sinklens.capture.scores import ScoreRules
from sinklens.capture.visibility import Visibility

PER_HEAD = "n_below_uniform"
"""The one count that has no axis of tokens."""


class GroupLayers:
    """Arrays (n_layers_max, n, ...) of one stream of the n texts of a group, filled up to the longest."""

    def __init__(self, lengths: Sequence[int], builders: Sequence[ProfileBuilder]) -> None:
        self._lengths, self._builders = lengths, builders
        self._stacks: dict[str, np.ndarray] = {}
        self._even: dict[bool, dict[str, np.ndarray]] = {}
        """What layers without a mask see, by whether they are causal: the same for all of them."""

    def add(self, counted: dict[str, torch.Tensor], rules_of: dict[int, ScoreRules]) -> None:
        """Take over one finished layer.

        Parameters
        ----------
        counted : tensors of shape (n, H, T) or (n, H)
        rules_of : by length, the rules of a text's own tokens
        """
        arrays = {name: array_of(tensor) for name, tensor in counted.items()} | self._seen(rules_of)
        if not self._stacks:
            self._share(arrays)
        layer = self._builders[0].n_layers
        for name, values in arrays.items():
            self._stacks[name][layer] = values
        for builder, n in zip(self._builders, self._lengths, strict=True):
            builder.add_shared_layer(is_causal=rules_of[n].is_causal)

    def _share(self, arrays: dict[str, np.ndarray]) -> None:
        """Room for all layers; every builder keeps its own text's part of it."""
        n_layers = self._builders[0].n_layers_max
        self._stacks = {
            name: np.empty((n_layers, *values.shape), values.dtype) for name, values in arrays.items()
        }
        for index, (builder, n) in enumerate(zip(self._builders, self._lengths, strict=True)):
            own = {name: stack[:, index] for name, stack in self._stacks.items()}
            builder.keep_in(
                {name: stack if name == PER_HEAD else stack[..., :n] for name, stack in own.items()}
            )

    def _seen(self, rules_of: dict[int, ScoreRules]) -> dict[str, np.ndarray]:
        """The counts of `Visibility` of every text, (n, T)."""
        rules = next(iter(rules_of.values()))
        if rules.mask is not None:
            return self._visibility(rules_of)
        if rules.is_causal not in self._even:
            self._even[rules.is_causal] = self._visibility(rules_of)
        return self._even[rules.is_causal]

    def _visibility(self, rules_of: dict[int, ScoreRules]) -> dict[str, np.ndarray]:
        by_length = {n: vars(Visibility.of(rules, n, n)) for n, rules in rules_of.items()}
        longest = max(self._lengths)
        return {
            name: np.stack([np.pad(by_length[n][name], (0, longest - n)) for n in self._lengths])
            for name in by_length[longest]
        }
