"""What is selected on the two sides of a comparison: one selection while they are locked, two otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace

from shiny import reactive

from modules.run_state import RunState
from modules.selection import nearest_head
from sinklens.analysis.comparison import Comparison, Side

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


@dataclass(frozen=True)
class PairSelection:
    """What is selected on the two sides; a head that is None is the one that a comparison begins with."""

    head_a: Head | None = None
    head_b: Head | None = None
    token_a: int | None = None
    token_b: int | None = None

    def within(self, found: Comparison) -> tuple[PairSelection, tuple[str, ...]]:
        """What of it the two sides have, and what they lack, in words such as "head_a=9.0"."""
        gone, lacking = {}, []
        for name, side in (("a", found.a), ("b", found.b)):
            head, token = getattr(self, f"head_{name}"), getattr(self, f"token_{name}")
            if head is not None and head != nearest_head(side.profile, head):
                gone[f"head_{name}"] = None
                lacking.append(f"head_{name}={head[0]}.{head[1]}")
            if token is not None and _token(side, token) is None:
                gone[f"token_{name}"] = None
                lacking.append(f"token_{name}={token}")
        return replace(self, **gone), tuple(lacking)


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


def link_sides(compared: Callable[[], Comparison], sides: Sides) -> Callable[[PairSelection], None]:
    """Keep the two selections together while they are locked: the side that was changed leads.

    Returns
    -------
    put : selects on both sides at once, a head of A at least; where the sides are locked, what it does not
        say of B is the partner of what it says of A
    """
    heads: list[Head] = [(-1, -1), (-1, -1)]
    tokens: list[int | None] = [None, None]
    former: list = [None, None, None]

    @reactive.effect
    def _heads():
        found, rule, locked = compared(), sides.rule(), sides.is_locked()
        a, b = nearest_head(found.a.profile, sides.a.head()), nearest_head(found.b.profile, sides.b.head())
        leads_a = a != heads[0] or former != [found, rule, locked]
        if locked and leads_a:
            b = partner_head(found, rule, a) or b
        elif locked and b != heads[1]:
            a = partner_head(found, rule, b, back=True) or a
        heads[:], former[:] = [a, b], [found, rule, locked]
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

    def put(selection: PairSelection) -> None:
        found, rule, locked = compared(), sides.rule(), sides.is_locked()
        a, b, token_a, token_b = astuple(selection)
        if locked and b is None:
            b = partner_head(found, rule, a)
        if locked and token_b is None and token_a is not None:
            token_b = found.keys.partner("A", token_a)
        heads[:] = [a, b or nearest_head(found.b.profile, sides.b.head())]
        tokens[:], former[:] = [token_a, token_b], [found, rule, locked]
        for side, head, token in zip((sides.a, sides.b), heads, tokens, strict=True):
            _set(side.head, head)
            _set(side.token, token)

    return put


def selected(sides: Sides) -> PairSelection:
    """What is selected now."""
    return PairSelection(sides.a.head(), sides.b.head(), sides.a.token(), sides.b.token())


def _token(side: Side, token: int | None) -> int | None:
    return None if token is None or token >= len(side.keys) else token


def _set(value: reactive.Value, new) -> None:
    with reactive.isolate():
        is_other = value() != new
    if is_other:
        value.set(new)
