"""
Examples as rows of token ids with what every label should say about every piece.

The seven labels are those of GUS-Net. All pieces of a word have the word's labels: B where a run of
marked words begins, I where it goes on. A label whose category is not known for a text is masked, and
O wherever one of the three is not known and no other is marked.
"""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from models.recipes.bias.examples import Example
from sinklens.bias_records import GUS_LABELS
from sinklens.language.word_spans import word_spans

PREFIXES = {"stereotype": "STEREO", "generalisation": "GEN", "unfair": "UNFAIR"}
NO_WORD = -1


@dataclass(frozen=True, eq=False)
class Row:
    """A text, or a window of one, as the tagger reads it; special tokens are at both ends."""

    ids: np.ndarray
    """(T,) int64"""
    words: np.ndarray
    """(T,) int: word of the text, NO_WORD for special tokens and punctuation."""
    targets: np.ndarray
    """(T, 7) float32, 0 or 1"""
    known: np.ndarray
    """(T, 7) float32, 1 where the target is known"""
    example: int


def word_targets(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """Return (W, 7) targets and (7,) which labels are known at all for a text."""
    n_words = len(word_spans(example.text))
    targets, known = np.zeros((n_words, 7), np.float32), np.zeros(7, np.float32)
    for category in example.marks:
        b, i = (GUS_LABELS.index(f"{side}-{PREFIXES[category]}") for side in "BI")
        marks = np.array(example.word_marks(category), bool)
        begins = marks & ~np.concatenate([[False], marks[:-1]])
        targets[:, b], targets[:, i] = begins, marks & ~begins
        known[[b, i]] = 1
    targets[:, 0] = ~targets[:, 1:].any(axis=1)
    known[0] = known[1:].all()
    return targets, known


def rows_of(tokenizer: PreTrainedTokenizerFast, example: Example, index: int, n_tokens_max: int) -> list[Row]:
    """Return the rows of one example: one, or windows of a long text side by side."""
    encoded = tokenizer(example.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    targets, known = word_targets(example)
    words = np.full(len(example.text) + 1, NO_WORD)
    for number, (start, end) in enumerate(word_spans(example.text)):
        words[start:end] = number
    of_pieces = np.array([words[start] if end > start else NO_WORD for start, end in offsets], int)
    room, rows = n_tokens_max - 2, []
    for start in range(0, len(ids), room):
        here = slice(start, start + room)
        rows.append(framed(tokenizer, ids[here], of_pieces[here], targets, known, index))
    return rows


def framed(tokenizer, ids, words, targets, known, index: int) -> Row:
    """Return a row with special tokens around; they and punctuation are to have the label O."""
    words = np.array([NO_WORD, *words, NO_WORD])
    outside = np.array([[1, 0, 0, 0, 0, 0, 0]], np.float32)
    return Row(
        ids=np.array([tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]),
        words=words,
        targets=np.concatenate([targets, outside])[words],
        known=np.broadcast_to(known, (len(words), 7)) * (words != NO_WORD)[:, None],
        example=index,
    )
