"""What pages say in English is known in the other languages: no sentence is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.language import DEFAULT, LANGUAGES, catalogue, patterns

MODULES = Path(__file__).resolve().parents[2] / "modules"
OTHERS = [language for language in LANGUAGES if language != DEFAULT]
GAP = "§"
"""Stands for a value in an f-string and for a hole in a pattern."""
N_WORDS = 3
"""Shorter pieces may be names; longer ones are parts of sentences."""
ENGLISH = re.compile(
    r"\b(the|of|and|is|are|with|no|not|this|that|to|by|from|after|before|than|its|it|each|every|which|has|have"
    r"|more|only|would|be|on|at|they|none|as|all|other|others|for|in|an|was|were)\b",
    re.IGNORECASE,
)
NO_SENTENCE = re.compile(r"[<>{}=/\\#]|%s|^(?:[a-z]+-)+[a-z]+(?: (?:[a-z]+-)*[a-z]+)*$")
"""Markup, patterns, commands, log lines, classes of a stylesheet."""
ELSEWHERE = {
    "examples.py": "texts to run",
    "bias_bench.py": "texts to run",
    "compare_sides.py": "texts to run",
    "cache_settings.py": "settings of other programs, to be copied",
    "bias_notes.py": "what a note says of itself, as its files do",
    "lesson_results.py": "for those who build the lessons",
    "stored_example.py": "a line of the log",
    "web.py": "a line of the log, and what the server answers to a browser",
    "figures": "pictures, whose words tests/modules/picture_words.py reads",
}
"""File or folder -> why what it says is in no catalogue."""


def sentences(path: Path) -> Iterator[str]:
    """Strings of a file but its docstrings and what `say` is called with: another test reads it."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("say", "later"):
            skipped |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def pieces(sentence: str) -> Iterator[str]:
    """Its parts between values and signs that are English and long enough."""
    for part in re.split(rf"{GAP}|[.;:,()“”\[\]]", sentence):
        words = " ".join(part.split()).strip("×°%+−· ")
        is_long = len(re.findall(r"[A-Za-z]+", words)) >= N_WORDS
        if is_long and ENGLISH.search(words) and not NO_SENTENCE.search(words):
            yield words


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_a_page_is_known_in_the_other_language(language: str):
    keys = (*catalogue(language), *patterns(language))
    known = "\n".join(" ".join(re.sub(r"\{[^}]*\}", GAP, key).split()) for key in keys).lower()
    missing = {
        str(path.relative_to(MODULES)): found
        for path in sorted(MODULES.rglob("*.py"))
        if path.relative_to(MODULES).parts[0] not in ELSEWHERE
        and (found := [p for s in sentences(path) for p in pieces(s) if p.lower() not in known])
    }
    assert missing == {}


def test_what_is_said_elsewhere_is_said():
    assert [name for name in ELSEWHERE if not (MODULES / name).exists()] == []
    assert [
        name
        for name in ELSEWHERE
        if (MODULES / name).is_file() and not any(p for s in sentences(MODULES / name) for p in pieces(s))
    ] == []


def test_a_sentence_that_nobody_has_translated_is_found(tmp_path: Path):
    path = tmp_path / "new.py"
    path.write_text(
        '"""Of the docstring."""\nx = f"It is {1} of the new ones."\ny = say("not of this one")\n'
    )
    assert [piece for sentence in sentences(path) for piece in pieces(sentence)] == ["of the new ones"]
