"""Run with `pytest tests/models/test_english_treebank.py`."""

import pytest
from spacy.vocab import Vocab

from models.recipes.english.treebank import paragraph_doc, paragraphs, read_entities, read_sentences

LINES = """\
# newdoc id = a
# sent_id = a-1
# newpar id = a-p1
1\tAnn\tAnn\tPROPN\tNNP\tNumber=Sing\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tsleep\tsleep\tVERB\tVB\tVerbForm=Inf\t0\troot\t_\tSpaceAfter=No
5\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

# sent_id = a-2
1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
1.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_
2\thome\thome\tADV\tRB\t_\t1\tadvmod\t_\t_

# newpar id = a-p2
# sent_id = a-3
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_

"""
ENTITIES = """\
# sent_id = a-1
Ann\tB-PER
do\tO
n't\tO
sleep\tO
.\tO

# sent_id = a-2
Go\tO
"""


def docs():
    entities = read_entities(ENTITIES.splitlines())
    return [paragraph_doc(Vocab(), part, entities) for part in paragraphs(read_sentences(LINES.splitlines()))]


def test_a_paragraph_is_a_document():
    assert [len(doc) for doc in docs()] == [7, 1]


def test_words_that_share_a_form_stand_without_a_space():
    assert docs()[0].text == "Ann don't sleep. Go home "


def test_heads_and_sentences_are_those_of_the_treebank():
    doc = docs()[0]
    assert [word.head.i for word in doc] == [3, 3, 3, 3, 3, 5, 5]
    assert [sentence.text for sentence in doc.sents] == ["Ann don't sleep.", "Go home"]
    assert [word.dep_ for word in doc] == ["nsubj", "aux", "advmod", "ROOT", "punct", "ROOT", "advmod"]


def test_tags_and_features_are_those_of_the_treebank():
    doc = docs()[0]
    assert [word.pos_ for word in doc][:3] == ["PROPN", "AUX", "PART"]
    assert [word.tag_ for word in doc][:3] == ["NNP", "VBP", "RB"]
    assert str(doc[3].morph) == "VerbForm=Inf"


def test_entities_are_given_where_the_words_match_and_missing_where_they_do_not():
    doc = docs()[0]
    assert [(entity.text, entity.label_) for entity in doc.ents] == [("Ann", "PER")]
    # The second sentence has one word too few in the entity file.
    assert [word.ent_iob_ for word in doc] == ["B", "O", "O", "O", "O", "", ""]


def test_a_line_with_too_few_columns_is_told_of():
    with pytest.raises(ValueError, match="Expected 10 columns"):
        list(read_sentences(["# sent_id = x", "1\tAnn"]))
