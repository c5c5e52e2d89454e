"""What the code hands to widgets as words, read where it stands, so that nothing is listed twice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    path
    for folder in ("sinklens/widgets", "modules/widgets", "static")
    for path in (REPOSITORY / folder).glob("*.js")
)
AXES = {"row_name", "column_name", "marked_text", "empty_text", "hint"}
TITLES = {"title", "x_title", "y_title", "colour_title"}
OF_TRACES = {"name", "hovertemplate"}
LABELLED = re.compile(r"(^Chart|^Heatmap|^Links|^Mosaic|\.show|^picture)$")
"""Calls whose `label` says what a picture shows."""
N_HOLES_MAX = 4
VALUES = ("3", "xyz", "head")
"""What may stand in a hole: a number, a name, a word."""


def script_sentences() -> set[str]:
    """Everything that scripts say: `say("…")`."""
    said = re.compile(r'\bsay\("((?:[^"\\]|\\.)*)"')
    return {found for path in SCRIPTS for found in said.findall(path.read_text("utf-8"))}


@cache
def picture_texts() -> dict[str, list[str]]:
    """Place in the code of a title, name, hover text or word of an axis -> what it may be."""
    found: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / "modules").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        constants = {
            node.targets[0].id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in word_nodes(tree):
            for number, choice in enumerate(choices(node, constants)):
                if texts := written(choice, constants):
                    place = f"{path.relative_to(REPOSITORY)}:{node.lineno}:{node.col_offset}:{number}"
                    found[place] = texts
    return found


def word_nodes(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that become words of a picture."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            wanted = set() if "ui." in called else AXES | TITLES | (OF_TRACES if "go." in called else set())
            wanted |= {"label"} if LABELLED.search(called) else set()
            yield from (keyword.value for keyword in node.keywords if keyword.arg in wanted)
        elif isinstance(node, ast.Dict):
            given = {
                ast.unparse(key).strip("'\""): value
                for key, value in zip(node.keys, node.values, strict=True)
                if key
            }
            is_text = set(given) <= {"text", "side"} or "showarrow" in given
            yield from [given["text"]] if is_text and "text" in given else []
            yield from [given["hovertemplate"]] if "hovertemplate" in given else []


def choices(node: ast.expr, constants: dict[str, ast.expr]) -> Iterator[ast.expr]:
    """The expressions that one may come to."""
    if isinstance(node, ast.IfExp):
        yield from choices(node.body, constants)
        yield from choices(node.orelse, constants)
    elif isinstance(node, ast.ListComp):
        yield from choices(node.elt, constants)
    elif isinstance(node, ast.Name) and isinstance(
        constants.get(node.id), ast.Constant | ast.IfExp | ast.BinOp
    ):
        yield from choices(constants[node.id], constants)
    elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.IfExp | ast.Name):
        for left in choices(node.left, constants):
            yield ast.copy_location(ast.BinOp(left, node.op, node.right), node)
    else:
        yield node


def written(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    """The texts of an expression with every kind of value in its holes; empty for what is no text."""
    parts = pieces(node, constants)
    n_holes = parts.count(None)
    if not any(parts) or n_holes > N_HOLES_MAX:
        return []
    found = []
    for values in product(VALUES, repeat=n_holes):
        rest = iter(values)
        found.append("".join(next(rest) if part is None else part for part in parts))
    return found


def pieces(node: ast.expr, constants: dict[str, ast.expr]) -> list[str | None]:
    """Fixed parts of a text, None for its holes."""
    if isinstance(node, ast.Name) and isinstance(constants.get(node.id), ast.Constant):
        node = constants[node.id]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else [None]
    if isinstance(node, ast.JoinedStr):
        return [piece for value in node.values for piece in pieces(value, constants)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*pieces(node.left, constants), *pieces(node.right, constants)]
    return [None]


def said_parts(text: str) -> list[str]:
    """What of a title, name or hover text is looked up: without the box of a hover text, and padding."""
    parts = (part.strip() for part in re.split(r"<extra>|</extra>", text))
    return [
        part
        for part in parts
        if re.search(r"[A-Za-z]{2,}", re.sub(r"%\{[^}]*\}", "", part)) and part != "xyz"
    ]
