"""
Word vectors of the English pipeline, from the same Wikipedia text as the demo models.

They are floret vectors: every word is a sum of rows that its pieces point to, so
that a table of a few megabytes has a vector for any word, misspelt or unseen.
"""

from pathlib import Path

import spacy
from spacy.training.initialize import convert_vectors

from models.recipes.corpus import TRAIN_FILES, read_articles

N_WORDS = 17_000_000
WIDTH = 64
SETTINGS = {
    "model": "cbow",
    "mode": "floret",
    "dim": WIDTH,
    "bucket": 20_000,  # rows of the table
    "hashCount": 2,
    "minn": 4,  # letters of the shortest piece
    "maxn": 5,
    "minCount": 10,
    "epoch": 5,
}


def write_words(text_folder: Path, path: Path) -> None:
    """Write the words of the text, split as spaCy splits them, one paragraph a line."""
    tokenizer = spacy.blank("en").tokenizer
    n_words = 0
    with path.open("w", encoding="utf-8") as lines:
        for article in read_articles(text_folder / TRAIN_FILES[0]):
            for doc in tokenizer.pipe(article.split("\n")):
                lines.write(" ".join(token.text for token in doc) + "\n")
                n_words += len(doc)
            if n_words >= N_WORDS:
                return


def train_vectors(text_folder: Path, run: Path) -> None:
    """Train the vectors and write them as the empty spaCy pipeline `run/vectors`."""
    import floret  # not among the requirements: nothing else needs it

    words = run / "words.txt"
    write_words(text_folder, words)
    # One thread, since several race for the rows and end differently every time.
    vectors = floret.train_unsupervised(str(words), thread=1, **SETTINGS)
    table = run / "vectors.floret"
    vectors.save_floret_vectors(str(table))
    nlp = spacy.blank("en")
    convert_vectors(nlp, table, truncate=0, prune=-1, mode="floret")
    nlp.to_disk(run / "vectors")
