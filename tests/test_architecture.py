"""The arrows of the design point one way, modules stay short, and each is read here as text."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MAX_LINES = 350
MAX_APP_LINES = 100

CORE = {
    "sinklens.records",
    "sinklens.backcopy_records",
    "sinklens.cache_records",
    "sinklens.prediction_records",
    "sinklens.geometry_records",
    "sinklens.residual_records",
    "sinklens.attribution_records",
    "sinklens.bias_records",
    "sinklens.contrast_records",
    "sinklens.faithfulness_records",
    "sinklens.notebook_records",
    "sinklens.results",
    "sinklens.trial_records",
    "sinklens.interventions",
    "sinklens.errors",
    "sinklens.settings",
    "sinklens.version",
}
"""Records that every layer may know; they know only each other."""

FORBIDDEN = {
    "sinklens": {"shiny", "shinywidgets", "modules", "app"},
    "sinklens/analysis": {"torch", "transformers", "sinklens.capture", "sinklens.service"},
    "sinklens/capture": {"sinklens.bias", "sinklens.service", "sinklens.late_engine"},
    "sinklens/language": {"torch", "transformers", "sinklens.bias", "sinklens.service"},
    "sinklens/bias": {"sinklens.service", "sinklens.late_engine"},
    "modules": {"torch", "transformers", "sinklens.capture", "app"},
    "modules/figures": {"shiny", "shinywidgets", "sinklens.service"},
}
"""What the modules of a folder, and of the folders in it, must not import."""

SOURCES = sorted(
    path for folder in ("sinklens", "modules", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py")
)


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names that a module imports anywhere, also inside its functions.

    `from a.b import c` counts as a.b and a.b.c, because c may be a module.
    """
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import; write the package's name"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def sources_of(name: str) -> list[Path]:
    """The files of a module or of a package, by its dotted name."""
    path = REPOSITORY / name.replace(".", "/")
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    assert found, f"{name} has no source"
    return found


def modules_in(folder: str) -> list[Path]:
    return sorted((REPOSITORY / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_never_imports_what_lies_above_it(folder):
    paths = modules_in(folder)
    assert paths, f"{folder} has no modules"
    broken = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in paths
        for name in imports_of(path)
        for package in FORBIDDEN[folder]
        if is_within(name, package)
    ]
    assert broken == []


def test_the_records_know_only_each_other():
    broken = [
        f"{module} imports {name}"
        for module in CORE
        for path in sources_of(module)
        for name in imports_of(path)
        if is_within(name, "sinklens") and not any(is_within(name, core) for core in CORE)
    ]
    assert broken == []


def test_analysis_knows_numbers_and_records_and_nothing_else():
    allowed = CORE | {"sinklens.analysis"}
    broken = [
        f"{path.name} imports {name}"
        for path in modules_in("sinklens/analysis")
        for name in imports_of(path)
        if is_within(name, "sinklens") and not any(is_within(name, package) for package in allowed)
    ]
    assert broken == []


def test_pages_import_only_what_of_bias_needs_no_torch():
    torch_free = [path for path in modules_in("sinklens/bias") if not _needs_torch(path)]
    assert {"swaps", "swap_lists", "benchmark_files", "contrast_set"} <= {path.stem for path in torch_free}
    allowed = {f"sinklens.bias.{path.stem}" for path in torch_free}
    broken = [
        f"{path.name} imports {name}"
        for path in modules_in("modules")
        for name in imports_of(path)
        if is_within(name, "sinklens.bias") and name != "sinklens.bias"
        if not any(is_within(name, module) for module in allowed)
    ]
    assert broken == []


def _needs_torch(path: Path) -> bool:
    """Does a module import torch, or something of SinkLens that does?"""
    torch_packages = ("torch", "transformers", "captum", "sinklens.capture")
    names = list(imports_of(path))
    own = {name for name in names if is_within(name, "sinklens.bias") and name != "sinklens.bias"}
    files = {REPOSITORY / f"{name.replace('.', '/')}.py" for name in own}
    return any(is_within(name, package) for name in names for package in torch_packages) or any(
        _needs_torch(file) for file in files if file.is_file()
    )


def test_a_forbidden_import_inside_a_function_would_be_found(tmp_path):
    module = tmp_path / "late.py"
    module.write_text(
        "def load():\n    from torch.nn import functional\n    import sinklens.capture.engine\n"
    )
    names = list(imports_of(module))
    assert any(is_within(name, "torch") for name in names)
    assert any(is_within(name, "sinklens.capture") for name in names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_module_is_too_long_to_read_at_once(path):
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


def test_the_first_page_waits_for_no_heavy_import():
    program = "import app, sys; print({'torch', 'transformers', 'matplotlib'} & set(sys.modules))"
    outcome = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert outcome.stdout.strip() == "set()", outcome.stderr


def test_the_app_only_puts_the_parts_together():
    assert len((REPOSITORY / "app.py").read_text("utf-8").splitlines()) < MAX_APP_LINES


@pytest.mark.parametrize("noun", ["utils", "helpers", "common", "manager", "misc"])
def test_every_module_is_named_after_what_it_holds(noun):
    assert [path for path in SOURCES if noun in path.stem.split("_")] == []
