"""The bundled notebooks run from the first cell to the last, and both say the same."""

from __future__ import annotations

import ast
import json
import types
from pathlib import Path

import pandas as pd
import pytest

from sinklens.run import Run
from sinklens.settings import REPOSITORY
from sinklens.widgets.heatmap import Heatmap
from sinklens.widgets.mosaic import Mosaic

pytestmark = pytest.mark.usefixtures("without_session")

FOLDER = REPOSITORY / "docs" / "notebooks"
JUPYTER = FOLDER / "sinks-in-five-cells.ipynb"
MARIMO = FOLDER / "sinks_in_five_cells.py"
N_BYTES_MAX = 200_000


class StandInMarimo(types.ModuleType):
    """What the notebook asks of marimo, which the tests can do without."""

    class ui:
        @staticmethod
        def anywidget(widget):
            widget.value = {"head": widget.head}
            return widget

    @staticmethod
    def md(text: str) -> str:
        return text


def jupyter_cells() -> list[ast.Module]:
    cells = json.loads(JUPYTER.read_text("utf-8"))["cells"]
    return [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]


def marimo_functions() -> list[ast.FunctionDef]:
    """The cells that compute; those that only have words for a person are left out."""
    cells = [node for node in ast.parse(MARIMO.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
    return [
        cell
        for cell in cells
        if "mo.md(" not in ast.unparse(cell) and "import marimo" not in ast.unparse(cell)
    ]


def marimo_cells() -> list[ast.Module]:
    return [
        ast.Module([line for line in cell.body if not isinstance(line, ast.Return)], [])
        for cell in marimo_functions()
    ]


def shown(cells: list[ast.Module], names: dict) -> list:
    """Run cells one after the other; what their last lines give, as a notebook shows it."""
    found = []
    for cell in cells:
        *before, last = cell.body
        assert isinstance(last, ast.Expr), "a cell ends with what it shows"
        exec(compile(ast.Module(before, []), "cell", "exec"), names)
        found.append(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    return found


@pytest.mark.parametrize("cells", [jupyter_cells, marimo_cells], ids=["jupyter", "marimo"])
def test_a_notebook_runs_and_shows_what_it_says(cells):
    names = {"mo": StandInMarimo("marimo")}
    run, everything, head, table, losses = shown(cells(), names)
    assert isinstance(run, Run)
    assert isinstance(everything, Mosaic)
    assert isinstance(head, Heatmap)
    assert head.label.startswith(f"Head {names['layer']}.{names['head']} sends")
    assert isinstance(table, pd.DataFrame)
    assert "sink" in table["label"].iloc[0]
    plain, without_sink, control = losses.values()
    assert without_sink - plain > 5 * abs(control - plain)


def test_a_marimo_cell_takes_what_it_needs_and_gives_what_others_take():
    given = {"mo"}
    for cell in marimo_functions():
        taken = {argument.arg for argument in cell.args.args}
        assert taken <= given
        loaded = {node.id for node in ast.walk(cell) if isinstance(node, ast.Name)}
        assert taken <= loaded
        last = cell.body[-1]
        given |= {node.id for node in ast.walk(last) if isinstance(node, ast.Name)}


def test_both_notebooks_compute_the_same():
    jupyter, marimo = (
        {ast.unparse(line) for cell in cells() for line in cell.body}
        for cells in (jupyter_cells, marimo_cells)
    )
    # In marimo a click chooses the head.
    own = ("everything", "clicked", "layer", "most")
    assert {line for line in jupyter ^ marimo if not line.startswith(own)} == set()


@pytest.mark.parametrize("path", [JUPYTER, MARIMO], ids=lambda path: path.name)
def test_a_notebook_is_small_and_holds_nothing_that_a_run_has_left(path: Path):
    assert path.stat().st_size < N_BYTES_MAX
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text("utf-8"))["cells"]
        left = [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
        assert left == []
