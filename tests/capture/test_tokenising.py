"""python -m pytest tests/capture/test_tokenising.py"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from sinklens.capture.labels import label_of, piece_bytes
from sinklens.capture.tokenising import TokenPolicy, adds_bos, tokenise
from sinklens.errors import BadSelection, BadText, EmptyText, TextTooLong
from tests.capture.tiny_models import tiny_tokenizer

GPT2_TOKENIZER = Path(__file__).parents[3] / "shared" / "data" / "tokenizers" / "gpt2"
BERT_TOKENIZER = Path(__file__).parents[3] / "shared" / "data" / "tokenizers" / "bert-base-uncased"


def _tokens(text="w1 w2 w3", tokenizer=None, n_max=None, **policy):
    return tokenise(tokenizer or tiny_tokenizer(), text, TokenPolicy(**policy), n_tokens_max=n_max)


def test_the_tokenizers_own_frame_is_the_default():
    assert _tokens().labels == ["<bos>", "w1", "w2", "w3", "<eos>"]
    assert _tokens().bos_added


@pytest.mark.parametrize(
    ("policy", "labels"),
    [
        ({"add_bos": False}, ["w1", "w2", "w3", "<eos>"]),
        ({"special_tokens": False}, ["<bos>", "w1", "w2", "w3"]),
        ({"add_bos": False, "special_tokens": False}, ["w1", "w2", "w3"]),
        ({"add_bos": True}, ["<bos>", "w1", "w2", "w3", "<eos>"]),
    ],
)
def test_bos_and_other_special_tokens_are_switched_apart(policy, labels):
    assert _tokens(**policy).labels == labels


def test_a_tokenizer_without_bos_by_default_gets_one_on_request():
    tokenizer = tiny_tokenizer(adds_bos=False)
    assert not adds_bos(tokenizer)
    assert _tokens(tokenizer=tokenizer).labels == ["w1", "w2", "w3"]
    assert _tokens(tokenizer=tokenizer, add_bos=True).labels[0] == "<bos>"


def test_a_tokenizer_without_special_tokens_works_and_says_so_when_a_bos_is_wanted():
    tokenizer = tiny_tokenizer(has_special=False)
    assert _tokens(tokenizer=tokenizer).labels == ["w1", "w2", "w3"]
    with pytest.raises(BadSelection, match="no beginning-of-sequence token"):
        _tokens(tokenizer=tokenizer, add_bos=True)


@pytest.mark.parametrize("text", ["", "   ", "\n\t "])
def test_empty_text_is_refused_with_a_sentence(text):
    with pytest.raises(EmptyText, match="at least one word"):
        _tokens(text)


def test_half_of_a_utf16_pair_is_named_with_its_place():
    with pytest.raises(BadText, match=r"half of a UTF-16 pair \(U\+D83D\) at character 3"):
        _tokens("w1 \ud83d w2")


def test_a_single_token_is_enough():
    assert len(_tokens("w1", add_bos=False, special_tokens=False)) == 1


def test_offsets_point_into_the_text():
    prompt = _tokens("w1  w22 w3")
    inside = [token for token in prompt.tokens if token.start is not None]
    assert [prompt.text[token.start : token.end] for token in inside] == ["w1", "w22", "w3"]


def test_a_long_text_is_never_cut_silently():
    text = " ".join(["w1"] * 20)
    with pytest.raises(TextTooLong, match="22 tokens; this model takes 10") as error:
        _tokens(text, n_max=10)
    assert (error.value.n_tokens, error.value.n_tokens_max) == (22, 10)


def test_the_first_part_says_what_it_leaves_out():
    prompt = _tokens(" ".join(["w1"] * 20), n_max=10, long_text="first")
    assert len(prompt) == 10
    assert prompt.n_tokens_total == 22
    assert "first 8 of 20 tokens" in prompt.warnings[0]


@settings(deadline=None, max_examples=30)
@given(n_words=st.integers(1, 90), n_max=st.integers(4, 30))
def test_windows_together_read_every_token_once(n_words, n_max):
    words = [f"w{i % 59}" for i in range(n_words)]
    first = _tokens(" ".join(words), n_max=n_max, long_text="windows")
    read = []
    for window in range(first.window[1]):
        part = _tokens(" ".join(words), n_max=n_max, long_text="windows", window=window)
        assert len(part) <= n_max
        read += [token.label for token in part.tokens if not token.is_special]
    assert read == words


def test_a_window_says_which_tokens_of_the_text_are_read():
    words = " ".join(["w1"] * 20)
    room = len(_tokens(words, n_max=10, long_text="windows")) - 2
    last = _tokens(words, n_max=10, long_text="windows", window=2)
    assert last.warnings == (f"Window 3 of 3: tokens {2 * room + 1} to 20 of the text's 20 are read.",)


def test_a_window_that_does_not_exist_is_named():
    with pytest.raises(BadSelection, match="windows 0 to 2; got 3"):
        _tokens(" ".join(["w1"] * 20), n_max=10, long_text="windows", window=3)


@pytest.mark.parametrize(
    ("piece", "label"),
    [
        ("Ġthe", "·the"),
        ("Ċ", "↵"),
        ("â", "\\xE2"),
        ("âĢĭ", "<U+200B>"),
        ("Ã©", "é"),
    ],
)
def test_byte_level_pieces_read_as_text_or_bytes(piece, label):
    assert label_of(piece, is_byte_level=True) == label


@pytest.mark.parametrize(("piece", "label"), [("▁the", "·the"), ("<0xE2>", "\\xE2"), ("##ing", "##ing")])
def test_sentencepiece_and_wordpiece_labels(piece, label):
    assert label_of(piece, is_byte_level=False) == label


@given(st.text(max_size=8))
def test_labels_never_hold_a_character_without_a_shape(piece):
    label = label_of(piece, is_byte_level=False)
    assert not any(ord(char) < 32 or char in "\u200b\u202e\u2066" for char in label)


@given(st.binary(max_size=6))
def test_every_byte_string_has_a_byte_level_label(raw):
    alphabet = {value: key for key, value in _alphabet().items()}
    assert piece_bytes("".join(alphabet[byte] for byte in raw)) == raw


def _alphabet():
    return {char: piece_bytes(char)[0] for char in map(chr, range(0x21, 0x144)) if piece_bytes(char)}


@pytest.mark.skipif(not GPT2_TOKENIZER.is_dir(), reason="the genuine GPT-2 vocabulary is not here")
def test_gpt2_takes_a_bos_only_on_request():
    tokenizer = AutoTokenizer.from_pretrained(GPT2_TOKENIZER)
    plain = _tokens("Hello 🙂 world", tokenizer=tokenizer)
    assert plain.labels[0] == "Hello"
    assert any(label.startswith("·") for label in plain.labels)
    assert _tokens("Hello", tokenizer=tokenizer, add_bos=True).labels == ["<|endoftext|>", "Hello"]


@pytest.mark.skipif(not BERT_TOKENIZER.is_dir(), reason="the genuine BERT vocabulary is not here")
def test_bert_is_framed_by_cls_and_sep():
    tokenizer = AutoTokenizer.from_pretrained(BERT_TOKENIZER)
    assert _tokens("unbelievable!", tokenizer=tokenizer).labels[0] == "[CLS]"
    assert _tokens("hello", tokenizer=tokenizer, special_tokens=False).labels == ["[CLS]", "hello"]


@pytest.mark.parametrize(
    "text",
    ["🙂👩‍👩‍👧", "שלום עולם", "\u200b\u200d", "a\x00b\x07", "<script>alert(1)</script>", "\u202eevil"],
)
def test_odd_characters_pass_through_whole(text):
    prompt = _tokens(text)
    assert prompt.text == text
    assert all("\u202e" not in label and "\x00" not in label for label in prompt.labels)
