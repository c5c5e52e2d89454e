"""Which tokens of one run stand for the same part of a text as which tokens of another.

An alignment is data: groups of tokens of side A with groups of tokens of side B. Every token of either
side belongs to exactly one group; a group that one side lacks is kept and has no tokens there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sinklens.analysis.text_units import Unit, framed_units, spanned_units
from sinklens.errors import BadSelection
from sinklens.records import Prompt

UNITS = {"pieces": "smallest common pieces", "words": "words"}
SAME_TOKENS = "Both sides read the same tokens, which are compared one by one."
COMMON_TEXT = (
    "Both sides read the same text in other tokens: those that cover the same characters form a group, as "
    "small as both allow. A start token is compared with a start token, an end token with an end token."
)
OTHER_TEXT = (
    "The texts differ: words are paired along their longest common subsequence, and within a pair tokens by "
    "the characters they cover. All other tokens stand alone."
)


@dataclass(frozen=True)
class TokenGroup:
    """One row of an alignment."""

    label: str
    """What a reader sees; "A / B" where a start or end token is written in two ways."""
    a: tuple[int, ...]
    """Positions on side A, in order; empty for a group that A lacks."""
    b: tuple[int, ...]
    is_special: bool

    @property
    def place(self) -> str:
        """ "both", "only A" or "only B"."""
        return "both" if self.a and self.b else "only A" if self.a else "only B"

    def of(self, side: str) -> tuple[int, ...]:
        """The positions on a side."""
        return self.a if side == "A" else self.b


@dataclass(frozen=True)
class TokenAlignment:
    """All groups in reading order, and how they were found."""

    unit: str
    """A key of `UNITS`."""
    method: str
    """How the groups were found, in a sentence."""
    groups: tuple[TokenGroup, ...]

    @cached_property
    def shared(self) -> tuple[int, ...]:
        """Indices of the groups that both sides have."""
        return tuple(i for i, group in enumerate(self.groups) if group.place == "both")

    @property
    def is_identity(self) -> bool:
        """Does every token meet the token of the same position, and no other?"""
        return all(group.a == group.b == (i,) for i, group in enumerate(self.groups))

    @property
    def n_shared_text(self) -> int:
        """Groups that both sides have, start and end tokens left out."""
        return sum(not self.groups[i].is_special for i in self.shared)

    @property
    def labels(self) -> list[str]:
        return [group.label for group in self.groups]

    def count(self, place: str) -> int:
        """Groups of a place: "both", "only A" or "only B"."""
        return sum(group.place == place for group in self.groups)

    def group_at(self, side: str, position: int) -> int:
        """Index of the group that a token belongs to; BadSelection for a token that is not there."""
        if position not in self._index[side]:
            raise BadSelection(f"Side {side} has tokens 0 to {len(self._index[side]) - 1}; got {position}.")
        return self._index[side][position]

    def partner(self, side: str, position: int) -> int | None:
        """First token of the other side in a token's group; None where the other side has none."""
        found = self.groups[self.group_at(side, position)].of("B" if side == "A" else "A")
        return found[0] if found else None

    def swapped(self) -> TokenAlignment:
        """The same with the sides exchanged."""
        return replace(self, groups=tuple(replace(group, a=group.b, b=group.a) for group in self.groups))

    @cached_property
    def _index(self) -> dict[str, dict[int, int]]:
        return {
            side: {position: i for i, group in enumerate(self.groups) for position in group.of(side)}
            for side in ("A", "B")
        }


def align_tokens(a: Prompt, b: Prompt, unit: str = "pieces") -> TokenAlignment:
    """Group the tokens of two prompts.

    Parameters
    ----------
    unit : "pieces" for the smallest groups that both tokenizers have in common, "words" for whole words

    Raises
    ------
    BadSelection
        For another unit.
    """
    if unit not in UNITS:
        raise BadSelection(f"Tokens are grouped into {', '.join(UNITS)}; got '{unit}'.")
    frame_a, frame_b = framed_units(a), framed_units(b)
    groups = [
        *_framed(a, b, frame_a.before, frame_b.before, from_text=True),
        *_text_groups(a, b, unit),
        *_framed(a, b, frame_a.after, frame_b.after, from_text=False),
    ]
    found = TokenAlignment(unit, OTHER_TEXT, tuple(groups))
    if a.ids == b.ids and found.is_identity:
        return replace(found, method=SAME_TOKENS)
    return replace(found, method=COMMON_TEXT) if a.text == b.text else found


def longest_common(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Index pairs of a longest common subsequence, in order.

    Source: Hunt and Szymanski 1977; time grows with the number of equal pairs, not with len(a) len(b).
    """
    places: dict[str, list[int]] = {}
    for j, entry in enumerate(b):
        places.setdefault(entry, []).append(j)
    ends: list[int] = []  # ends[n]: smallest j that ends a common subsequence of n + 1 entries
    links: list[tuple | None] = []
    for i, entry in enumerate(a):
        for j in reversed(places.get(entry, ())):
            n = bisect_left(ends, j)
            link = (i, j, links[n - 1] if n else None)
            if n == len(ends):
                ends.append(j)
                links.append(link)
            else:
                ends[n], links[n] = j, link
    pairs, link = [], links[-1] if links else None
    while link is not None:
        pairs.append(link[:2])
        link = link[2]
    return pairs[::-1]


def _framed(
    a: Prompt, b: Prompt, mine: tuple[int, ...], yours: tuple[int, ...], *, from_text: bool
) -> list[TokenGroup]:
    """Tokens before or after the text, paired outwards from it where both are special or the same entry."""
    n_pairs = min(len(mine), len(yours))
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for k in range(max(len(mine), len(yours))):
        at = -1 - k if from_text else k
        left = (mine[at],) if k < len(mine) else ()
        right = (yours[at],) if k < len(yours) else ()
        if k < n_pairs and not _is_same_role(a, b, left[0], right[0]):
            pairs += [((), right), (left, ())]
        else:
            pairs.append((left, right))
    groups = [_special_group(a, b, left, right) for left, right in pairs]
    return groups[::-1] if from_text else groups


def _is_same_role(a: Prompt, b: Prompt, left: int, right: int) -> bool:
    one, other = a.tokens[left], b.tokens[right]
    return (one.is_special and other.is_special) or one.piece == other.piece


def _special_group(a: Prompt, b: Prompt, left: tuple[int, ...], right: tuple[int, ...]) -> TokenGroup:
    tokens = [*(a.tokens[i] for i in left), *(b.tokens[i] for i in right)]
    label = " / ".join(dict.fromkeys(token.label for token in tokens))
    return TokenGroup(label, left, right, all(token.is_special for token in tokens))


def _text_groups(a: Prompt, b: Prompt, unit: str) -> list[TokenGroup]:
    if a.text == b.text:
        return _merged(spanned_units(a, unit), spanned_units(b, unit), a.text)
    words_a, words_b = spanned_units(a, "words"), spanned_units(b, "words")
    inner_a, inner_b = _inner(a, words_a, unit), _inner(b, words_b, unit)
    pairs = longest_common([word.text for word in words_a], [word.text for word in words_b])
    groups: list[TokenGroup] = []
    i = j = 0
    for i_next, j_next in [*pairs, (len(words_a), len(words_b))]:
        groups += _alone(inner_a[i:i_next], "A") + _alone(inner_b[j:j_next], "B")
        if i_next < len(words_a):
            shift = words_a[i_next].start - words_b[j_next].start
            moved = [replace(one, start=one.start + shift, end=one.end + shift) for one in inner_b[j_next]]
            groups += _merged(inner_a[i_next], moved, a.text)
        i, j = i_next + 1, j_next + 1
    return groups


def _inner(prompt: Prompt, words: Sequence[Unit], unit: str) -> list[list[Unit]]:
    """The units inside each word."""
    if unit == "words":
        return [[word] for word in words]
    pieces = {piece.tokens[-1]: piece for piece in spanned_units(prompt, "pieces")}
    return [[pieces[position] for position in word.tokens if position in pieces] for word in words]


def _alone(words: Sequence[Sequence[Unit]], side: str) -> list[TokenGroup]:
    return [_group(piece.text, pieces=[(side, piece)]) for word in words for piece in word]


def _merged(mine: Sequence[Unit], yours: Sequence[Unit], text: str) -> list[TokenGroup]:
    """Units of both sides that overlap, however far the chain goes, become one group."""
    entries = [("A", unit) for unit in mine] + [("B", unit) for unit in yours]
    entries.sort(key=lambda entry: (entry[1].start, entry[1].end))
    groups: list[list[tuple[str, Unit]]] = []
    end = -1
    for side, unit in entries:
        if groups and unit.start < end:
            groups[-1].append((side, unit))
        else:
            groups.append([(side, unit)])
        end = max(end, unit.end)
    return [_group(_covered(group, text), pieces=group) for group in groups]


def _covered(group: list[tuple[str, Unit]], text: str) -> str:
    if len({unit.text for _, unit in group}) == 1:
        return group[0][1].text
    return text[min(unit.start for _, unit in group) : max(unit.end for _, unit in group)]


def _group(label: str, *, pieces: list[tuple[str, Unit]]) -> TokenGroup:
    a, b = (
        tuple(sorted(position for side, unit in pieces if side == name for position in unit.tokens))
        for name in ("A", "B")
    )
    return TokenGroup(label, a, b, all(unit.is_special for _, unit in pieces))
