"""Plans, verdicts and patches of a tiny model through the real service.

python -m pytest tests/modules/test_trial_plan.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modules import trial_plan, verdict_trial
from modules.bench import Bench
from modules.edit_choice import KINDS, EditWish
from modules.intervene_maps import draw_maps
from modules.intervene_migration import gains_table, migration_sentence, named_table
from modules.intervene_result import arm_table, drift_sentence, forest_rows
from modules.intervene_tokens import expected_at, expected_sentence
from modules.loss_strip import loss_strip, suffer_sentence, token_changes
from modules.patch_drawing import patch_finding, patch_rows, patch_table, point_sentence, slide_figure
from modules.patch_trial import (
    DYNAMIC,
    LIMIT,
    OTHER_FIRST,
    OWN,
    RANDOM,
    SLIDE,
    STATIC,
    ZERO,
    PatchWish,
    identity_gap,
    split_texts,
    try_patches,
)  # fmt: skip
from modules.trial_plan import plan_trial
from modules.trial_words import edit_sentence, skipped_sentences
from modules.tried import try_edit
from modules.verdict_drawing import heads_finding, heads_picture, sinks_finding, verdict_rows, verdict_table
from modules.verdict_trial import judge_heads, judge_sinks
from sinklens.analysis.sink_migration import mean_row_sum, migration_table
from sinklens.errors import BadIntervention, BadSelection
from sinklens.interventions import ChangeTokens, MaskKeys
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT, save_tiny

OTHER = "w40 w41 w42 w43 w44 w45 w46 w47 w48 w1 w2 w3 w4 w5 w6 w7"
THIRD = "w9 w8 w7 w6 w5 w4 w3 w2 w1 w20 w21 w22 w23 w24 w25 w26"
TEXTS = (TEXT, OTHER, THIRD)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {
        name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in ("gpt2", "bert", "t5", "bloom")
    }


@pytest.fixture
def sinks(monkeypatch):
    """Tokens 0 and 3 are sinks of every text with more than 17 tokens, of shorter ones token 0."""

    def find(capture, stream):
        return (0, 3) if len(capture.prompt) > 18 else (0,)

    monkeypatch.setattr(trial_plan, "sink_positions", find)
    monkeypatch.setattr(verdict_trial, "sink_positions", find)


def bench(service):
    return Bench(service, None, None, None, lambda: True)


async def run_of(service, folder, text=TEXT, **facts):
    return await service.capture(CaptureRequest(folder, text, **facts))


async def tried(service, folder, wish, texts=TEXTS):
    return await try_edit(bench(service), await run_of(service, folder), texts, wish, lambda status: None)


# --- plans ----------------------------------------------------------------------------------------------


async def test_each_text_is_edited_at_its_own_sinks(service, folders, sinks):
    capture = await run_of(service, folders["gpt2"])
    plan = await plan_trial(service, capture, TEXTS, EditWish())
    assert [arms[0].interventions[0].keys for arms in plan.request.own_arms] == [(0, 3), (0,), (0,)]
    assert {arms[0].name for arms in plan.request.own_arms} == {plan.name} == {"Mask tokens"}
    assert plan.own == MaskKeys(keys=(0, 3))
    assert plan.notes == ()


async def test_a_text_without_a_sink_is_left_out_with_a_note(service, folders, monkeypatch):
    monkeypatch.setattr(trial_plan, "sink_positions", lambda run, _: () if run.prompt.text == OTHER else (0,))
    capture = await run_of(service, folders["gpt2"])
    plan = await plan_trial(service, capture, TEXTS, EditWish())
    assert plan.request.texts == (TEXT, THIRD)
    assert plan.notes[0].startswith("Text 2 is left out: No sink was found in it")
    only = await plan_trial(service, capture, (TEXT,), EditWish())
    assert only.own is not None


async def test_no_sink_in_any_text_is_a_sentence(service, folders, monkeypatch):
    monkeypatch.setattr(trial_plan, "sink_positions", lambda run, _: ())
    capture = await run_of(service, folders["gpt2"])
    with pytest.raises(BadIntervention, match=r"None of the 3 texts can take this edit. No sink was found"):
        await plan_trial(service, capture, TEXTS, EditWish())
    with pytest.raises(BadIntervention, match=r"^No sink was found in it"):
        await plan_trial(service, capture, (TEXT,), EditWish())


async def test_the_runs_own_text_without_a_sink_has_no_edited_run(service, folders, monkeypatch):
    monkeypatch.setattr(trial_plan, "sink_positions", lambda run, _: () if run.prompt.text == TEXT else (0,))
    found = await tried(service, folders["gpt2"], EditWish())
    assert found.after is None
    assert found.own_effect is None
    assert found.own_prompt is None
    assert found.missing == "The run's own text could not take the edit; the reasons stand above."


async def test_a_word_is_one_token_of_the_model_and_none_is_its_start_token(service, folders):
    capture = await run_of(service, folders["gpt2"])
    replaced = await plan_trial(service, capture, TEXTS, EditWish(kind="replace", word="w3"))
    start = await plan_trial(service, capture, TEXTS, EditWish(kind="prepend", n_tokens=2))
    assert replaced.own == ChangeTokens(replace_first_by=8)
    assert start.own == ChangeTokens(prepend=(1, 1))
    with pytest.raises(BadSelection, match=r"Type one token; 'w1 w2' is 2 for this model: w1 w2"):
        await plan_trial(service, capture, TEXTS, EditWish(kind="replace", word="w1 w2"))


async def test_heads_above_the_threshold_are_counted_and_none_is_a_sentence(service, folders, sinks):
    capture = await run_of(service, folders["gpt2"])
    plan = await plan_trial(service, capture, TEXTS, EditWish(kind="drop", epsilon=0.01))
    assert plan.notes[0] == f"{len(plan.own.pairs)} heads give token 0 of the run more than 0.01."
    with pytest.raises(BadSelection, match=r"No head gives token 0 more than 0.99 of its attention"):
        await plan_trial(service, capture, TEXTS, EditWish(kind="drop", epsilon=0.99))


async def test_models_that_cannot_be_tried_say_so_at_once(service, folders):
    capture = await run_of(service, folders["bloom"])
    with pytest.raises(BadIntervention, match=r"Not applicable: .* is read through eager hooks"):
        await plan_trial(service, capture, TEXTS, EditWish())
    capture = await run_of(service, folders["gpt2"])
    headless = replace(capture, model=replace(capture.model, has_lm_head=False))
    with pytest.raises(BadIntervention, match=r"Not applicable: .* has no prediction head"):
        await plan_trial(service, headless, TEXTS, EditWish())


# --- results --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "bert", "t5"])
@pytest.mark.parametrize("kind", ["mask", "values", "temperature", "remove", "prepend"])
async def test_an_edit_is_told_drawn_and_held_against_the_run(service, folders, family, kind):
    stream = "encoder" if family == "t5" else "self"
    found = await tried(service, folders[family], EditWish(kind=kind, tokens="first", stream=stream))
    assert found.report.skipped == ()
    assert found.finding.startswith(f"{KINDS[kind].name}: the loss ")
    assert "95% interval over 3 texts" in found.finding
    assert len(forest_rows(found.table)) == len(found.table) + (kind in ("mask", "values"))
    assert "◇" in str(arm_table(found.table)) or kind not in ("mask", "values")
    assert drift_sentence(found.report, found.plan.name).startswith("The states turn most after block")
    before, after = (run.profile(found.stream) for run in (found.before, found.after))
    table = named_table(found, migration_table(before, after, found.after.request.interventions))
    assert migration_sentence(table, mean_row_sum(after)).endswith(".")
    assert "Largest gains" in str(gains_table(table))
    maps = [await service.head_map(run, found.stream, 0, 0) for run in (found.before, found.after)]
    assert draw_maps(found, *maps).finding.startswith("In head 0.0 ")
    token = int(found.own_effect.tokens[3])
    expected = await expected_at(bench(service), found, token)
    assert f"At token {token} the likeliest" in expected_sentence(expected)


async def test_what_is_expected_before_and_after_has_the_losses_of_the_trial(service, folders):
    for family in ("gpt2", "bert"):
        found = await tried(service, folders[family], EditWish(kind="prepend", n_tokens=2), texts=(TEXT,))
        if family == "bert":
            continue  # a trial masks several tokens at once
        effect = found.own_effect
        for row in (0, 5):
            expected = await expected_at(bench(service), found, int(effect.tokens[row]))
            assert expected.before.surprisal[0] == pytest.approx(effect.loss_before[row], abs=1e-4)
            assert expected.after.surprisal[0] == pytest.approx(effect.loss_after[row], abs=1e-4)


async def test_the_strip_has_every_token_and_names_the_one_that_suffers_most(service, folders):
    found = await tried(service, folders["gpt2"], EditWish(tokens="first"), texts=(TEXT,))
    changes = token_changes(found.own_effect)
    worst = max(changes, key=changes.get)
    html = str(loss_strip(found.own_prompt, found.own_effect, pick="p"))
    assert html.count("<button") == len(found.own_prompt)
    assert html.count("not predicted in both runs") == 2 + 1  # title and label of token 0, and the legend
    assert f"({worst}) suffers most, by {changes[worst]:.2f} nats" in suffer_sentence(
        found.own_prompt, found.own_effect
    )


async def test_what_was_skipped_is_listed_with_the_texts(service, folders):
    wish = EditWish(tokens="listed", listed=(18,))
    found = await tried(service, folders["gpt2"], wish)
    assert skipped_sentences(found.report) == [
        "Mask tokens, texts 2, 3: The edit names token 18; this run has tokens 0 to 17."
    ]
    assert "Mask tokens, texts 2, 3" in str(edit_sentence(found.report, ()))


async def test_a_difference_of_maps_is_drawn_where_both_texts_have_the_token(service, folders):
    found = await tried(service, folders["gpt2"], EditWish(kind="prepend", n_tokens=2), texts=(TEXT,))
    maps = [await service.head_map(run, "self", 1, 2) for run in (found.before, found.after)]
    change = draw_maps(found, *maps).pictures[2]
    np.testing.assert_allclose(change.values, maps[1].weights[2:, 2:] - maps[0].weights, equal_nan=True)
    assert change.low == -change.high < 0


# --- verdicts -------------------------------------------------------------------------------------------


async def test_sinks_are_judged_in_the_texts_that_have_them(service, folders, sinks):
    capture = await run_of(service, folders["gpt2"])
    judged = await judge_sinks(service, capture, "self", TEXTS, lambda status: None)
    rows = verdict_rows(judged, 0.02)
    assert [row.name for row in rows] == ["<bos> (0)", "w3 (3)"]
    assert [row.verdict.change.over for row in rows] == ["texts", "tokens"]
    assert [len(judged.report.of_arm(f"token {token}")) for token in (0, 3)] == [3, 1]
    assert "SinkFix's label" in sinks_finding(rows)
    assert str(verdict_table(rows, with_sinkfix=True)).count("sl-chip") == 2


async def test_every_head_is_judged_with_the_token_masked_there_alone(service, folders, sinks):
    capture = await run_of(service, folders["gpt2"])
    judged = await judge_heads(service, capture, "self", (TEXT,), lambda status: None)
    rows = verdict_rows(judged, 0.02)
    assert len(rows) == 12
    arms = {row.subject.arm: judged.report.of_arm(row.subject.arm)[0].arm for row in rows}
    assert arms["head 2.1"].interventions[0].pairs == ((2, 1),)
    assert f"of {len(rows)} heads" in heads_finding(rows)
    picture = heads_picture(judged, rows)
    assert picture.values.shape == (3, 4)
    assert picture.values[2, 1] == pytest.approx(judged.report.of_arm("head 2.1")[0].loss_change, abs=1e-6)


async def test_another_tolerance_needs_no_other_trial(service, folders, sinks):
    capture = await run_of(service, folders["gpt2"])
    judged = await judge_sinks(service, capture, "self", TEXTS, lambda status: None)
    strict, lenient = (verdict_rows(judged, tolerance) for tolerance in (1e-6, 50.0))
    assert [row.verdict.change for row in strict] == [row.verdict.change for row in lenient]
    assert {row.verdict.name for row in lenient} <= {"benign", "undecided"}


async def test_without_a_sink_there_is_nothing_to_judge(service, folders, monkeypatch):
    monkeypatch.setattr(verdict_trial, "sink_positions", lambda run, _: ())
    capture = await run_of(service, folders["gpt2"])
    with pytest.raises(BadSelection, match=r"so there is nothing to judge"):
        await judge_sinks(service, capture, "self", TEXTS, lambda status: None)


# --- patches --------------------------------------------------------------------------------------------


def test_no_text_is_for_the_test_and_for_calibration():
    test, calibration = split_texts(("a", "b", "c", "d", "e"))
    assert (test, calibration) == (("a", "c", "e"), ("b", "d"))
    with pytest.raises(BadSelection, match=r"Patching needs a text to measure on and another one"):
        split_texts(("a",))


@pytest.mark.parametrize("family", ["gpt2", "bert", "t5"])
async def test_patches_go_from_nothing_changed_over_static_to_zero(service, folders, family):
    stream = "encoder" if family == "t5" else "self"
    capture = await run_of(service, folders[family])
    patched = await try_patches(service, capture, TEXTS, PatchWish(stream=stream), lambda status: None)
    assert identity_gap(patched.report) <= LIMIT
    assert not set(patched.calibration) & set(patched.test)
    rows = patched.table.set_index("arm")
    assert set(rows.index) == {name for *_, name in SLIDE} | {OWN, RANDOM, OTHER_FIRST}
    assert rows.at[DYNAMIC, "change"] == pytest.approx(0, abs=1e-5)
    assert abs(rows.at[ZERO, "change"]) > 1e-4
    assert patch_finding(patched, patched.table).startswith("A static vector in place of")
    assert [row.name for row in patch_rows(patched.table)] == [
        DYNAMIC,
        STATIC,
        OWN,
        RANDOM,
        OTHER_FIRST,
        ZERO,
    ]
    assert "none of which" not in str(patch_table(patched.table))
    assert list(slide_figure(patched.table, 4).data[1].y) == [rows.at[STATIC, "perplexity_after"]]
    assert point_sentence(patched.table, 8).startswith("zero: perplexity ")


async def test_patches_of_each_layer_alone_name_the_layer_that_costs_most(service, folders):
    capture = await run_of(service, folders["gpt2"])
    patched = await try_patches(service, capture, TEXTS, PatchWish(where="each"), lambda status: None)
    assert len(patched.table) == 3 * 3
    assert "One layer at a time: a static vector costs most in layer" in patch_finding(patched, patched.table)


async def test_patches_of_some_heads_are_for_those_above_the_threshold(service, folders):
    capture = await run_of(service, folders["gpt2"])
    wish = PatchWish(where="heads", epsilon=0.05)
    patched = await try_patches(service, capture, TEXTS, wish, lambda status: None)
    pairs = patched.report.of_arm(STATIC)[0].arm.interventions[0].pairs
    assert 0 < len(pairs) <= 12
    with pytest.raises(BadSelection, match=r"No head gives token 0 more than 0.99"):
        await try_patches(service, capture, TEXTS, replace(wish, epsilon=0.99), lambda status: None)
