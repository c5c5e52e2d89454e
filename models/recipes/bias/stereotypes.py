"""
Weak marks of stereotypes from StereoSet (Nadeem et al. 2021) and CrowS-Pairs (Nangia et al. 2020).

Both are CC BY-SA 4.0.

Neither says which words make the stereotype. Marked are:

- StereoSet within a sentence: the mention of the group and the word that fills the blank;
- StereoSet between sentences: the mention of the group in the context, and the content words of the sentence;
- CrowS-Pairs: the words in which the stereotyping sentence differs from the other one, and the content
  words between the same commas.

Unrelated sentences of StereoSet have none. Anti-stereotypes are never trained on: they say of a
group what is not usually said of it, and a tagger without knowledge of the world cannot tell them
apart. How many are marked all the same is measured and stands in the card.

StereoSet is split by target, so that the groups of the test split were never seen with a stereotype
of StereoSet; CrowS-Pairs is split by pair.
"""

import csv
import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from models.recipes.bias.examples import Example, Spans, split_of, unmarked

CONTENT = frozenset({"NOUN", "PROPN", "ADJ", "VERB"})
CLAUSE_ENDS = frozenset({",", ";", ":", ".", "!", "?"})


def mentions(target: str, text: str) -> Spans:
    """Return where a target is named, also inside a longer word ("Ethiopia" in "Ethiopians")."""
    found = re.finditer(rf"\b{re.escape(target)}\w*", text, re.IGNORECASE)
    return [match.span() for match in found]


def content_words(doc: Doc, start: int, end: int) -> Spans:
    """Return nouns, names, adjectives and verbs between two characters."""
    return [
        (token.idx, token.idx + len(token))
        for token in doc
        if start <= token.idx < end and token.pos_ in CONTENT and not token.is_stop
    ]


def read_lines(path: Path) -> list[dict]:
    """Return the items of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def read_within(folder: Path) -> Iterator[Example]:
    """Yield StereoSet's items of one sentence, three examples each."""
    for item in read_lines(folder / "intrasentence.jsonl"):
        start = item["context"].index("BLANK")
        for kind in ("stereotype", "anti_stereotype", "unrelated"):
            text = item[f"{kind}_sentence"]
            fill = (start, start + len(item[kind]))
            named = [] if kind == "unrelated" else [*mentions(item["target"], text), fill]
            yield stereoset_example(item, text, kind, named)


def read_between(folder: Path, nlp: Language) -> Iterator[Example]:
    """Yield StereoSet's items of context and sentence, three examples each."""
    items = read_lines(folder / "intersentence.jsonl")
    pairs = [(item, kind) for item in items for kind in ("stereotype", "anti_stereotype", "unrelated")]
    texts = [f"{item['context']} {item[f'{kind}_sentence']}" for item, kind in pairs]
    for (item, kind), doc in zip(pairs, nlp.pipe(texts), strict=True):
        n_context, named = len(item["context"]), []
        if kind != "unrelated":
            in_context = mentions(item["target"], item["context"])
            named = [*in_context, *content_words(doc, n_context, len(doc.text))]
        yield stereoset_example(item, doc.text, kind, named)


def stereoset_example(item: dict, text: str, kind: str, named: Spans) -> Example:
    """Return one sentence of an item; of unrelated ones it is known that nothing is unfair either."""
    split = split_of("stereoset " + item["target"].lower())
    known = unmarked(["stereotype", "unfair"]) if kind == "unrelated" else {"stereotype": named}
    return Example(text, "StereoSet", kind, split, known)


def read_crows(folder: Path, nlp: Language) -> Iterator[Example]:
    """Yield the stereotyping sentence of every pair of CrowS-Pairs that shows a stereotype."""
    with (folder / "crows_pairs" / "crows_pairs_anonymized.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["stereo_antistereo"] == "stereo"]
    for row, doc in zip(rows, nlp.pipe(row["sent_more"] for row in rows), strict=True):
        split = split_of("crows " + min(row["sent_more"], row["sent_less"]))
        marks = {"stereotype": differing_clause(doc, nlp.make_doc(row["sent_less"]))}
        yield Example(row["sent_more"], "CrowS-Pairs", "stereotype", split, marks)


def differing_clause(doc: Doc, other: Doc) -> Spans:
    """Return the words that the other sentence does not have, and the content words beside them."""
    own = [token.lower_ for token in doc]
    theirs = [token.lower_ for token in other]
    blocks = difflib.SequenceMatcher(None, own, theirs, autojunk=False).get_opcodes()
    differing = [at for tag, first, last, *_ in blocks if tag != "equal" for at in range(first, last)]
    spans: Spans = []
    for at in differing:
        if doc[at].is_punct:
            continue
        spans.append((doc[at].idx, doc[at].idx + len(doc[at])))
        first, last = clause_around(doc, at)
        spans += content_words(doc, doc[first].idx, doc[last].idx + 1)
    return sorted(set(spans))


def clause_around(doc: Doc, at: int) -> tuple[int, int]:
    """Return first and last word of the stretch between two commas or the like."""
    first, last = at, at
    while first > 0 and doc[first - 1].text not in CLAUSE_ENDS:
        first -= 1
    while last + 1 < len(doc) and doc[last + 1].text not in CLAUSE_ENDS:
        last += 1
    return first, last
