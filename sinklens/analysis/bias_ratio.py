"""How much of a head's attention goes to biased words, beside what uniform attention would give them.

BAR (bias attention ratio) and BSR (bias self-reinforcement ratio) compare mass with the mass of a head
that spreads every row evenly over what the query can see. With that floor a causal head without any
preference has the ratio 1 wherever the words stand; a floor of |B|/N for all, as in the definition that
is often used, gives early words up to 3 and more for their place alone.

A unit is whatever can be biased as one: a word with all of its tokens, or a single token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sinklens.errors import BadSelection

SPECIALS = ("included", "excluded")


@dataclass(frozen=True, eq=False)
class UnitMass:
    """What the heads of one stream give to every unit, and what uniform attention would give.

    L layers, H heads, U units. Rows that see one key only are left out: their weight is 1 by construction.
    """

    received: np.ndarray
    """(L, H, U) float64: sum over queries of the weight on the unit's tokens."""
    uniform: np.ndarray
    """(L, U) the same of a head that spreads every row evenly over the keys it can see."""
    between: np.ndarray | None
    """(L, H, U, U): received by the second unit from queries of the first; None where not asked for."""
    uniform_between: np.ndarray | None
    """(L, U, U)"""
    labels: tuple[str, ...]
    """(U)"""
    tokens: tuple[tuple[int, ...], ...]
    """(U) the positions of every unit."""
    is_eligible: np.ndarray
    """(U,) bool: could be biased; special tokens and punctuation could not."""
    specials: str = "excluded"
    """"included", or "excluded": special tokens are neither queries nor keys, and rows are stretched to
    what they were without them."""


def unit_mass(
    maps: np.ndarray,
    visible: np.ndarray,
    units: tuple[tuple[int, ...], ...],
    labels: tuple[str, ...],
    *,
    is_eligible: np.ndarray,
    is_special: np.ndarray,
    specials: str = "excluded",
    with_between: bool = True,
) -> UnitMass:
    """Count the mass of every unit.

    Parameters
    ----------
    maps : array of shape (L, H, T, T)
        Attention, 0 where a query cannot see.
    visible : bool array of shape (L, T, T) or (T, T)
    units : U tuples of positions; a position belongs to one unit at most
    is_special : bool array of shape (T,)

    Raises
    ------
    BadSelection
        An unknown choice for special tokens.
    """
    visible = np.broadcast_to(visible, (len(maps), *maps.shape[-2:]))
    member = membership(units, maps.shape[-1])
    layers = [
        layer_mass(layer, seen, member, is_special, specials, with_between)
        for layer, seen in zip(maps, visible, strict=True)
    ]
    return joined_layers(layers, units, labels, is_eligible, specials)


def membership(units: tuple[tuple[int, ...], ...], n_tokens: int) -> np.ndarray:
    """(T, U) float64: 1 where a token belongs to a unit."""
    member = np.zeros((n_tokens, len(units)))
    for index, tokens in enumerate(units):
        member[list(tokens), index] = 1.0
    return member


def layer_mass(
    maps: np.ndarray,
    visible: np.ndarray,
    member: np.ndarray,
    is_special: np.ndarray,
    specials: str = "excluded",
    with_between: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """(H, U) received, (U,) uniform, (H, U, U) and (U, U) between units, of one layer.

    Parameters
    ----------
    maps : array of shape (H, T, T)
    visible : bool array of shape (T, T)
    member : array of shape (T, U)
    """
    if specials not in SPECIALS:
        raise BadSelection(f"Special tokens are {' or '.join(SPECIALS)}; got '{specials}'.")
    weights, seen = np.asarray(maps, np.float64), np.asarray(visible, bool)
    if specials == "excluded":
        seen = seen & ~is_special & ~is_special[:, None]
        weights = _stretched(weights, seen)
    chooses = (seen.sum(axis=1) > 1)[:, None]
    weights = np.where(chooses, weights, 0.0)
    seen = seen & chooses
    uniform = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    by_unit, uniform_by_unit = weights @ member, uniform @ member
    if not with_between:
        return by_unit.sum(axis=1), uniform_by_unit.sum(axis=0), None, None
    return (
        by_unit.sum(axis=1),
        uniform_by_unit.sum(axis=0),
        member.T @ by_unit,
        member.T @ uniform_by_unit,
    )


def joined_layers(layers, units, labels, is_eligible: np.ndarray, specials: str) -> UnitMass:
    """The record of all layers, each as `layer_mass` gives it."""
    received, uniform, between, uniform_between = zip(*layers, strict=True)
    has_between = between[0] is not None
    return UnitMass(
        received=np.stack(received),
        uniform=np.stack(uniform),
        between=np.stack(between) if has_between else None,
        uniform_between=np.stack(uniform_between) if has_between else None,
        labels=tuple(labels),
        tokens=tuple(units),
        is_eligible=np.asarray(is_eligible, bool),
        specials=specials,
    )


def bias_attention_ratio(mass: UnitMass, biased: np.ndarray) -> np.ndarray:
    """Attention on biased words as a multiple of what uniform attention would put there.

    Formula: BAR = Σᵢ Σ_{j∈B} A[i,j] / Σᵢ Σ_{j∈B} 1/nᵢ, nᵢ the keys that query i can see
    Unit: ratio
    Range: 0 and more
    Direction: 1: as uniform attention. Above: biased words draw the head. Below: it looks past them.
    Causal: nᵢ counts what a query sees, so that the ratio is 1 for uniform attention at any place.
    Missing: No biased word, or none that any query with a choice can see.
    Source: Attention Atlas, bias attention ratio; the floor is SinkLens's.

    Parameters
    ----------
    biased : bool array of shape (U,)

    Returns
    -------
    float64 array of shape (L, H)
    """
    chosen = np.asarray(biased, bool)
    return _ratio(mass.received[:, :, chosen].sum(axis=2), mass.uniform[:, None, chosen].sum(axis=2))


def bias_self_ratio(mass: UnitMass, biased: np.ndarray) -> np.ndarray:
    """Attention of biased words on biased words, as a multiple of what uniform attention would give.

    Formula: BSR = Σ_{i∈B} Σ_{j∈B} A[i,j] / Σ_{i∈B} Σ_{j∈B} 1/nᵢ
    Unit: ratio
    Range: 0 and more
    Direction: Above 1: biased words look at each other, and at themselves.
    Causal: As for the bias attention ratio.
    Missing: As there, or where the masses between words were not kept.
    Source: Attention Atlas, bias self-reinforcement; the floor is SinkLens's.

    Returns
    -------
    float64 array of shape (L, H)
    """
    if mass.between is None:
        return np.full(mass.received.shape[:2], np.nan)
    rows = np.flatnonzero(biased)
    inside = mass.between[:, :, rows][..., rows].sum(axis=(2, 3))
    return _ratio(inside, mass.uniform_between[:, rows][..., rows].sum(axis=(1, 2))[:, None])


def _stretched(weights: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Weights on visible keys alone, every row stretched to the sum that it had; rows without any are 0."""
    kept = np.where(seen, weights, 0.0)
    total, left = weights.sum(axis=-1, keepdims=True), kept.sum(axis=-1, keepdims=True)
    return kept * np.divide(total, left, out=np.zeros_like(left), where=left > 1e-12)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 1e-12)
