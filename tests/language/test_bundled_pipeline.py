"""The pipeline that lies in models/language. Run with: pytest tests/language/test_bundled_pipeline.py"""

import json

import pytest

from models.recipes.english.card import MAX_BYTES, pipeline_card
from sinklens.language import pipeline
from sinklens.language.pipeline import BUNDLED_FOLDER, EnglishReader
from sinklens.records import Prompt, Token
from sinklens.settings import Settings

FOLDER = Settings().models_dir / BUNDLED_FOLDER
TEXT = "Mary moved from London to Paris in 1998. She liked the old house near the river."


@pytest.fixture(scope="module")
def annotation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "INSTALLED_NAMES", ())
        token = Token(0, 0, TEXT, TEXT, 0, len(TEXT), False)
        return EnglishReader(Settings()).read(Prompt(TEXT, (token,), False, 1))


def test_everyday_words_get_their_tags(annotation):
    tags = {word.text: word.tag for word in annotation.words}
    assert tags["London"] == "PROPN"
    assert tags["moved"] == "VERB"
    assert tags["house"] == "NOUN"
    assert tags["old"] == "ADJ"
    assert tags["the"] == "DET"
    assert tags["."] == "PUNCT"


def test_places_are_entities_and_houses_are_not(annotation):
    entities = {word.text: word.entity for word in annotation.words}
    assert entities["London"] == entities["Paris"] == "LOC"
    assert entities["house"] == ""


def test_two_sentences_are_two(annotation):
    assert len(annotation.sentences) == 2
    assert annotation.words[-1].sentence == 1


def test_an_adjective_depends_on_its_noun(annotation):
    words = annotation.words
    old = next(word for word in words if word.text == "old")
    assert words[old.head].text == "house"


def test_the_text_is_taken_for_english(annotation):
    assert annotation.note() == "Tags by the bundled English pipeline."


def test_the_card_is_what_the_scores_say_and_the_folder_is_small_enough():
    scores = json.loads((FOLDER / "evaluation.json").read_text("utf-8"))
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    assert n_bytes <= MAX_BYTES
    card = (FOLDER / "README.md").read_text("utf-8")
    assert card == pipeline_card(scores, n_bytes - len(card.encode()))
