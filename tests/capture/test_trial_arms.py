"""Arms, controls and texts of trials: what is run, what is skipped and why.

python -m pytest tests/capture/test_trial_arms.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sinklens.errors import BadIntervention, NotCaptured, RunCancelled
from sinklens.interventions import (
    DropHeads,
    MaskKeys,
    SetDimensions,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
)
from sinklens.records import CaptureRequest
from sinklens.trial_records import EVERY_ARM, Arm, TrialRequest, joined
from tests.capture.tiny_models import TEXT
from tests.capture.trial_bench import FAMILIES, OTHER, Bench, Benches


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    return Benches(tmp_path_factory)


@pytest.fixture(params=FAMILIES)
def bench(request, benches):
    return benches[request.param]


def test_every_edit_is_followed_by_its_controls(bench):
    edit = MaskKeys(keys=(0,), stream=bench.stream)
    report = bench.trial(edit, texts=(TEXT, OTHER), with_controls=True)
    names = [effect.arm.name.removeprefix(f"{edit.sentence()}: ") for effect in report.effects]
    assert names == [edit.sentence(), "random key", "middle key", "recent key"] * 2
    assert [effect.arm.kind for effect in report.effects] == ["edit", *["control"] * 3] * 2
    assert len(report.of_arm(edit.sentence())) == 2
    assert len(report.controls_of(edit.sentence())) == 6
    assert [effect.text_index for effect in report.effects] == [0] * 4 + [1] * 4


def test_a_trial_costs_one_pass_for_each_arm_and_one_for_the_text_alone(benches):
    report = benches["gpt2"].trial(MaskKeys(keys=(0,)), texts=(TEXT, OTHER), with_controls=True)
    assert report.n_passes == 2 * (1 + 1 + 3)


def test_the_same_seed_draws_the_same_controls(benches):
    bench = benches["gpt2"]
    first, again, other = (
        bench.trial(DropHeads(pairs=((0, 0), (2, 1))), with_controls=True, seed=seed) for seed in (1, 1, 2)
    )
    arms = [[effect.arm for effect in report.effects] for report in (first, again, other)]
    assert arms[0] == arms[1] != arms[2]


def test_an_arm_that_cannot_be_taken_keeps_its_reason_and_its_controls_are_not_run(benches):
    bench = benches["llama"]
    report = bench.trial(
        MaskKeys(keys=(99,)), SwapPositions(second=2), Temperature(temperature=2), with_controls=True
    )
    reasons = [skipped.reason for skipped in report.skipped]
    assert reasons == [
        "The edit names token 99; this run has tokens 0 to 19.",
        f"Positions can be swapped in models with a learned vector for each; '{bench.name}' has rotary "
        "positions.",
    ]
    assert [effect.arm.name for effect in report.effects] == [Temperature(temperature=2).sentence()]
    assert report.n_passes == 2


def test_every_text_can_have_arms_of_its_own(benches):
    bench = benches["gpt2"]
    own = tuple((Arm("mask", (MaskKeys(keys=(key,)),)),) for key in (0, 7))
    request = TrialRequest(bench.name, (TEXT, OTHER), (), with_controls=False, own_arms=own)
    report = joined([bench.engine.trial(request, index) for index in range(2)])
    assert [effect.arm.interventions[0].keys for effect in report.of_arm("mask")] == [(0,), (7,)]
    expected = bench.token_loss(MaskKeys(keys=(7,)), text=OTHER)
    np.testing.assert_allclose(report.effects[1].loss_after, expected, atol=2e-5)


def test_an_edit_of_a_later_token_is_skipped_in_the_text_that_is_too_short_for_it(benches):
    report = benches["gpt2"].trial(MaskKeys(keys=(15,)), texts=(TEXT, OTHER))
    assert [effect.text_index for effect in report.effects] == [0]
    assert [(skipped.text_index, skipped.reason) for skipped in report.skipped] == [
        (1, "The edit names token 15; this run has tokens 0 to 10.")
    ]


def test_an_empty_text_among_others_is_listed_and_the_others_are_run(benches):
    report = benches["gpt2"].trial(
        MaskKeys(keys=(0,)), texts=(TEXT, "", OTHER), special_tokens=False, add_bos=False
    )
    assert [effect.text_index for effect in report.effects] == [0, 2]
    assert [(skipped.arm, skipped.text_index) for skipped in report.skipped] == [(EVERY_ARM, 1)]
    assert [prompt is None for prompt in report.prompts] == [False, True, False]


def test_a_text_of_one_token_is_listed_with_its_reason(benches):
    bench = benches["gpt2"]
    bare = {"special_tokens": False, "add_bos": False}
    report = bench.trial(MaskKeys(keys=(0,)), texts=("w1", TEXT), **bare)
    assert [effect.text_index for effect in report.effects] == [1]
    assert report.skipped[0].reason == "A loss needs at least two tokens; this text has one."
    with pytest.raises(BadIntervention, match="at least two tokens"):
        bench.trial(MaskKeys(keys=(0,)), texts=("w1",), **bare)


def test_a_text_of_special_tokens_alone_has_nothing_to_mask(benches):
    with pytest.raises(BadIntervention, match="no token that could be masked"):
        benches["bert"].trial(MaskKeys(keys=(0,)), texts=("<bos>",))


def test_a_trial_without_any_effect_says_why(benches):
    with pytest.raises(BadIntervention, match="bias"):
        benches["llama"].trial(ZeroQueryBias())


def test_two_arms_of_one_name_are_refused(benches):
    bench = benches["gpt2"]
    with pytest.raises(BadIntervention, match="two arms with the name"):
        bench.trial(MaskKeys(keys=(0,)), MaskKeys(keys=(0,)))


def test_a_model_without_a_head_has_no_loss(tmp_path):
    import transformers as hf

    from tests.capture.tiny_models import CONFIGS, tiny_tokenizer

    hf.AutoModel.from_config(CONFIGS["bert"]()).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(NotCaptured, match="has no prediction head, so that there is no loss to measure"):
        Bench("bert", tmp_path).trial(MaskKeys(keys=(0,)))


def test_an_eager_family_says_that_it_cannot_be_edited(benches):
    with pytest.raises(BadIntervention, match="its attention can be shown but not edited"):
        benches["bloom"].trial(MaskKeys(keys=(0,)))


def test_a_trial_is_stopped_as_soon_as_nobody_waits(benches):
    bench, asked = benches["gpt2"], []
    request = TrialRequest(bench.name, (TEXT,), (Arm("mask", (MaskKeys(keys=(0,)),)),))

    def is_cancelled():
        asked.append(len(asked))
        return len(asked) > 5

    with pytest.raises(RunCancelled):
        bench.engine.trial(request, 0, lambda share, name: None, is_cancelled)
    assert len(asked) == 6


def test_progress_rises_to_the_end_and_names_what_was_run(benches):
    bench, seen = benches["gpt2"], []
    request = TrialRequest(bench.name, (TEXT,), (Arm("mask", (MaskKeys(keys=(0,)),)),))
    bench.engine.trial(request, 0, lambda share, name: seen.append((share, name)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[-1] == (1.0, "mask: recent key")


def test_a_trial_leaves_no_trace_on_the_model(benches):
    bench = benches["llama"]
    before = bench.token_loss()
    bench.trial(MaskKeys(keys=(0,)), SetDimensions(layer=0, tokens=(0,), dimensions=(1,)), with_controls=True)
    np.testing.assert_array_equal(bench.token_loss(), before)


def test_several_edits_of_one_arm_are_made_together(benches):
    bench = benches["gpt2"]
    edits = (MaskKeys(keys=(0,)), DropHeads(pairs=((1, 1),)))
    request = TrialRequest(bench.name, (TEXT,), (Arm("both", edits),))
    effect = joined([bench.engine.trial(request, 0)]).effects[0]
    np.testing.assert_allclose(effect.loss_after, bench.token_loss(*edits), atol=2e-5)


def test_tokens_are_read_as_the_request_says(benches):
    bench = benches["gpt2"]
    report = bench.trial(MaskKeys(keys=(0,)), special_tokens=False, add_bos=False)
    assert report.prompts[0].labels == TEXT.split()
    bare = replace(CaptureRequest(bench.name, TEXT), special_tokens=False, add_bos=False)
    np.testing.assert_allclose(
        report.effects[0].loss_before, bench.engine.capture(bare).token_loss, atol=2e-5
    )
