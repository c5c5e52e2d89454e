"""Run with: pytest tests/analysis/test_token_alignment.py"""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from modules import examples
from sinklens.analysis.token_alignment import SAME_TOKENS, align_tokens, longest_common
from sinklens.capture.tokenising import TokenPolicy, tokenise
from sinklens.errors import BadSelection
from tests.analysis.profiles import prompt_of


@pytest.fixture(scope="module")
def read():
    tokenizers = {name: AutoTokenizer.from_pretrained(f"models/demo-{name}") for name in ("gpt2", "bert")}

    def prompt(model, text, **policy):
        return tokenise(tokenizers[model], text, TokenPolicy(**policy), n_tokens_max=None, n_chars_max=10**6)

    return prompt


def check(alignment, a, b):
    """Every token of either side is in exactly one group, in order."""
    for side, prompt in (("A", a), ("B", b)):
        positions = [position for group in alignment.groups for position in group.of(side)]
        assert positions == list(range(len(prompt)))


def shown(alignment):
    return [(group.label, group.a, group.b) for group in alignment.groups]


def test_the_same_run_twice_is_aligned_token_by_token(read):
    prompt = read("gpt2", "The old lighthouse stood.")
    alignment = align_tokens(prompt, prompt)
    assert alignment.is_identity
    assert alignment.method == SAME_TOKENS


def test_tokens_that_cover_the_same_characters_form_the_smallest_common_groups(read):
    a, b = read("gpt2", "The old lighthouse stood."), read("bert", "The old lighthouse stood.")
    assert shown(align_tokens(a, b)) == [
        ("<|bos|> / [CLS]", (0,), (0,)),
        ("The", (1,), (1,)),
        ("old", (2,), (2,)),
        ("lighthouse", (3, 4, 5, 6), (3, 4)),
        ("st", (7,), (5,)),
        ("ood", (8,), (6,)),
        (".", (9,), (7,)),
        ("[SEP]", (), (8,)),
    ]
    words = align_tokens(a, b, "words")
    assert ("stood", (7, 8), (5, 6)) in shown(words)


@pytest.mark.parametrize("unit", ["pieces", "words"])
@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: example.id)
def test_no_token_is_lost_in_any_script(read, example, unit):
    a, b = read("gpt2", example.text), read("bert", example.text)
    alignment = align_tokens(a, b, unit)
    check(alignment, a, b)
    assert alignment.n_shared_text > 5


@given(text=st.text(max_size=30).filter(str.strip), other=st.text(max_size=30).filter(str.strip))
def test_no_token_of_two_different_texts_is_lost(read, text, other):
    a, b = read("gpt2", text), read("gpt2", other)
    check(align_tokens(a, b), a, b)


def test_a_swapped_word_stands_alone_on_both_sides_and_the_rest_meets(read):
    a, b = read("gpt2", "the cat said that he was late"), read("bert", "the cat said that she was late")
    alignment = align_tokens(a, b)
    check(alignment, a, b)
    alone = [(group.label, group.place) for group in alignment.groups if group.place != "both"]
    assert alone == [("he", "only A"), ("she", "only B"), ("[SEP]", "only B")]
    assert alignment.count("both") == 7 - 1 + 1  # six words and the start tokens


def test_swapping_the_sides_swaps_the_groups(read):
    a, b = read("gpt2", "One two, three"), read("bert", "One two, four")
    straight, back = align_tokens(a, b), align_tokens(b, a)
    assert {(group.a, group.b) for group in straight.swapped().groups} == {
        (group.a, group.b) for group in back.groups
    }


def test_a_side_without_a_start_token_has_none_in_its_group(read):
    with_start, without = read("gpt2", "Hello there"), read("gpt2", "Hello there", add_bos=False)
    alignment = align_tokens(with_start, without)
    assert alignment.groups[0].place == "only A"
    assert alignment.partner("A", 1) == 0
    assert alignment.partner("A", 0) is None
    assert alignment.group_at("B", 0) == 1


def test_tokens_put_in_front_are_new_and_the_start_token_keeps_its_partner(read):
    plain = read("gpt2", "Hello there")
    moved = tuple(replace(token, index=token.index + 1) for token in plain.tokens)
    prepended = replace(plain, tokens=(plain.tokens[0], *moved))
    alignment = align_tokens(plain, prepended)
    assert [(group.a, group.b) for group in alignment.groups[:3]] == [((), (0,)), ((0,), (1,)), ((1,), (2,))]


def test_without_offsets_only_equal_tokens_meet():
    a, b = prompt_of(["x", "y", "z"]), prompt_of(["x", "w", "z"])
    a, b = (
        replace(prompt, tokens=tuple(replace(token, start=None, end=None) for token in prompt.tokens))
        for prompt in (a, b)
    )
    assert [group.place for group in align_tokens(a, b).groups] == ["both", "only A", "only B", "both"]


def test_texts_without_a_common_word_share_no_text(read):
    alignment = align_tokens(read("gpt2", "alpha beta"), read("gpt2", "gamma delta"))
    assert alignment.n_shared_text == 0
    assert alignment.count("both") == 1  # the start token


def test_an_unknown_unit_and_a_token_that_is_not_there_are_refused(read):
    prompt = read("gpt2", "Hello")
    with pytest.raises(BadSelection, match="pieces, words; got 'letters'"):
        align_tokens(prompt, prompt, "letters")
    with pytest.raises(BadSelection, match="Side A has tokens 0 to"):
        align_tokens(prompt, prompt).group_at("A", 99)


def slow_longest(a, b):
    """Length of the longest common subsequence by trying all, for short lists."""
    for n in range(min(len(a), len(b)), 0, -1):
        tries = {tuple(a[i] for i in chosen) for chosen in combinations(range(len(a)), n)}
        if tries & {tuple(b[i] for i in chosen) for chosen in combinations(range(len(b)), n)}:
            return n
    return 0


@given(a=st.text("abc", max_size=7), b=st.text("abc", max_size=7))
def test_the_common_subsequence_is_one_and_the_longest(a, b):
    pairs = longest_common(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(pairs))
    assert len(pairs) == slow_longest(a, b)


def test_it_finds_at_least_what_difflib_finds():
    a, b = list("abcdefgab"), list("bacxegfb")
    theirs = sum(block.size for block in SequenceMatcher(None, a, b).get_matching_blocks())
    assert len(longest_common(a, b)) >= theirs
