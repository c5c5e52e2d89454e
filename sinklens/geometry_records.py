"""What a set of sinks adds to a layer's output, as sums over queries that can be pooled over texts.

For query i of a layer, c_i = sum over heads and over the set S of A[h, i, k] v_k W_O (in model space, before
any normalisation of what attention writes) and r_i is the same sum over all other keys, so that c_i + r_i is
the attention output without the bias of its projection. Counted are queries that can see S and do not
belong to it. L layers, H heads, d hidden width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SinkRule:
    """Which tokens of a text are the sinks."""

    found: bool = True
    """Those that the Sinks page labels as sinks, else token 0; False: token 0 alone."""
    added: tuple[int, ...] = ()
    """Positions that are sinks too; a text without them gives no numbers."""
    fixed: tuple[int, ...] = ()
    """Exactly these positions, whatever is found; empty: as above."""

    def sentence(self) -> str:
        """ "the sinks found in each text, token 0 where there are none, and token 5"."""
        if self.fixed:
            return f"token{'s' if len(self.fixed) > 1 else ''} {', '.join(map(str, self.fixed))}"
        base = "the sinks found in each text, token 0 where there are none" if self.found else "token 0"
        also = f", and token{'s' if len(self.added) > 1 else ''} {', '.join(map(str, self.added))}"
        return base + (also if self.added else "")


@dataclass(frozen=True, eq=False)
class SinkSums:
    """Sums over queries, float64; those of several texts are added up."""

    n_queries: np.ndarray
    """(L,)"""
    contribution: np.ndarray
    """(L, d) sum of c_i."""
    direction: np.ndarray
    """(L, d) sum of c_i / ‖c_i‖, without queries whose c_i is zero."""
    n_directions: np.ndarray
    """(L,) queries whose c_i is not zero."""
    contribution_norm: np.ndarray
    """(L,) sum of ‖c_i‖."""
    contribution_square: np.ndarray
    """(L,) sum of ‖c_i‖²."""
    rest_norm: np.ndarray
    """(L,) sum of ‖r_i‖."""
    weight: np.ndarray
    """(L, H) sum of the weight on S."""
    weight_square: np.ndarray
    """(L, H) sum of its square."""
    head_norm: np.ndarray
    """(L, H) sum of the norm of one head's part of c_i."""
    head_rest_norm: np.ndarray
    """(L, H) sum of the norm of one head's part of r_i."""


@dataclass(frozen=True, eq=False)
class SinkStatistics:
    """One text with one first token."""

    text: str
    stream: str
    sinks: tuple[int, ...]
    sink_labels: tuple[str, ...]
    is_found: bool | None
    """False where no sink was found and token 0 stands in; None where none was looked for."""
    n_tokens: int
    """On the key axis."""
    is_causal: bool
    """Queries see only keys up to their own position."""
    first_id: int
    first_label: str
    is_replaced: bool
    """The first token is not the text's own."""
    sums: SinkSums


@dataclass(frozen=True)
class Skipped:
    """A text, or a first token, that gives no numbers."""

    what: str
    reason: str


@dataclass(frozen=True, eq=False)
class SinkStudy:
    """Several texts, each with its own first token and with several others."""

    model: str
    revision: str
    rule: SinkRule
    stream: str
    texts: tuple[str, ...]
    """The texts that every row has."""
    own: tuple[SinkStatistics, ...]
    """The texts as they are."""
    replaced: tuple[tuple[SinkStatistics, ...], ...]
    """By first token, the same texts in the same order."""
    skipped: tuple[Skipped, ...] = ()
