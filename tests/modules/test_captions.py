"""Every picture says below what it rests on. python -m pytest tests/modules/test_captions.py"""

from __future__ import annotations

import ast
from pathlib import Path

from modules.bias_bench import grounds_of
from sinklens.export.provenance import provenance_of
from tests.export.analyses import decoder_run

MODULES = Path(__file__).resolve().parents[2] / "modules"
PICTURES = ("Chart", "Heatmap", "Links", "Mosaic", "Solid")
"""Widgets whose figures can be downloaded."""
STORED = {"learn_views.py"}
"""Pictures of stored measurements, which the lesson beside them names."""


def shown_without_ground(path: Path) -> list[int]:
    """Lines of a page's module that draw a widget and name no run."""
    tree = ast.parse(path.read_text("utf-8"))
    if not any(isinstance(node, ast.Name) and node.id in PICTURES for node in ast.walk(tree)):
        return []
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "show"
        and "widget" in ast.unparse(node.func) and "BLANK" not in ast.unparse(node)
        and "about" not in {keyword.arg for keyword in node.keywords}
    ]  # fmt: skip


def test_every_figure_that_is_downloaded_names_the_runs_it_rests_on():
    found = {path.name: shown_without_ground(path) for path in MODULES.glob("*.py")}
    assert {name: lines for name, lines in found.items() if lines and name not in STORED} == {}


def test_a_figure_of_the_run_on_screen_rests_on_that_run():
    run = decoder_run()
    assert grounds_of(run, run.request.text) == (run,)


def test_a_figure_of_other_texts_names_the_model_and_each_of_them_as_a_caption_does():
    run = decoder_run()
    own = provenance_of(run)
    (words,) = grounds_of(run, run.prompt.text, "another")
    assert words.startswith(f"{own.model} (revision {own.revision}), text {own.text_sha256[:12]}, text ")
    assert own.caption().startswith(f"{own.model} (revision {own.revision}), ")
    assert words.count(", text ") == 2
    assert grounds_of(run) == (f"{own.model} (revision {own.revision})",)
