"""Finds a spaCy pipeline for English: an installed one, else the one that comes with SinkLens."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

from sinklens.errors import PipelineMissing
from sinklens.language.annotation import Annotation, TaggedWord
from sinklens.records import Prompt
from sinklens.settings import Settings

INSTALLED_NAMES = ("en_core_web_trf", "en_core_web_lg", "en_core_web_md", "en_core_web_sm")
"""spaCy's own English pipelines, the best first."""
BUNDLED_FOLDER = Path("language") / "english"
"""Inside the folder of the bundled models."""
N_KEPT_TEXTS = 32


class EnglishReader:
    """Annotates texts; the pipeline is loaded at the first one and kept.

    Threads may share a reader; one text is read at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._nlp = None
        self._name = ""
        self._lock = threading.Lock()
        self._read = lru_cache(maxsize=N_KEPT_TEXTS)(self._annotate)

    def read(self, prompt: Prompt) -> Annotation:
        """Words, tags, heads, entities and sentences of the part of a text that was tokenised.

        Raises
        ------
        PipelineMissing
            Neither spaCy's English pipelines nor the bundled one can be loaded.
        """
        placed = [token for token in prompt.tokens if token.start is not None and not token.is_special]
        start = min((token.start for token in placed), default=0)
        end = max((token.end for token in placed), default=len(prompt.text))
        with self._lock:
            return self._read(prompt.text[start:end], start)

    def _annotate(self, text: str, first_char: int) -> Annotation:
        if self._nlp is None:
            self._nlp, self._name = load_pipeline(self._settings)
        self._nlp.max_length = max(self._nlp.max_length, len(text) + 1)
        return annotation_of(self._nlp(text), self._name, first_char)


def load_pipeline(settings: Settings) -> tuple[object, str]:
    """A spaCy pipeline and what to call it; errors as in `EnglishReader.read`."""
    import spacy

    for name in INSTALLED_NAMES:
        if spacy.util.is_package(name):
            return spacy.load(name), f"spaCy's {name}"
    folder = settings.models_dir / BUNDLED_FOLDER
    if not (folder / "meta.json").is_file():
        raise PipelineMissing(
            f"Expected spaCy's {INSTALLED_NAMES[-1]} to be installed or the bundled English pipeline in "
            f"{folder}; neither is there. What needs no tags works without."
        )
    return spacy.load(folder), "the bundled English pipeline"


def annotation_of(doc, pipeline: str, first_char: int = 0) -> Annotation:
    """The annotation that a spaCy document holds; spaces between words are no words.

    Parameters
    ----------
    first_char : place of the document's first character in the whole text
    """
    kept = [token for token in doc if not token.is_space]
    place = {token.i: index for index, token in enumerate(kept)}
    sentences = [span for span in doc.sents if any(not token.is_space for token in span)]
    sentence_of = {token.i: index for index, span in enumerate(sentences) for token in span}
    words = tuple(
        TaggedWord(
            text=token.text,
            start=first_char + token.idx,
            end=first_char + token.idx + len(token.text),
            tag=token.pos_,
            fine_tag=token.tag_,
            head=place.get(token.head.i, place[token.i]),
            dependency=token.dep_,
            entity=token.ent_type_,
            sentence=sentence_of[token.i],
            is_stop=token.is_stop,
        )
        for token in kept
    )
    spans = tuple((first_char + span.start_char, first_char + span.end_char) for span in sentences)
    return Annotation(words, spans, pipeline)
