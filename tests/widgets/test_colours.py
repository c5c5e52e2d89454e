"""The browser and Python colour cells alike. python -m pytest tests/widgets"""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from playwright._impl._driver import compute_driver_executable

from modules.widgets.theme_colours import light_colours
from sinklens.widgets.colours import PALETTES, PAPER, SCALES, colour_table, shades
from sinklens.widgets.script import joined

THEME_NAMES = {
    "ink": "text", "quiet": "muted", "line": "border", "grid": "grid", "paper": "surface",
    "masked_a": "masked-a", "masked_b": "masked-b", "side_a": "side-a", "side_b": "side-b", "sink": "sink",
}  # fmt: skip


def in_a_browsers_engine(program: str):
    """What the page's own script computes, run by the JavaScript engine that playwright brings."""
    node = compute_driver_executable()[0]
    script = joined("cells.js") + f"\nconsole.log(JSON.stringify({program}));"
    return json.loads(subprocess.run([node, "-e", script], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("palette", PALETTES)
def test_a_palette_is_the_same_table_on_the_page_and_in_python(palette):
    said = in_a_browsers_engine(f"Array.from(new Uint8Array(colourTable({json.dumps(palette)}).buffer))")
    rgba = np.array(said, np.uint8).reshape(256, 4)
    np.testing.assert_array_equal(rgba[:, :3], colour_table(palette))
    assert (rgba[:, 3] == 255).all()


@pytest.mark.parametrize("scale", SCALES)
def test_a_cell_has_the_same_shade_on_the_page_and_in_python(scale):
    values = np.random.default_rng(3).random(500).astype(np.float32)
    values[::7] *= 1e-3
    values[::50] = np.nan
    cells = json.dumps([None if np.isnan(v) else float(v) for v in values])
    frame = '{"exact": true, "low": 0.05, "high": 0.9}'
    said = in_a_browsers_engine(
        f"Array.from(shades(Float32Array.from({cells}, (v) => v ?? NaN), {frame}, {json.dumps(scale)}))"
    )
    np.testing.assert_array_equal(said, shades(values, low=0.05, high=0.9, scale=scale))


def test_paper_has_the_colours_of_the_light_theme():
    theme = light_colours()
    assert {name: theme[f"--sl-{THEME_NAMES[name]}"] for name in PAPER} == PAPER
