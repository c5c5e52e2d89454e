"""From words to a model's tokens: by the characters that they share, never by guessing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sinklens.analysis.relations import NO_WORD, WordTree
from sinklens.errors import NoOffsets
from sinklens.language.annotation import CONTENT_TAGS, FUNCTION_TAGS, Annotation
from sinklens.records import Prompt


def words_of_tokens(prompt: Prompt, annotation: Annotation) -> np.ndarray:
    """int64 (T,): for every token the word with which it shares the most characters, the first of equals.

    -1 for special tokens and for tokens of spaces alone.

    Raises
    ------
    NoOffsets
        The tokenizer does not say which characters a token stands for.
    """
    return spans_of_tokens(prompt, [(word.start, word.end) for word in annotation.words])


def spans_of_tokens(prompt: Prompt, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """int64 (T,): the same for any spans of characters that do not overlap; errors as above."""
    if all(token.start is None for token in prompt.tokens):
        raise NoOffsets(
            "The tokenizer of this model does not say which characters a token stands for, so tags cannot "
            "be given to its tokens."
        )
    owner = np.full(len(prompt.text) + 1, NO_WORD)
    for index, (start, end) in enumerate(spans):
        owner[start:end] = index
    return np.array([_commonest(owner, token) for token in prompt.tokens], np.int64)


def word_tree(words: np.ndarray, annotation: Annotation) -> WordTree:
    """The words of tokens with the word on which each depends."""
    heads = [NO_WORD if word.head == index else word.head for index, word in enumerate(annotation.words)]
    return WordTree(words, np.array(heads, np.int64))


def sentences_of_tokens(words: np.ndarray, annotation: Annotation) -> np.ndarray:
    """int64 (T,): the sentence of every token, -1 for tokens without a word."""
    return np.array([word.sentence for word in annotation.words] + [NO_WORD], np.int64)[words]


def tags_of_tokens(words: np.ndarray, annotation: Annotation) -> list[str]:
    """The part-of-speech tag of every token's word, "" without one."""
    return [annotation.words[word].tag if word != NO_WORD else "" for word in words]


def language_sets(words: np.ndarray, annotation: Annotation) -> dict[str, np.ndarray]:
    """Name -> bool (T,): tokens of entities, of content words and of function words."""
    entity = np.array([bool(word.entity) for word in annotation.words] + [False])
    content = np.array([word.tag in CONTENT_TAGS for word in annotation.words] + [False])
    function = np.array([word.tag in FUNCTION_TAGS for word in annotation.words] + [False])
    return {"entity": entity[words], "content word": content[words], "function word": function[words]}


def _commonest(owner: np.ndarray, token) -> int:
    """The word that owns most characters of a token."""
    if token.is_special or token.start is None or token.end <= token.start:
        return NO_WORD
    owners = owner[token.start : token.end]
    owners = owners[owners != NO_WORD]
    if not len(owners):
        return NO_WORD
    values, counts = np.unique(owners, return_counts=True)
    return int(values[counts.argmax()])
