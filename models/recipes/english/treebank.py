"""
The English Web Treebank with its named entities, as spaCy documents.

A document is a paragraph of the treebank. Words, tags, features, heads and sentence
starts come from Universal Dependencies, entities from Universal NER, which annotates
the same sentences word by word.

Notes:
- Lines of the CoNLL-U format: `8` is a word, `8-9` the surface form that two words
  share ("don't"), `8.1` an elided word that stands nowhere in the text.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

SPLITS = ("train", "dev", "test")
N_CONLLU_COLUMNS = 10
OUTSIDE = "O"


@dataclass
class Sentence:
    """The words of one sentence; every list has one entry a word."""

    identifier: str = ""
    opens_paragraph: bool = False
    words: list[str] = field(default_factory=list)
    spaces: list[bool] = field(default_factory=list)
    pos: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    morphs: list[str] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)  # index in the sentence; a root is its own
    deps: list[str] = field(default_factory=list)


def read_lines(path: Path) -> list[str]:
    """Return the lines of a compressed text file."""
    with lzma.open(path, "rt", encoding="utf-8") as text:
        return text.read().split("\n")


def read_sentences(lines: list[str]) -> Iterator[Sentence]:
    """Yield the sentences of a file in the CoNLL-U format."""
    sentence, joined_until = Sentence(), 0
    for line in lines:
        if line.startswith(("# newpar", "# newdoc")):
            sentence.opens_paragraph = True
        elif line.startswith("# sent_id = "):
            sentence.identifier = line.removeprefix("# sent_id = ")
        elif line.strip() and not line.startswith("#"):
            joined_until = add_word(sentence, line, joined_until)
        elif not line.strip() and sentence.words:
            yield sentence
            sentence, joined_until = Sentence(), 0


def add_word(sentence: Sentence, line: str, joined_until: int) -> int:
    """Add one line of a sentence; return the last word that shares a surface form so far."""
    columns = line.split("\t")
    if len(columns) != N_CONLLU_COLUMNS:
        raise ValueError(f"Expected {N_CONLLU_COLUMNS} columns in CoNLL-U, got {len(columns)}: {line}")
    number, form, _, pos, tag, morph, head, dep, _, misc = columns
    if "-" in number:
        return int(number.split("-")[1])
    if "." in number:
        return joined_until
    index = int(number) - 1
    sentence.words.append(form)
    sentence.spaces.append(int(number) >= joined_until and "SpaceAfter=No" not in misc)
    sentence.pos.append(pos)
    sentence.tags.append(tag)
    sentence.morphs.append("" if morph == "_" else morph)
    sentence.heads.append(index if head == "0" else int(head) - 1)
    sentence.deps.append("ROOT" if head == "0" else dep)
    return joined_until


def read_entities(lines: list[str]) -> dict[str, list[str]]:
    """Return the B-, I- and O-tags of every sentence of a Universal NER file, by identifier."""
    entities: dict[str, list[str]] = {}
    identifier = ""
    for line in lines:
        if line.startswith("# sent_id = "):
            identifier = line.removeprefix("# sent_id = ")
            entities[identifier] = []
        elif line.strip() and not line.startswith("#"):
            entities[identifier].append(line.split("\t")[1])
    return entities


def paragraphs(sentences: Iterator[Sentence]) -> Iterator[list[Sentence]]:
    """Yield the sentences of each paragraph."""
    paragraph: list[Sentence] = []
    for sentence in sentences:
        if sentence.opens_paragraph and paragraph:
            yield paragraph
            paragraph = []
        paragraph.append(sentence)
    if paragraph:
        yield paragraph


def paragraph_doc(vocab: Vocab, paragraph: list[Sentence], entities: dict[str, list[str]]) -> Doc:
    """
    Return a paragraph as a spaCy document.

    A sentence whose words do not match the entity file is marked as without
    annotated entities, so that it teaches the recogniser nothing.
    """
    joined = {name: [] for name in ("words", "spaces", "pos", "tags", "morphs", "deps")}
    heads, ents = [], []
    for sentence in paragraph:
        n_before = len(heads)
        heads += [n_before + head for head in sentence.heads]
        known = entities.get(sentence.identifier, [])
        matches = len(known) == len(sentence.words)
        ents += known if matches else [""] * len(sentence.words)
        for name, values in joined.items():
            values += getattr(sentence, name)
    # spaCy finds the sentence starts from the heads.
    return Doc(vocab, heads=heads, ents=ents, **joined)


def read_docs(folder: Path, split: str, vocab: Vocab) -> list[Doc]:
    """Return the documents of one split of the treebank."""
    sentences = read_sentences(read_lines(folder / f"en_ewt-ud-{split}.conllu.xz"))
    entities = read_entities(read_lines(folder / f"uner_ewt_{split}.iob2.xz"))
    return [paragraph_doc(vocab, paragraph, entities) for paragraph in paragraphs(sentences)]


def write_doc_bins(folder: Path, run: Path) -> None:
    """Write every split as the binary file that `spacy train` reads."""
    for split in SPLITS:
        docs = read_docs(folder, split, Vocab())
        DocBin(docs=docs, store_user_data=False).to_disk(run / f"{split}.spacy")
