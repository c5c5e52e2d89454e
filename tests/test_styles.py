"""The stylesheets and the pages speak of the same classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHEETS = [*(REPOSITORY / "static").glob("*.css"), *(REPOSITORY / "modules").rglob("*.css")]
CODE = [REPOSITORY / "app.py", *(REPOSITORY / "modules").rglob("*.py")]
LIBRARY = list((REPOSITORY / "sinklens").rglob("*.py"))
SCRIPTS = [path for name in ("static", "modules", "sinklens") for path in (REPOSITORY / name).rglob("*.js")]
ANCHORS = list((REPOSITORY / "modules" / "tour").glob("*.yaml"))
"""Parts of the page that the guided tour points at."""

FOREIGN = re.compile(
    r"(accordion|active|alert|bslib|btn|card|collapse|collapsed|container|control|form|help|irs|main|nav"
    r"|navbar|progress|recalculating|shiny|sidebar|small|tab|table|value-box)(-.*)?"
)
"""Classes of Bootstrap, bslib and Shiny, which a stylesheet may change."""
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SELECTOR = re.compile(r"([^{};]+)\{")
BODY = re.compile(r"\{([^{}]+)\}")
N_BY_ACCIDENT = 4
"""Declarations; two rules may have fewer in common without being one."""
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
WORD = re.compile(r"[\w-]+")
STRING = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`")
STEM = re.compile(r"(?<![\w-])[\w-]+-(?=$|\$\{)")
"""What a word is added to, as in f"bias-{kind}"."""


@cache
def ruled() -> frozenset[str]:
    """Classes of our own that a stylesheet has a rule for."""
    selectors = [
        part for sheet in SHEETS for part in SELECTOR.findall(COMMENT.sub("", sheet.read_text("utf-8")))
    ]
    classes = {name for selector in selectors for name in CLASS.findall(selector)}
    return frozenset(name for name in classes if not FOREIGN.fullmatch(name))


@cache
def nodes() -> tuple[ast.AST, ...]:
    """The syntax of all modules."""
    return tuple(node for path in CODE for node in ast.walk(ast.parse(path.read_text("utf-8"))))


def constants(within: Iterable[ast.AST]) -> set[str]:
    return {node.value for node in within if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def given_classes() -> set[str]:
    """Classes that the modules give to what they build, as far as they are written out there."""
    values = [node.value for node in nodes() if isinstance(node, ast.keyword) and node.arg == "class_"]
    return {name for value in values for string in constants(ast.walk(value)) for name in string.split()}


def test_every_class_of_a_stylesheet_is_used():
    texts = [path.read_text("utf-8") for path in SCRIPTS + LIBRARY]
    strings = constants(nodes()) | {string[1:-1] for text in texts for string in STRING.findall(text)}
    words = {word for string in strings for word in WORD.findall(string)}
    stems = {stem for string in strings for stem in STEM.findall(string)}
    endings = {string.lower().replace(" ", "-") for string in strings}
    made = {
        name for name in ruled() for stem in stems if name.startswith(stem) and name[len(stem) :] in endings
    }
    assert sorted(ruled() - words - made) == []


def test_every_class_of_a_page_has_a_rule_or_is_looked_for():
    prefixes = {name.split("-")[0] for name in ruled()}
    own = {name for name in given_classes() if name.split("-")[0] in prefixes and not name.endswith("-")}
    sought = {name for path in SCRIPTS + ANCHORS for name in CLASS.findall(path.read_text("utf-8"))}
    assert sorted(own - ruled() - sought) == []


def test_no_sheet_repeats_a_rule_of_another():
    """So many equal declarations are a class that both sheets could share."""
    sheets_of: dict[frozenset[str], set[str]] = {}
    for sheet in SHEETS:
        for body in BODY.findall(COMMENT.sub("", sheet.read_text("utf-8"))):
            declarations = frozenset(line.strip() for line in body.split(";") if line.strip())
            sheets_of.setdefault(declarations, set()).add(sheet.name)
    repeated = [(sorted(rule), sorted(names)) for rule, names in sheets_of.items() if len(names) > 1]
    assert [both for both in repeated if len(both[0]) >= N_BY_ACCIDENT] == []
