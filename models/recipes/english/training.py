"""
Trains the pipeline with spaCy and measures it on the test split, from raw text and from words.
"""

from pathlib import Path

import spacy
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

CONFIG = Path(__file__).with_name("pipeline.cfg")
SCORES = {
    "pos_acc": "Universal part-of-speech tags, accuracy",
    "tag_acc": "Penn Treebank tags, accuracy",
    "dep_uas": "Heads, unlabelled attachment",
    "dep_las": "Heads and relations, labelled attachment",
    "sents_f": "Sentences, F1",
    "ents_f": "Named entities, F1",
    "ents_p": "Named entities, precision",
    "ents_r": "Named entities, recall",
    "token_acc": "Words found in the raw text, accuracy",
}
"""Key of spaCy's scorer -> what a reader calls it."""


def train_pipeline(run: Path) -> Path:
    """Train on the files of the run folder; return the folder of the best pipeline."""
    filled = run / "filled.cfg"
    fill_config(filled, CONFIG)
    paths = {f"paths.{name}": str(run / f"{name}.spacy") for name in ("train", "dev")}
    train(filled, run / "pipeline", overrides={**paths, "paths.vectors": str(run / "vectors")})
    return run / "pipeline" / "model-best"


def split_scores(pipeline: Path, run: Path) -> dict[str, dict[str, float]]:
    """Return the scores on the test split, 0 to 1, once from raw text and once from its words."""
    nlp = spacy.load(pipeline)
    docs = list(DocBin().from_disk(run / "test.spacy").get_docs(nlp.vocab))
    from_text = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    from_words = [Example(copy_of_words(doc, nlp), doc) for doc in docs]
    return {
        "from raw text": chosen_scores(nlp.evaluate(from_text)),
        "from the treebank's words": chosen_scores(nlp.evaluate(from_words)),
    }


def copy_of_words(doc: Doc, nlp: Language) -> Doc:
    """Return a document of the same words without anything annotated."""
    return Doc(nlp.vocab, words=[word.text for word in doc], spaces=[bool(word.whitespace_) for word in doc])


def chosen_scores(scores: dict) -> dict[str, float]:
    """Return the scores of the card, rounded."""
    return {key: round(float(scores[key]), 4) for key in SCORES}
