"""What one token goes through on its way through a model: its embedding, its position, and one block.

T tokens, e embedding width, d hidden width, H query heads, m neurons of a feed-forward layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class TokenEmbeddings:
    """The rows of the embedding table that a text reads, and what is near one of them."""

    rows: np.ndarray
    """(T, e) float32, as they stand in the table."""
    factor: float
    """What the embedding module multiplies a row by; 1 in most families, √d in some."""
    position: int
    n_vocabulary: int
    """Rows of the table that stand for a token."""
    neighbour_ids: np.ndarray
    """(k,) int64 other vocabulary entries, the nearest first."""
    neighbour_labels: tuple[str, ...]
    neighbour_cosines: np.ndarray
    """(k,) -1..1"""


@dataclass(frozen=True, eq=False)
class PositionVectors:
    """How a layer learns where tokens stand, as far as vectors or angles say it."""

    rows: np.ndarray | None
    """(T, e) what is added to the token embeddings; None where nothing is."""
    segments: np.ndarray | None
    """(T, e) what is added for the segment (token type); None where the family has none."""
    cos: np.ndarray | None
    """(T, r) what the layer's attention turns queries and keys by; None without rotary positions."""
    sin: np.ndarray | None
    """(T, r)"""


@dataclass(frozen=True, eq=False)
class NormStep:
    """One normalisation of all tokens."""

    path: str
    """Inside the block, or inside the model where it stands outside of blocks."""
    module: str
    """Its class, such as "LayerNorm" or "LlamaRMSNorm"."""
    reads: str
    """"stream": a copy of the stream; "entry": a copy of what entered the block, though attention has
    written since; "sum": the stream itself, which goes on normalised; "write": what is added next;
    "other": none of these."""
    before: np.ndarray
    """(T,) length of what goes in."""
    after: np.ndarray
    """(T,) length of what comes out."""


@dataclass(frozen=True, eq=False)
class WriteStep:
    """One addition to the residual stream of all tokens."""

    name: str
    """"attention", "cross-attention" or "feed-forward"."""
    before: np.ndarray
    """(T,) length of the stream."""
    added: np.ndarray
    """(T,) length of what is added."""
    after: np.ndarray
    """(T,) length of the sum."""
    cosine: np.ndarray
    """(T,) of the stream and what is added: below 0 it takes away. NaN where one of them is zero."""


@dataclass(frozen=True, eq=False)
class HeadWrites:
    """What every head of a layer writes: its output times its part of the output projection, A v W_O."""

    norm: np.ndarray
    """(H, T) length."""
    part: np.ndarray
    """(H, T) share of the sum: (write · sum) / ‖sum‖². Heads and bias add up to 1; below 0: works against."""
    bias_norm: float
    """Length of the projection's bias, 0 without one."""
    bias_part: np.ndarray
    """(T,) its share of the sum."""
    total: np.ndarray
    """(T,) length of the sum of all heads and the bias."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """The inside of a feed-forward layer: what the down projection reads."""

    n_neurons: int
    activation: str
    """As the configuration names it."""
    is_gated: bool
    """A neuron is act(gate) x up, else act(pre)."""
    ids: np.ndarray
    """(T, k) int: the neurons with the largest magnitudes, the strongest first."""
    values: np.ndarray
    """(T, k) activations, with their sign."""
    before: np.ndarray | None
    """(T, k) what goes into the activation function (the gate of gated layers); None where not seen."""
    up: np.ndarray | None
    """(T, k) the other factor of gated layers."""
    write: np.ndarray
    """(T, k) length of what the neuron adds: |activation| x ‖its row of the down projection‖."""
    zero_share: np.ndarray
    """(T,) share of neurons that are exactly 0."""
    negative_share: np.ndarray | None
    """(T,) share of neurons whose input to the activation function is below 0."""


@dataclass(frozen=True, eq=False)
class BlockTrace:
    """One pass, seen from inside one block; all lengths are Euclidean."""

    layer: int
    stack: str
    entry: np.ndarray
    """(T,) length of what enters block 0."""
    positions: PositionVectors
    entry_norm: NormStep | None
    """The normalisation between the embeddings and block 0, None without one."""
    steps: tuple[NormStep | WriteStep, ...]
    """In the order in which they run."""
    adds_up: bool
    """The steps lead from what enters the block to what leaves it; checked on these very numbers."""
    before: np.ndarray
    """(T,) length of what enters the block."""
    after: np.ndarray
    """(T,) length of what leaves it."""
    heads: HeadWrites | None
    """None where the output projection is not known."""
    neurons: Neurons | None
    """None where the feed-forward layer has no neurons that SinkLens can tell apart."""
    final_norm: NormStep | None
    """The normalisation after the last block, None without one."""
