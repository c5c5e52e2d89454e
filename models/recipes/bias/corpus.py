"""
All examples of the recipe, read once and kept as JSON lines in the run folder.

Generalisations are marked by rule in every source. Sentences of Wikipedia articles and of the English Web
Treebank show the tagger ordinary text, in which no stereotype and nothing unfair is taken to be.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import spacy
from spacy.language import Language

from models.recipes.bias.examples import Example, split_of, unmarked
from models.recipes.bias.generalisations import general_subjects, made_up
from models.recipes.bias.stereotypes import read_between, read_crows, read_within
from models.recipes.bias.toxic_spans import read_toxic_spans
from models.recipes.corpus import read_articles
from models.recipes.english.treebank import read_lines, read_sentences

PIPELINE = Path("models/language/english")
ARTICLES = "wikipedia-good.txt.xz"
N_ORDINARY = 4_000  # sentences of each of the two sources
MIN_LETTERS, MAX_LETTERS = 30, 400


def read_treebank(folder: Path) -> Iterator[Example]:
    """Yield sentences of the web, as they were written."""
    for split in ("train", "dev", "test"):
        for sentence in read_sentences(read_lines(folder / f"en_ewt-ud-{split}.conllu.xz")):
            pairs = zip(sentence.words, sentence.spaces, strict=True)
            text = "".join(word + " " * has_space for word, has_space in pairs).strip()
            yield Example(text, "web treebank", "ordinary", split, unmarked(["stereotype", "unfair"]))


def read_encyclopedia(folder: Path, nlp: Language, n_articles: int = 300) -> Iterator[Example]:
    """Yield sentences of articles; an article is in one split."""
    for number, article in zip(range(n_articles), read_articles(folder / ARTICLES), strict=False):
        split = split_of(f"wikipedia {number}")
        for doc in nlp.pipe(article.split("\n")[:4]):
            for sentence in doc.sents:
                yield Example(
                    sentence.text.strip(), "Wikipedia", "ordinary", split, unmarked(["stereotype", "unfair"])
                )


def chosen(examples: Iterator[Example], seed: int) -> list[Example]:
    """Return some of the ordinary sentences, neither very short nor very long."""
    fitting = [e for e in examples if MIN_LETTERS <= len(e.text) <= MAX_LETTERS]
    random.Random(seed).shuffle(fitting)
    return fitting[:N_ORDINARY]


def read_all(data: Path) -> list[Example]:
    """Return the examples of all sources, generalisations marked."""
    nlp = spacy.load(PIPELINE, exclude=["ner"])
    bias = data / "bias"
    examples = [
        *read_toxic_spans(bias / "toxic_spans"),
        *read_within(bias),
        *read_between(bias, nlp),
        *read_crows(bias, nlp),
        *chosen(read_treebank(data / "treebank"), seed=0),
        *chosen(read_encyclopedia(data / "text", nlp), seed=1),
    ]
    for example, doc in zip(examples, nlp.pipe(example.text for example in examples), strict=True):
        example.marks["generalisation"] = general_subjects(doc)
    return [*examples, *made_up()]


def write_examples(examples: list[Example], path: Path) -> None:
    """Write one example a line."""
    with path.open("w", encoding="utf-8") as lines:
        for example in examples:
            lines.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")


def read_examples(path: Path) -> list[Example]:
    """Read what `write_examples` wrote."""
    return [Example(**json.loads(line)) for line in path.open(encoding="utf-8")]
