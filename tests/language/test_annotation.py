"""Run with: pytest tests/language/test_annotation.py"""

from dataclasses import replace

from sinklens.language.annotation import Annotation, TaggedWord
from tests.language.annotations import annotation


def annotated(text: str, stops: set[str]) -> Annotation:
    words = [TaggedWord(word, 0, 1, "NOUN", "NN", 0, "dep", "", 0, word in stops) for word in text.split()]
    return Annotation(tuple(words), ((0, len(text)),), "a pipeline")


def test_a_short_text_is_taken_for_english():
    assert annotation().seems_english


def test_a_text_without_common_words_is_said_not_to_look_english():
    german = annotated("der Hund schläft heute unter dem Tisch im Garten", {"in"})
    assert not german.seems_english
    assert "does not look English" in german.note()


def test_one_common_word_repeated_is_not_enough():
    assert not annotated("die Welt die Zeit die Stadt die Tat", {"die"}).seems_english


def test_a_text_with_common_words_is_english():
    text = annotated("the cat sat on the mat and looked at me", {"the", "on", "and", "at", "me"})
    assert text.note() == "Tags by a pipeline."


def test_punctuation_does_not_count_as_words():
    words = tuple(replace(word, tag="PUNCT") for word in annotated("a b c d e f g", set()).words)
    assert Annotation(words, (), "x").seems_english
