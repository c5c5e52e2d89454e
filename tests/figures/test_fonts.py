"""Characters that the font of figures does not have are drawn by others of the machine, where it has any."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from sinklens.figures import fonts
from sinklens.figures.cells_figure import CellsFigure
from sinklens.figures.fonts import OWN, fallback_files, families, missing_glyphs
from sinklens.figures.paper import Paper
from sinklens.figures.studio import figure_file
from sinklens.widgets.picture import Axes, picture
from tests.figures.made_font import save_font

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def two_fonts(tmp_path, monkeypatch):
    """One has 日 and 本, the other 本 and 水."""
    files = tuple(
        save_font(tmp_path / f"{name}.ttf", characters, f"SinkLens {name}")
        for name, characters in (("First", "日本"), ("Second", "本水"))
    )
    monkeypatch.setattr(fonts, "wide_files", lambda: files)
    return files


def test_latin_text_asks_for_no_font_of_the_machine(two_fonts):
    assert families(["where does it go? αβγ Ж"]) == [OWN]


def test_only_fonts_that_draw_something_more_are_taken(two_fonts):
    first, second = two_fonts
    assert fallback_files(["a日"]) == [first]
    assert fallback_files(["本"]) == [first]
    assert fallback_files(["水"]) == [second]
    assert fallback_files(["日", "水"]) == [first, second]
    assert families(["日", "水"]) == [OWN, "SinkLens First", "SinkLens Second"]


def test_characters_that_no_font_has_are_counted_once(two_fonts):
    assert missing_glyphs(["日本水a"]) == 0
    assert missing_glyphs(["火", "火木日"]) == 2


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_a_figure_is_drawn_without_a_box(form, two_fonts):
    shown = picture(np.zeros((1, 2)), Axes(rows=["日"], columns=["水", "a"]), label="A head.")
    drawing = CellsFigure(shown, "linear", "viridis")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = figure_file(drawing, Paper(form, dpi=50))
    assert file.note == ""
    if form == "pdf":
        assert b"SinkLensFirst" in file.content
        assert b"SinkLensSecond" in file.content


def test_files_are_taken_in_the_order_of_the_list(tmp_path, monkeypatch):
    names = ["unifont.ttf", "NotoSansCJK-Regular.ttc", "NotoSansThai-Regular.ttf", "NotoSerifCJK-Regular.ttc"]
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(tmp_path / name) for name in names])
    fonts.wide_files.cache_clear()
    try:
        found = [path.name for path in fonts.wide_files()]
    finally:
        fonts.wide_files.cache_clear()
    assert found == ["NotoSansCJK-Regular.ttc", "NotoSansThai-Regular.ttf", "unifont.ttf"]


def test_nothing_of_a_text_is_written_to_the_log(tmp_path):
    """In a process of its own: pytest has other rules for warnings."""
    program = (
        "import numpy as np\n"
        "from sinklens.figures import fonts\n"
        "from sinklens.figures.paper import Paper\n"
        "from sinklens.figures.cells_figure import CellsFigure\n"
        "from sinklens.widgets.picture import Axes, picture\n"
        "from sinklens.figures.studio import figure_file, width_mm_of\n"
        "fonts.wide_files = lambda: ()\n"
        "width_mm_of('日')\n"
        "shown = picture(np.ones((1, 1)), Axes(rows=['日'], columns=['a']), label='A head.')\n"
        "print(figure_file(CellsFigure(shown, 'linear', 'viridis'), Paper('png', dpi=50)).note)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.startswith("1 of the text's characters")
    assert done.stderr == ""
