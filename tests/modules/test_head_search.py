"""Run with: pytest tests/modules/test_head_search.py"""

import numpy as np
import pandas as pd

from modules.head_search import Found, choices, head_table, members, name_of
from sinklens.language.alignment import words_of_tokens
from sinklens.language.token_language import TokenLanguage
from tests.language.annotations import annotation, prompt_of

PIECES = ["Ali", "ce", " saw", " Bob's", " cat", "."]
TABLE = pd.DataFrame(
    {"layer": [3, 0], "head": [1, 2], "share": [0.4, 0.1], "floor": [0.05, 0.05], "n_rows": [7, 7]}
)


def tagged() -> TokenLanguage:
    prompt = prompt_of(PIECES)
    return TokenLanguage(prompt, annotation(), words_of_tokens(prompt, annotation()), "Tags by hand.")


def untagged() -> TokenLanguage:
    return TokenLanguage(prompt_of(PIECES), None, None, "No tags.")


def test_groups_are_offered_with_their_size_and_then_every_token():
    offered = choices(tagged())
    assert offered["Groups"]["any token"] == "any token (7)"
    assert offered["Groups"]["entity"] == "entity (3)"
    assert offered["Parts of speech"]["noun"] == "noun (1)"
    assert offered["Single tokens"]["3"] == "3 ·  saw"


def test_without_tags_there_are_groups_by_form_alone():
    offered = choices(untagged())
    assert offered["Parts of speech"] == {}
    assert {"any token", "first token", "punctuation", "special"} <= set(offered["Groups"])


def test_a_choice_marks_its_tokens():
    assert np.flatnonzero(members(tagged(), "proper noun")).tolist() == [1, 2, 4]
    assert np.flatnonzero(members(tagged(), "5")).tolist() == [5]


def test_a_choice_of_another_text_marks_nothing():
    assert members(tagged(), "90") is None
    assert members(untagged(), "noun") is None


def test_a_sentence_names_the_first_head_and_what_was_asked():
    sentence = Found(name_of(tagged(), "5"), name_of(tagged(), "noun"), TABLE).sentence()
    assert sentence == (
        "Head 3.1 looks from “ cat” at noun most: 40\xa0% of the attention, spread evenly 5.0\xa0% "
        "(7 tokens count)."
    )


def test_every_head_of_the_table_has_a_button_that_shows_it():
    html = str(head_table(TABLE, "search-pick"))
    assert "[3, 1]" in html
    assert 'aria-label="Show head 3.1"' in html
