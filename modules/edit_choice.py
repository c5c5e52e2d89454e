"""The edits that the Intervene page offers, in plain words, and from a choice to an intervention."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.errors import BadIntervention
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    Intervention,
    MaskKeys,
    MoveAttention,
    OffByOneSoftmax,
    ScaleColumns,
    SetDimensions,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)

TOKENS = {
    "sinks": "the sinks found in each text",
    "first": "the first tokens",
    "listed": "chosen positions",
    "detrimental": "what SinkFix calls detrimental",
}
HEADS = {"above": "heads that rest on the sink", "chosen": "the head in view", "listed": "chosen heads"}
SCOPES = {"all": "all layers and heads", "layers": "some layers", "head": "the head in view"}
NEEDED = {
    ("tokens", "first"): ("n_first",),
    ("tokens", "listed"): ("listed",),
    ("heads", "above"): ("epsilon",),
    ("heads", "listed"): ("pairs",),
    ("scope", "layers"): ("layers",),
}
"""Inputs that only one choice of a part needs."""
ACT_BETA = 0.4
"""Yu et al. 2024."""


@dataclass(frozen=True)
class EditKind:
    """One entry of the list of edits."""

    key: str
    group: str
    name: str
    sentence: str
    parts: tuple[str, ...] = ()
    """The groups of inputs that it needs."""


KINDS = {
    kind.key: kind
    for kind in (
        EditKind(
            "mask", "Attention to tokens", "Mask tokens",
            "Nobody may look at them: their scores become minus infinity before the softmax, so that the "
            "other tokens share the row.",
            ("tokens", "scope"),
        ),
        EditKind(
            "act", "Attention to tokens", "Scale attention (ACT)",
            "The weights on them are multiplied by β, and what is released is spread over the other tokens "
            "of the row in proportion to their weights (Yu et al. 2024). β = 1 changes nothing.",
            ("tokens", "factor", "scope"),
        ),
        EditKind(
            "sinkfix", "Attention to tokens", "SinkFix redistribution",
            "Their weights become zero and every row is stretched to its former sum, exactly as SinkFix "
            "computes it; here the model goes on with the new weights, which SinkFix never does. A row that "
            "has no other weight becomes all zero.",
            ("tokens", "scope"),
        ),
        EditKind(
            "values", "Attention to tokens", "Zero their values, keep the weights",
            "The weights stay as they are, but these tokens have nothing to say: their value vectors become "
            "zero.",
            ("tokens", "scope"),
        ),
        EditKind(
            "drop", "Heads", "Drop heads",
            "The heads write nothing: their output before the output projection becomes zero. The control "
            "drops as many random heads of the same layers.",
            ("heads",),
        ),
        EditKind(
            "move", "Heads", "Move a head's attention to the sink",
            "All attention of the heads goes to the first of the tokens, as in a dormant head (Guo et al. "
            "2024). Queries that cannot see it keep their rows.",
            ("heads", "tokens"),
        ),
        EditKind(
            "dims_zero", "Hidden states", "Zero the massive dimensions",
            "The massive dimensions of these tokens are set to zero right after the block in which they "
            "first appear (Sun et al. 2024).",
            ("tokens",),
        ),
        EditKind(
            "dims_mean", "Hidden states", "Set the massive dimensions to their mean",
            "The same dimensions are set to the mean that they have in the other texts: if nothing changes, "
            "they are constants (Sun et al. 2024).",
            ("tokens",),
        ),
        EditKind(
            "remove", "Tokens and positions", "Remove the first tokens",
            "The text begins later. Compared are the tokens that both texts have.",
            ("n_tokens",),
        ),
        EditKind(
            "replace", "Tokens and positions", "Replace the first token",
            "Another token stands first; the rest of the text stays.",
            ("word",),
        ),
        EditKind(
            "prepend", "Tokens and positions", "Put start tokens in front",
            "One or more start tokens stand before the text.",
            ("n_tokens", "word"),
        ),
        EditKind(
            "swap", "Tokens and positions", "Swap the first position",
            "Token 0 and another token exchange their learned position vectors; the tokens stay in order.",
            ("second",),
        ),
        EditKind(
            "query_bias", "Softmax and queries", "Zero the query bias",
            "The bias is taken out of the queries: in GPT-2 it points at the sink's key (Ran-Milo et al. "
            "2026).",
            ("scope",),
        ),
        EditKind(
            "off_by_one", "Softmax and queries", "Off-by-one softmax",
            "exp(x) / (1 + Σ exp(x)): one more key of score 0 and value zero, so that a head can rest "
            "without a token (Miller 2023).",
            ("scope",),
        ),
        EditKind(
            "temperature", "Softmax and queries", "Temperature",
            "Scores are divided by it before the softmax: below 1 sharpens, above 1 flattens.",
            ("temperature", "scope"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class EditWish:
    """What the inputs of the card say; equal wishes are equal trials."""

    kind: str = "mask"
    tokens: str = "sinks"
    n_first: int = 1
    listed: tuple[int, ...] = (0,)
    factor: float = ACT_BETA
    heads: str = "above"
    epsilon: float = 0.3
    pairs: tuple[tuple[int, int], ...] = ()
    """Heads that are listed."""
    scope: str = "all"
    layers: tuple[int, int] = (0, 0)
    """First and last layer of the scope "layers"."""
    head: tuple[int, int] = (0, 0)
    """The head in view."""
    n_tokens: int = 1
    word: str = ""
    second: int = 1
    temperature: float = 2.0
    stream: str = "self"
    with_controls: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        return KINDS[self.kind].parts

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs that say it: those of its parts, and those that a part's choice needs."""
        needed = [name for part in self.parts for name in NEEDED.get((part, getattr(self, part)), ())]
        return (*self.parts, *needed)


@dataclass(frozen=True)
class Target:
    """What a wish comes to in one text."""

    tokens: tuple[int, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    word_id: int | None = None
    layer: int = 0
    dimensions: tuple[int, ...] = ()
    values: tuple[float, ...] | None = None


def menu() -> dict[str, dict[str, str]]:
    """The edits as choices of a select input: {group: {key: name}}."""
    groups: dict[str, dict[str, str]] = {}
    for kind in KINDS.values():
        groups.setdefault(kind.group, {})[kind.key] = kind.name
    return groups


def intervention(wish: EditWish, target: Target) -> Intervention:
    """The edit of one text."""
    where = _scope(wish)
    stream = {"stream": wish.stream}
    return {
        "mask": lambda: MaskKeys(keys=target.tokens, **where),
        "act": lambda: ScaleColumns(keys=target.tokens, factor=wish.factor, **where),
        "sinkfix": lambda: ScaleColumns(keys=target.tokens, factor=0.0, **where),
        "values": lambda: ZeroValues(keys=target.tokens, **where),
        "drop": lambda: DropHeads(pairs=target.pairs, **stream),
        "move": lambda: MoveAttention(pairs=target.pairs, to_key=target.tokens[0], **stream),
        "dims_zero": lambda: _dimensions(wish, target),
        "dims_mean": lambda: _dimensions(wish, target),
        "remove": lambda: ChangeTokens(n_removed=wish.n_tokens, **stream),
        "replace": lambda: ChangeTokens(replace_first_by=target.word_id, **stream),
        "prepend": lambda: ChangeTokens(prepend=(target.word_id,) * wish.n_tokens, **stream),
        "swap": lambda: SwapPositions(second=wish.second, **stream),
        "query_bias": lambda: ZeroQueryBias(**where),
        "off_by_one": lambda: OffByOneSoftmax(**where),
        "temperature": lambda: Temperature(temperature=wish.temperature, **where),
    }[wish.kind]()


def numbers_in(text: str, noun: str) -> tuple[int, ...]:
    """ "0, 3 4" as (0, 3, 4); BadIntervention for anything that is no position."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise BadIntervention(
            f"Type {noun} as whole numbers with commas between, such as 0, 3; got '{text}'."
        )
    return tuple(dict.fromkeys(map(int, parts)))


def pairs_in(text: str) -> tuple[tuple[int, int], ...]:
    """ "2.1, 3.0" as ((2, 1), (3, 0)); BadIntervention for anything else."""
    parts = [part.split(".") for part in text.replace(",", " ").split()]
    if not parts or not all(len(part) == 2 and all(n.isdecimal() for n in part) for part in parts):
        raise BadIntervention(
            f"Type heads as layer.head with commas between, such as 2.1, 3.0; got '{text}'."
        )
    return tuple(dict.fromkeys((int(layer), int(head)) for layer, head in parts))


def _scope(wish: EditWish) -> dict:
    if wish.scope == "layers":
        first, last = sorted(wish.layers)
        return {"stream": wish.stream, "layers": tuple(range(first, last + 1))}
    if wish.scope == "head":
        return {"stream": wish.stream, "pairs": (wish.head,)}
    return {"stream": wish.stream}


def _dimensions(wish: EditWish, target: Target) -> SetDimensions:
    return SetDimensions(
        layer=target.layer,
        tokens=target.tokens,
        dimensions=target.dimensions,
        values=target.values,
        stream=wish.stream,
    )
