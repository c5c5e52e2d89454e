"""Heads put in order and dropped, on a tiny model; sentences on trials made by hand.

python -m pytest tests/modules/test_bias_ablation.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules.bench import trial_texts
from modules.bias_ablation import AblationWish, ablate, is_answer
from modules.bias_ablation_drawing import (
    AblationFound,
    ablation_finding,
    ablation_list,
    ablation_rows,
    basis,
    elbow_sentence,
)
from modules.bias_bench import Detector
from modules.bias_ranking import HeadNumbers, Marks, MarksWish, head_numbers
from modules.figures.forest import forest
from sinklens.analysis.bias_decision import decide
from sinklens.analysis.bias_ratio import bias_attention_ratio
from sinklens.analysis.head_ablation import ablation_table
from sinklens.analysis.head_metrics import head_metric
from sinklens.bias.bias_engine import BiasEngine
from sinklens.errors import BadIntervention, BadSelection
from sinklens.interventions import DropHeads
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from sinklens.trial_records import Arm
from tests.analysis.effects import effect, report
from tests.bias.readings import reading_of
from tests.capture.tiny_models import TEXT, save_tiny

QUIET = lambda status: None  # noqa: E731


@pytest.fixture
def service(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache", allow_hub=False)
    found = InferenceService(BiasEngine(settings), settings)
    yield found
    found.close()


def dropped(change, pairs, *, of=None, text=0):
    """An effect of an arm that drops these heads; a control where `of` names the arm that it belongs to."""
    name = f"head {pairs[0][0]}.{pairs[0][1]}" if len(pairs) == 1 else f"first {len(pairs)} heads"
    name = f"{of}: random {pairs}" if of else name
    arm = Arm(name, (DropHeads(pairs=pairs),), "control" if of else "edit")
    return replace(effect(change, name=name, of=of, text=text), arm=arm)


def found_by_hand(*, control: float):
    """Head 0.1 costs 0.2 nats, 0.1 and 1.0 together 0.5; as many random heads cost `control`."""
    first, both = ((0, 1),), ((0, 1), (1, 0))
    effects = [
        dropped(0.2, first), dropped(control, ((0, 0),), of="head 0.1"),
        dropped(0.5, both), dropped(control, ((0, 0), (1, 1)), of="first 2 heads"),
    ]  # fmt: skip
    own = report(*effects)
    numbers = HeadNumbers("bar", "BAR of marked words", np.array([[1.0, 3.0], [2.0, 0.5]]), 1.0)
    return AblationFound(numbers, ((0, 1), (1, 0), (0, 0), (1, 1)), own, ablation_table(own))


def test_heads_that_cost_more_than_random_ones_are_told_from_those_that_do_not():
    matters, does_not = found_by_hand(control=0.01), found_by_hand(control=0.2)
    assert "dropped alone: 1 of 1 change the loss by more" in ablation_finding(matters)
    assert "First 2 together: +0.500 nats a token" in ablation_finding(matters)
    assert "; more than as many random heads of the same layers did (+0.010 …" in ablation_finding(matters)
    assert "dropped alone: 0 of 1 change the loss by more" in ablation_finding(does_not)
    assert "; less than as many random" in ablation_finding(found_by_hand(control=0.9))
    assert "; within what as many random" in ablation_finding(found_by_hand(control=0.5))
    assert elbow_sentence(matters) == "The change of the loss still grows at 2 heads."


def test_every_ablation_is_drawn_above_its_random_heads():
    rows = ablation_rows(found_by_hand(control=0.01))
    assert [(row.name, row.kind) for row in rows] == [
        ("head 0.1", "edit"), ("random head", "control"), ("first 2 heads", "edit"),
        ("random 2 heads", "control"),
    ]  # fmt: skip
    assert {trace.marker.symbol for trace in forest(rows).data} == {"circle", "diamond-open"}
    drawn = str(ablation_list(found_by_hand(control=0.01), pick="pick"))
    assert "[0, 1]" in drawn
    assert "yes" in drawn
    assert "next token loss" in str(basis(found_by_hand(control=0.01)))


async def test_the_first_heads_of_a_number_are_dropped_in_all_texts(service, tmp_path):
    capture = await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT))
    wish = AblationWish(capture, TEXT, "self", "previous_token_share", MarksWish(), 2, 0)
    found = await ablate(service, wish, QUIET)
    values = head_metric(capture.profile(), "previous_token_share")
    best = np.unravel_index(np.argmax(values), values.shape)
    assert found.ranked[0] == tuple(map(int, best))
    assert found.report.request.arms[0].interventions == (DropHeads(pairs=(found.ranked[0],)),)
    assert found.report.request.texts == trial_texts(TEXT, 0, "") == (TEXT,)
    edited = await service.capture(
        CaptureRequest(capture.request.model, TEXT, interventions=(DropHeads(pairs=(found.ranked[0],)),))
    )
    change = float(edited.token_loss.mean() - capture.token_loss.mean())
    assert found.table.loc[0, "change"] == pytest.approx(change, abs=1e-5)


async def test_heads_are_ranked_by_attention_on_the_words_of_one_category(service, tmp_path):
    capture = await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT))
    reading = reading_of(TEXT, {1: {"B-UNFAIR": 0.9}, 2: {"B-GEN": 0.9}})
    marks = Marks.of(decide(reading))
    found = await head_numbers(service, capture, "self", "bar:unfair", marks)
    units, mass = await service.attention_on_words(capture, reading, "self")
    only = units.units_of(np.arange(reading.n_words) == 1)
    assert np.array_equal(found.values, bias_attention_ratio(mass, only))
    assert found.floor == 1
    for key, nothing in (("bar:stereotype", marks), ("bar", None)):
        with pytest.raises(BadSelection, match="No word is marked"):
            await head_numbers(service, capture, "self", key, nothing)


async def test_a_model_without_predictions_is_refused_in_a_sentence(service, tmp_path):
    capture = await service.capture(CaptureRequest(str(save_tiny("bloom", tmp_path / "m")), TEXT))
    with pytest.raises(BadIntervention, match="Not applicable"):
        await ablate(service, AblationWish(capture, TEXT, "self", "focus", MarksWish(), 2, 0), QUIET)


def test_who_asks_before_the_words_are_read_is_not_told_that_something_changed():
    reading = reading_of(TEXT, {1: {"B-UNFAIR": 0.9}})
    before = AblationWish(None, TEXT, "self", "bar", MarksWish(None, Detector("d")), 2, 0)
    after = replace(before, marks=MarksWish(Marks.of(decide(reading)), Detector("d")))
    assert is_answer(before, after)
    assert not is_answer(before, replace(after, n_single=3))
    assert not is_answer(after, replace(after, marks=MarksWish(Marks(reading, ()), Detector("d"))))
    assert not is_answer(before, replace(after, marks=MarksWish(after.marks.marks, Detector("other"))))
