"""The only way from a text to tokens."""

from __future__ import annotations

from dataclasses import dataclass

from sinklens.capture.labels import label_of
from sinklens.errors import BadSelection, BadText, EmptyText, TextTooLong
from sinklens.records import Prompt, Token

LONG_TEXT_CHOICES = ("refuse", "first", "windows")


@dataclass(frozen=True)
class TokenPolicy:
    """What the user chose about special tokens and long texts."""

    add_bos: bool | None = None
    """None: as the tokenizer does by default."""
    special_tokens: bool = True
    long_text: str = "refuse"
    window: int = 0


def default_bos_id(tokenizer) -> int | None:
    """The token that opens a sequence: BOS, or [CLS] where there is no BOS."""
    return tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.cls_token_id


def adds_bos(tokenizer) -> bool:
    """Does the tokenizer put its opening token in front by itself?"""
    opening = default_bos_id(tokenizer)
    return opening is not None and tokenizer("a")["input_ids"][:1] == [opening]


def tokenise(
    tokenizer, text: str, policy: TokenPolicy, *, n_tokens_max: int | None, n_chars_max: int = 2_000_000
) -> Prompt:
    """Tokens of a text under a policy; nothing is cut unless the policy says so.

    Raises
    ------
    EmptyText
        The text has nothing but spaces, or the tokenizer finds no token in it.
    TextTooLong
        More tokens than the model takes, and the policy is "refuse".
    BadText
        Half of a UTF-16 pair stands in the text.
    BadSelection
        An unknown policy, a window that does not exist, or a BOS that the tokenizer does not have.
    """
    if policy.long_text not in LONG_TEXT_CHOICES:
        raise BadSelection(f"long_text is one of {', '.join(LONG_TEXT_CHOICES)}; got '{policy.long_text}'.")
    if not text.strip():
        raise EmptyText("Type at least one word: the text is empty or has only spaces.")
    _refuse_lone_surrogates(text)
    if len(text) > n_chars_max:
        raise TextTooLong(
            f"The text has {len(text):,} characters; at most {n_chars_max:,} are read.",
            n_tokens=len(text),
            n_tokens_max=n_chars_max,
        )
    body, spans = _encode(tokenizer, text)
    if not body:
        raise EmptyText("The tokenizer finds no token in this text (it may hold only invisible characters).")
    head, tail = _frame(tokenizer, policy)
    part, window = _part(len(body), len(head) + len(tail), policy, n_tokens_max)
    return _prompt(tokenizer, text, head, body[part], spans[part], tail, window, part.start, len(body))


def _refuse_lone_surrogates(text: str) -> None:
    """Python's strings can hold halves of UTF-16 pairs, which are no characters: no tokenizer takes them."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadText(
            f"The text has half of a UTF-16 pair (U+{ord(text[error.start]):04X}) at character "
            f"{error.start:,}, which is no character; expected Unicode text."
        ) from error


def _encode(tokenizer, text: str) -> tuple[list[int], list[tuple[int, int] | None]]:
    with_offsets = bool(tokenizer.is_fast)
    # verbose=False: the length warning would name a limit that is checked here, with a choice.
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=with_offsets, verbose=False)
    ids = list(encoded["input_ids"])
    return ids, list(encoded["offset_mapping"]) if with_offsets else [None] * len(ids)


def _frame(tokenizer, policy: TokenPolicy) -> tuple[list[int], list[int]]:
    """Special tokens before and after the text."""
    opening = default_bos_id(tokenizer)
    framed = tokenizer("a", add_special_tokens=True)["input_ids"]
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    at = next((i for i in range(len(framed)) if framed[i : i + len(bare)] == bare), 0)
    head, tail = list(framed[:at]), list(framed[at + len(bare) :])
    by_default = bool(head) and head[0] == opening
    if policy.add_bos and opening is None:
        raise BadSelection("This tokenizer has no beginning-of-sequence token; run without BOS.")
    wanted = by_default if policy.add_bos is None else policy.add_bos
    others = head[1:] if by_default else head
    if not policy.special_tokens:
        others, tail = [], []
    return ([opening] if wanted else []) + others, tail


def _part(
    n_body: int, n_frame: int, policy: TokenPolicy, n_tokens_max: int | None
) -> tuple[slice, tuple[int, int]]:
    """The piece of the text that is read, and (index, count) of its window."""
    if n_tokens_max is None or n_body + n_frame <= n_tokens_max:
        return slice(0, n_body), (0, 1)
    room = n_tokens_max - n_frame
    if policy.long_text == "refuse":
        raise TextTooLong(
            f"The text has {n_body + n_frame:,} tokens; this model takes {n_tokens_max:,}. "
            f"Choose to read the first {room:,}, or to go through it in windows.",
            n_tokens=n_body + n_frame,
            n_tokens_max=n_tokens_max,
        )
    if policy.long_text == "first":
        return slice(0, room), (0, 1)
    n_windows = -(-n_body // room)
    if not 0 <= policy.window < n_windows:
        raise BadSelection(f"This text has windows 0 to {n_windows - 1}; got {policy.window}.")
    return slice(policy.window * room, min((policy.window + 1) * room, n_body)), (policy.window, n_windows)


def _prompt(tokenizer, text, head, body, spans, tail, window, n_before: int, n_total: int) -> Prompt:
    ids = [*head, *body, *tail]
    offsets = [None] * len(head) + spans + [None] * len(tail)
    n_frame = len(head) + len(tail)
    return Prompt(
        text=text,
        tokens=token_records(tokenizer, ids, offsets),
        bos_added=bool(head) and head[0] == default_bos_id(tokenizer),
        n_tokens_total=n_total + n_frame,
        window=window,
        warnings=_warnings(len(body), n_before, n_total, window),
    )


def token_records(tokenizer, ids: list[int], offsets: list[tuple[int, int] | None]) -> tuple[Token, ...]:
    """Tokens with their labels, for ids and the characters they stand for (None: for none)."""
    pieces = tokenizer.convert_ids_to_tokens(ids)
    byte_level = is_byte_level(tokenizer)
    special = set(tokenizer.all_special_ids)
    return tuple(
        Token(
            index=i,
            id=ids[i],
            piece=pieces[i],
            label=label_of(pieces[i], is_byte_level=byte_level and ids[i] not in special),
            start=None if offsets[i] is None else int(offsets[i][0]),
            end=None if offsets[i] is None else int(offsets[i][1]),
            is_special=ids[i] in special,
        )
        for i in range(len(ids))
    )


def _warnings(n_body: int, n_before: int, n_total: int, window: tuple[int, int]) -> tuple[str, ...]:
    if n_body == n_total:
        return ()
    if window[1] > 1:
        return (
            f"Window {window[0] + 1} of {window[1]}: tokens {n_before + 1:,} to {n_before + n_body:,} "
            f"of the text's {n_total:,} are read.",
        )
    return (f"The first {n_body:,} of {n_total:,} tokens are read; the rest is left out as you chose.",)


def is_byte_level(tokenizer) -> bool:
    """Does the vocabulary spell bytes with GPT-2's alphabet?"""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return "ByteLevel" in str(backend.decoder)
    return hasattr(tokenizer, "byte_decoder")
