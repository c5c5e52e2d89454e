"""Run with: pytest tests/test_late_engine.py"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.recipes.example import example_of
from sinklens.capture.engine import Engine
from sinklens.late_engine import LateEngine
from sinklens.records import CaptureRequest
from sinklens.settings import Settings
from tests.captures import assert_same
from tests.tiny_gpt2 import save_tiny_gpt2

REPOSITORY = Path(__file__).resolve().parent.parent
OPEN_ALL = """
import sys, app
for place in app.example.maps:
    app.engine.head_map(app.example, *place)
print(len(app.example.maps), {"torch", "transformers"} & set(sys.modules))
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = save_tiny_gpt2(tmp_path_factory.mktemp("models") / "tiny", n_layers=3, n_heads=2)
    return example_of(Engine(Settings()), CaptureRequest(str(folder), "the cat sat on a mat"))


def test_example_holds_the_map_of_every_head(example):
    assert sorted(example.maps) == [("self", layer, head) for layer in range(3) for head in range(2)]


def test_kept_map_is_the_one_that_the_engine_computes(example):
    without_maps = replace(example, maps={})
    for place in example.maps:
        late = LateEngine(Settings()).head_map(example, *place)
        assert_same(late, Engine(Settings()).head_map(without_maps, *place))


def test_kept_map_is_read_by_an_engine_that_still_sleeps(example, monkeypatch):
    monkeypatch.delattr(LateEngine, "wake")
    late = LateEngine(Settings()).head_map(example, "self", 1, 1)
    assert late.weights.shape == (len(example.prompt), len(example.prompt))


def test_every_head_of_the_stored_example_opens_without_torch():
    outcome = subprocess.run([sys.executable, "-c", OPEN_ALL], cwd=REPOSITORY, capture_output=True, text=True)
    n_maps, imported = outcome.stdout.strip().split(" ", 1)
    assert (int(n_maps) > 0, imported) == (True, "set()"), outcome.stderr
