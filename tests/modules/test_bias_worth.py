"""Every head dropped alone on a tiny model; sentences and pictures on numbers made by hand.

python -m pytest tests/modules/test_bias_worth.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modules.bias_bench import BenchmarkItems
from modules.bias_ranking import HeadNumbers, MarksWish
from modules.bias_worth_drawing import (
    WorthFound,
    correlation_sentence,
    head_points,
    worth_figure,
    worth_finding,
    worth_list,
    worth_picture,
)
from modules.bias_worth_trial import WorthWish, half_of, weigh
from modules.figures.head_scatter import heads_of_traces
from sinklens.analysis.benchmark_score import benchmark_score
from sinklens.bias.bias_engine import BiasEngine
from sinklens.bias.sentence_score import score_item
from sinklens.contrast_records import ContrastItem
from sinklens.errors import BadSelection
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.run_status import RunStatus
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.analysis.test_head_fairness import _scores
from tests.capture.tiny_models import TEXT, save_tiny

QUIET = lambda status: None  # noqa: E731
ITEMS = tuple(
    ContrastItem("made up", str(n), "g", "t", f"w{n} w2 w3", f"w{n} w5 w3", f"w{n} w6") for n in range(1, 6)
)


def by_hand():
    """Four heads: 0.0 is cheap and makes fairer, 1.1 makes fairer still at a price, two do nothing good."""
    loss, cost = [0.01, 0.05, 0.02, 0.20], [-5.0, 1.0, 2.0, -9.0]
    rows = [
        {
            "layer": i // 2, "head": i % 2, "metric": float(i), "loss": loss[i], "loss_low": loss[i] - 0.005,
            "loss_high": loss[i] + 0.005, "preference": cost[i] / 10, "preference_low": cost[i] / 10 - 0.2,
            "preference_high": cost[i] / 10 + 0.2, "distance": cost[i] / 10,
            "distance_low": cost[i] / 10 - 0.2, "distance_high": cost[i] / 10 + 0.2,
            "imbalance": cost[i], "imbalance_low": cost[i] - 3,
            "imbalance_high": cost[i] + 3,
        }
        for i in range(4)
    ]  # fmt: skip
    before = benchmark_score(_scores([1, 1, 1, -1]))
    return WorthFound(pd.DataFrame(rows), (2, 2), before, "made up", None, ())


NUMBERS = HeadNumbers("focus", "Focus", np.array([[0.1, 0.2], [0.3, np.nan]]), 1.0)


def test_the_best_bargain_and_the_number_of_sure_heads_are_told():
    found = worth_finding(by_hand(), by_hand().table, "imbalance")
    assert "prefers the stereotype in 75 % of 4 items" in found
    assert "leaves out 0 for 2 of 4 heads (about 0 would by chance)" in found
    assert "Most even without head 1.1: -9.00 points from even (-12.00 to -6.00), at +0.2000 nats" in found
    table = by_hand().table.assign(imbalance=1.0)
    assert "Dropping no head makes it more even here." in worth_finding(by_hand(), table, "imbalance")


def test_the_front_is_drawn_as_a_line_of_diamonds_and_a_click_finds_its_head():
    points = head_points(by_hand().table, "imbalance", (1, 0))
    assert points.is_front.tolist() == [True, False, False, True]
    assert heads_of_traces(points) == ([1, 2], [0, 3], [2])
    others, front, ring = worth_figure(points, NUMBERS, "imbalance").data
    assert (front.mode, front.marker.symbol, list(front.x)) == ("lines+markers", "diamond", [0.01, 0.2])
    assert list(ring.x) == [0.02]
    assert others.marker.symbol == "circle"
    assert heads_of_traces(head_points(by_hand().table, "imbalance", (9, 9)))[2] == []


def test_the_number_of_the_attention_is_taken_over_without_measuring_again():
    heads = by_hand().with_metric(NUMBERS)
    assert heads["metric"].tolist()[:3] == [0.1, 0.2, 0.3]
    assert np.isnan(heads["metric"][3])
    assert "Too few heads" in correlation_sentence(heads, NUMBERS, "imbalance")
    many = pd.concat([by_hand().table] * 3, ignore_index=True)
    assert "worth ρ = +" in correlation_sentence(many, NUMBERS, "imbalance")
    drawn = worth_picture(by_hand(), heads, "metric", "Focus")
    assert drawn.axes.texts[-1] == ""
    assert "[1, 1]" in str(worth_list(heads, NUMBERS, "imbalance", pick="pick"))


def test_two_stretches_of_work_are_one_course():
    told = []
    for number in (0, 1):
        half_of(told.append, number)(RunStatus("running", fraction=0.5))
        half_of(told.append, number)(RunStatus("done", fraction=1.0))
    assert [status.fraction for status in told] == [0.25, 0.75]


@pytest.fixture
def service(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache", allow_hub=False)
    found = InferenceService(BiasEngine(settings), settings)
    yield found
    found.close()


async def test_every_head_is_dropped_alone_on_texts_and_items(service, tmp_path):
    name = str(save_tiny("gpt2", tmp_path / "m"))
    capture = await service.capture(CaptureRequest(name, TEXT))
    items = BenchmarkItems("made up", ITEMS)
    found = await weigh(service, WorthWish(capture, TEXT, "self", "all", "", MarksWish(), items, 0), QUIET)
    profile = capture.profile()
    assert len(found.table) == profile.n_layers * profile.n_heads
    row = found.table[(found.table["layer"] == 1) & (found.table["head"] == 2)].iloc[0]
    edit = (DropHeads(pairs=((1, 2),)),)
    edited = await service.capture(CaptureRequest(name, TEXT, interventions=edit))
    assert row["loss"] == pytest.approx(float(edited.token_loss.mean() - capture.token_loss.mean()), abs=1e-5)
    loaded = BiasEngine(Settings(allow_hub=False)).model(name)
    changes = [score_item(loaded, i, edit).preference - score_item(loaded, i).preference for i in ITEMS]
    assert row["preference"] == pytest.approx(np.mean(changes), abs=1e-4)
    again = await service.edited_item_scores(name, ITEMS, ((), edit))
    assert [len(own) for own in again[0]] == [5, 5]


async def test_without_items_there_is_a_sentence(service, tmp_path):
    capture = await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT))
    wish = WorthWish(capture, TEXT, "self", "all", "", MarksWish(), BenchmarkItems("", ()), 0)
    with pytest.raises(BadSelection, match="Score the items of the benchmark card first"):
        await weigh(service, wish, QUIET)
