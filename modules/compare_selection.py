"""What is selected on the two sides of a comparison: one selection while they are locked, two otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiny import reactive

from modules.run_state import RunState
from sinklens.analysis.comparison import Comparison

PARTNERS = {
    "heads": "the matched head",
    "depth": "the same head, layers by relative depth",
    "best": "the same head, layers by best match",
}
Head = tuple[int, int]


@dataclass(frozen=True)
class Sides:
    """The states of both sides, for the same page modules twice."""

    a: RunState
    b: RunState
    is_locked: Callable[[], bool]
    rule: Callable[[], str]
    """A key of `PARTNERS`."""


def side_state(compared: Callable[[], Comparison], name: str) -> RunState:
    """A state of its own for one side; it holds the selection, the comparison holds the run."""

    @reactive.calc
    def capture():
        return (compared().a if name == "A" else compared().b).capture

    return RunState(
        capture=capture,
        is_example=lambda: False,
        stream=reactive.Value("self"),
        head=reactive.Value((0, 0)),
        token=reactive.Value(None),
    )


def partner_head(found: Comparison, rule: str, head: Head, *, back: bool = False) -> Head | None:
    """The head of the other side that belongs to a head of A (of B with `back`).

    A head of A without a partner is shown beside the one that is most like it; None for a head of B without.
    """
    if rule == "heads" and found.heads is not None:
        if back:
            return found.heads.back(*head)
        return found.heads.partner(*head) or found.heads.nearest(*head)
    match = found.layers.get(rule, found.layers["depth"])
    layer = match.back(head[0]) if back else match.partner[head[0]]
    n_heads = (found.a if back else found.b).profile.n_heads
    return layer, min(head[1], n_heads - 1)


def link_sides(compared: Callable[[], Comparison], sides: Sides) -> None:
    """Keep the two selections together while they are locked: the side that was changed leads."""
    heads: list[Head] = [(-1, -1), (-1, -1)]
    tokens: list[int | None] = [None, None]
    former: list = [None, None]

    @reactive.effect
    def _heads():
        found, rule, locked = compared(), sides.rule(), sides.is_locked()
        a, b = _inside(found.a, sides.a.head()), _inside(found.b, sides.b.head())
        follows_b = a == heads[0] and b != heads[1] and former == [found, rule]
        if locked and follows_b:
            a = partner_head(found, rule, b, back=True) or a
        elif locked:
            b = partner_head(found, rule, a) or b
        heads[:], former[:] = [a, b], [found, rule]
        _set(sides.a.head, a)
        _set(sides.b.head, b)

    @reactive.effect
    def _tokens():
        found, locked = compared(), sides.is_locked()
        a, b = sides.a.token(), sides.b.token()
        a, b = (_token(side, token) for side, token in ((found.a, a), (found.b, b)))
        if locked and a == tokens[0] and b != tokens[1]:
            a = None if b is None else found.keys.partner("B", b)
        elif locked and a != tokens[0]:
            b = None if a is None else found.keys.partner("A", a)
        tokens[:] = [a, b]
        _set(sides.a.token, a)
        _set(sides.b.token, b)


def _inside(side, head: Head) -> Head:
    profile = side.profile
    return min(head[0], profile.n_layers - 1), min(head[1], profile.n_heads - 1)


def _token(side, token: int | None) -> int | None:
    return None if token is None or token >= len(side.keys) else token


def _set(value: reactive.Value, new) -> None:
    with reactive.isolate():
        is_other = value() != new
    if is_other:
        value.set(new)
