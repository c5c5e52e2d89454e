"""Run with: pytest tests/language/test_pipeline.py"""

import pytest
import spacy
from spacy.tokens import Doc
from spacy.vocab import Vocab

from sinklens.errors import PipelineMissing
from sinklens.language import pipeline
from sinklens.language.pipeline import EnglishReader, annotation_of
from sinklens.settings import Settings
from tests.language.annotations import prompt_of


@pytest.fixture(autouse=True)
def only_the_bundled_pipeline(monkeypatch):
    monkeypatch.setattr(pipeline, "INSTALLED_NAMES", ("en_core_web_sm",))
    monkeypatch.setattr("spacy.util.is_package", lambda name: False)


def spacy_doc() -> Doc:
    return Doc(
        spacy.blank("en").vocab,
        words=["Ann", "ran", ".", "\n", "Bob", "sat", "."],
        spaces=[True, False, False, False, True, False, False],
        pos=["PROPN", "VERB", "PUNCT", "SPACE", "PROPN", "VERB", "PUNCT"],
        heads=[1, 1, 1, 2, 5, 5, 5],
        deps=["nsubj", "ROOT", "punct", "dep", "nsubj", "ROOT", "punct"],
        ents=["B-PER", "O", "O", "O", "B-PER", "O", "O"],
    )


def test_a_missing_pipeline_is_told_of_with_the_place_where_it_was_expected(tmp_path):
    reader = EnglishReader(Settings(models_dir=tmp_path))
    with pytest.raises(PipelineMissing, match=r"en_core_web_sm .* bundled English pipeline"):
        reader.read(prompt_of(["Alice"]))


def test_spaces_are_no_words_and_heads_count_words():
    words = annotation_of(spacy_doc(), "x").words
    assert [word.text for word in words] == ["Ann", "ran", ".", "Bob", "sat", "."]
    assert [word.head for word in words] == [1, 1, 1, 4, 4, 4]
    assert [word.entity for word in words] == ["PER", "", "", "PER", "", ""]


def test_words_and_sentences_are_placed_in_the_whole_text():
    annotation = annotation_of(spacy_doc(), "x", first_char=100)
    assert (annotation.words[0].start, annotation.words[0].end) == (100, 103)
    assert [word.sentence for word in annotation.words] == [0, 0, 0, 1, 1, 1]
    assert annotation.sentences[1] == (109, 117)


def test_only_the_part_that_was_tokenised_is_read(monkeypatch):
    read = []
    monkeypatch.setattr(pipeline, "load_pipeline", lambda settings: (FakePipeline(read), "x"))
    prompt = prompt_of(["Bob", "'s"])
    annotation = EnglishReader(Settings()).read(prompt)
    assert read == ["Bob's"]
    assert annotation.words[0].start == prompt.tokens[1].start


class FakePipeline:
    """Puts every text into one word, and notes what it was given."""

    max_length = 10

    def __init__(self, read: list[str]) -> None:
        self.read = read

    def __call__(self, text: str) -> Doc:
        self.read.append(text)
        return Doc(Vocab(), words=[text], spaces=[False], pos=["X"], heads=[0], deps=["ROOT"])
