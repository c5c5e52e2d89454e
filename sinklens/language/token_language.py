"""What a language pipeline says about the tokens of a text, or why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sinklens.analysis.key_sets import key_sets
from sinklens.analysis.relations import WordTree
from sinklens.errors import NoOffsets, PipelineMissing
from sinklens.language.alignment import language_sets, tags_of_tokens, word_tree, words_of_tokens
from sinklens.language.annotation import TAG_NAMES, Annotation
from sinklens.language.pipeline import EnglishReader
from sinklens.records import Prompt


@dataclass(frozen=True, eq=False)
class TokenLanguage:
    """Words, syntax and tags of the tokens of one text; the note alone where there are none."""

    prompt: Prompt
    annotation: Annotation | None
    words: np.ndarray | None
    """int64 (T,): word of every token, -1 without one."""
    note: str
    """Where the tags come from, or why there are none."""

    @cached_property
    def tree(self) -> WordTree | None:
        """Words and what governs them."""
        return None if self.words is None else word_tree(self.words, self.annotation)

    @cached_property
    def sets(self) -> dict[str, np.ndarray]:
        """Name -> bool (T,): sets of tokens that a head may prefer."""
        by_form = key_sets(self.prompt)
        return by_form if self.words is None else {**by_form, **language_sets(self.words, self.annotation)}

    @cached_property
    def tag_sets(self) -> dict[str, np.ndarray]:
        """What a part of speech is called -> bool (T,): its tokens; only those that occur."""
        if self.words is None:
            return {}
        tags = np.array(tags_of_tokens(self.words, self.annotation))
        return {name: tags == tag for tag, name in TAG_NAMES.items() if tag in set(tags) - {"PUNCT"}}

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Name -> bool (T,): every group of tokens that one can ask about, none of them empty."""
        first = np.arange(len(self.prompt)) == 0
        named = {"any token": np.ones(len(first), bool), "first token": first, **self.sets, **self.tag_sets}
        return {name: members for name, members in named.items() if members.any()}


def read_tokens(prompt: Prompt, reader: EnglishReader) -> TokenLanguage:
    """Read the text of a prompt and give what is found to its tokens."""
    try:
        annotation = reader.read(prompt)
        words = words_of_tokens(prompt, annotation)
    except (PipelineMissing, NoOffsets) as error:
        return TokenLanguage(prompt, None, None, str(error))
    return TokenLanguage(prompt, annotation, words, annotation.note())
