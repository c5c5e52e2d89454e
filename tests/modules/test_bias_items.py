"""Both versions of items in a tiny model: maps, their difference, and heads over all items.

python -m pytest tests/modules/test_bias_items.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bias_bench import BenchmarkItems
from modules.bias_items_drawing import (
    SensitivityFound,
    basis,
    item_names,
    sensitivity_finding,
    sensitivity_list,
    sensitivity_picture,
    version_texts,
)
from modules.bias_items_runs import N_ITEMS_MAX, item_numbers, part_of, show_item
from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.head_sensitivity import head_sensitivity
from sinklens.bias.bias_engine import BiasEngine
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection
from sinklens.records import CaptureRequest
from sinklens.run_status import RunStatus
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny

QUIET = lambda status: None  # noqa: E731
ITEMS = tuple(
    ContrastItem("made up", str(n), "g", "t", f"w{n} w2 w3", f"w{n} w5 w3", context="w9") for n in range(1, 7)
)
EMPTY = ContrastItem("made up", "0", "g", "t", "", "w1")
RNG = np.random.default_rng(0)


@pytest.fixture
def service(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache", allow_hub=False)
    found = InferenceService(BiasEngine(settings), settings)
    yield found
    found.close()


@pytest.fixture
async def run(service, tmp_path):
    return await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT))


async def test_both_versions_are_drawn_with_their_difference(service, run):
    shown = await show_item(service, run, ITEMS[0], "self", (1, 2), QUIET)
    texts = [ITEMS[0].versions[role] for role in ("stereotype", "anti_stereotype")]
    maps = []
    for text in texts:
        own = await service.capture(CaptureRequest(run.request.model, text))
        maps.append((await service.head_map(own, "self", 1, 2)).weights)
    assert np.allclose(shown.pictures[0].values, maps[0], equal_nan=True)
    assert np.allclose(shown.pictures[1].values, maps[1], equal_nan=True)
    assert shown.difference.heads == ((1, 2), (1, 2))
    assert np.nanmax(np.abs(shown.difference.picture.values[0])) == 0  # what comes first is the same in both
    assert "w9 w1 w5 w3" in str(version_texts(ITEMS[0]))


async def test_numbers_of_all_items_are_those_of_single_runs(service, run):
    numbers, n_left_out = await item_numbers(service, run, (*ITEMS, EMPTY), "self", QUIET)
    assert (set(numbers), n_left_out) == (set(HEAD_METRICS), 0 if len(numbers["focus"]) == 7 else 1)
    one = await service.capture(CaptureRequest(run.request.model, ITEMS[2].versions["anti_stereotype"]))
    assert np.allclose(numbers["focus"][2, 1], head_metric(one.profile(), "focus"), equal_nan=True)
    with pytest.raises(BadSelection, match=f"at most {N_ITEMS_MAX} items"):
        await item_numbers(service, run, ITEMS * 50, "self", QUIET)


def planted():
    """Head 1.1 differs between the versions; topics differ a hundred times as much in all heads."""
    topic = 100 * RNG.normal(size=(30, 1, 1))
    one, other = (topic + 0.1 * RNG.normal(size=(30, 2, 2)) for _ in range(2))
    one[:, 1, 1] += 1
    return SensitivityFound(head_sensitivity(one, other), HEAD_METRICS["focus"], "made up", 2)


def test_a_planted_head_is_named_and_the_topic_is_told():
    found = planted()
    said = sensitivity_finding(found)
    assert "1 of 4 heads differ between the versions of the same item" in said
    assert "Largest effect: head 1.1, d = +" in said
    assert "is topic" in said
    drawn = sensitivity_picture(found)
    assert [text.endswith("*") for text in drawn.axes.texts] == [False, False, False, True]
    assert "[1, 1]" in str(sensitivity_list(found, pick="pick"))
    assert "30 items (made up). 2 items could not be read." in basis(found)


def test_items_are_named_without_their_sentences():
    names = item_names(ITEMS[:1])
    assert names == {"0": "1 · g"}
    assert len(BenchmarkItems.own().items) == 24


def test_the_course_over_items_is_told_as_one():
    told = []
    part_of(told.append, 2, 4)(RunStatus("running", fraction=0.9, message="Layer 3"))
    part_of(told.append, 2, 4)(RunStatus("done"))
    part_of(told.append, 2, 4)(RunStatus("queued", position=3))
    assert [(one.phase, one.fraction, one.message) for one in told] == [
        ("running", 0.5, "item 3 of 4"),
        ("queued", 0.0, ""),
    ]
