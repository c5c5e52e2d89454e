"""Trials against captures, against plain passes of transformers, and against closed forms.

python -m pytest tests/capture/test_trial.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sinklens.capture.engine import Engine
from sinklens.capture.readings import N_FOLDS
from sinklens.capture.trial import state_drift
from sinklens.errors import BadIntervention, NotCaptured, RunCancelled
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    KeepCache,
    MaskKeys,
    PatchContribution,
    ScaleColumns,
    SetDimensions,
    StaticVectors,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)
from sinklens.records import CaptureRequest
from sinklens.trial_records import EVERY_ARM, Arm, TrialRequest, joined
from tests.capture.tiny_models import TEXT, save_tiny

OTHER = "w40 w41 w42 w43 w44 w45 w46 w47 w48"
FAMILIES = ("gpt2", "llama", "bert", "t5")
CAUSAL = ("gpt2", "llama", "t5")
STREAM = {"t5": "decoder"}


class Bench:
    """One tiny model, and trials of it."""

    def __init__(self, family: str, folder) -> None:
        self.family, self.name, self.engine = family, str(folder), Engine()
        self.stream = STREAM.get(family, "self")

    def trial(self, *edits, texts=(TEXT,), with_controls=False, **facts):
        arms = tuple(Arm(edit.sentence(), (edit,)) for edit in edits)
        request = TrialRequest(self.name, tuple(texts), arms, with_controls=with_controls, **facts)
        return joined([self.engine.trial(request, index) for index in range(len(texts))])

    def effect(self, edit, text=TEXT):
        return self.trial(edit, texts=(text,)).effects[0]

    def token_loss(self, *edits, text=TEXT):
        return self.engine.capture(CaptureRequest(self.name, text, interventions=edits)).token_loss

    def vectors(self):
        info = self.engine.info(self.name)
        shape = (info.n_layers, info.n_heads, info.head_dim)
        return StaticVectors.of(np.random.default_rng(1).normal(size=shape))


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    """family -> Bench"""

    class Benches(dict):
        def __missing__(self, family):
            self[family] = Bench(family, save_tiny(family, tmp_path_factory.mktemp(family)))
            return self[family]

    return Benches()


@pytest.fixture(params=FAMILIES)
def bench(request, benches):
    return benches[request.param]


@pytest.fixture(params=CAUSAL)
def causal(request, benches):
    return benches[request.param]


# --- losses -------------------------------------------------------------------------------------------


def test_losses_of_a_causal_model_are_those_of_captures_with_and_without_the_edit(causal):
    edit = MaskKeys(keys=(0,), stream=causal.stream)
    effect = causal.effect(edit)
    np.testing.assert_allclose(effect.loss_before, causal.token_loss(), atol=2e-5)
    np.testing.assert_allclose(effect.loss_after, causal.token_loss(edit), atol=2e-5)
    assert abs(effect.loss_change) > 1e-3


def test_losses_of_a_masked_model_are_those_of_plain_passes_over_masked_ids(benches):
    bench = benches["bert"]
    effect = bench.effect(MaskKeys(keys=(0,)))
    loaded = bench.engine.model(bench.name)
    prompt = bench.engine.tokenise(CaptureRequest(bench.name, TEXT))
    own = [token.index for token in prompt.tokens if not token.is_special]
    expected = []
    for start in range(N_FOLDS):
        fold, ids = own[start::N_FOLDS], torch.tensor([prompt.ids])
        hidden = ids.clone()
        hidden[0, fold] = loaded.tokenizer.mask_token_id
        with torch.no_grad():
            surprisal = -loaded.model(input_ids=hidden).logits[0].log_softmax(-1)
        expected += surprisal[fold, ids[0, fold]].tolist()
    np.testing.assert_allclose(effect.loss_before, expected, atol=2e-5)
    assert len(expected) == len(own)


def test_in_a_short_text_every_fold_masks_one_token_alone(benches):
    bench, text = benches["bert"], "w1 w2 w3 w4 w5"
    effect = bench.effect(ZeroValues(keys=(0,)), text)
    capture = bench.engine.capture(CaptureRequest(bench.name, text))
    alone = [bench.engine.masked_loss(capture, (position,)) for position in range(1, 6)]
    np.testing.assert_allclose(effect.loss_before, alone, atol=2e-5)


@pytest.mark.parametrize("edit", [ZeroValues(keys=(2,)), DropHeads(pairs=((0, 1),))])
def test_a_masked_models_losses_under_an_edit_are_those_of_edited_passes(benches, edit):
    bench, text = benches["bert"], "w1 w2 w3 w4 w5"
    capture = bench.engine.capture(CaptureRequest(bench.name, text, interventions=(edit,)))
    alone = [bench.engine.masked_loss(capture, (position,)) for position in range(1, 6)]
    np.testing.assert_allclose(bench.effect(edit, text).loss_after, alone, atol=2e-5)


def test_the_report_says_what_the_losses_are_of(benches):
    kinds = [benches[family].trial(Temperature(temperature=2)).loss_kind for family in ("llama", "bert")]
    assert kinds == ["next token", "masked token"]


def test_every_loss_knows_its_token(benches):
    n_tokens = 20
    np.testing.assert_array_equal(benches["llama"].effect(MaskKeys(keys=(0,))).tokens, np.arange(1, n_tokens))
    masked = benches["bert"].effect(MaskKeys(keys=(0,))).tokens
    assert masked[:4].tolist() == [1, 7, 13, 2]
    assert sorted(masked) == list(range(1, n_tokens - 1))
    removed = benches["llama"].effect(ChangeTokens(n_removed=3, prepend=(7,)))
    # The first token that stays follows the one that was put in front, so that both runs predict it.
    assert removed.tokens.tolist() == list(range(3, n_tokens))


# --- edits that change nothing ------------------------------------------------------------------------


def identities(bench):
    stream = bench.stream
    found = [
        ScaleColumns(keys=(0, 3), factor=1, stream=stream),
        Temperature(temperature=1, stream=stream),
        PatchContribution(keys=(0,), vectors=bench.vectors(), amount=0, stream=stream),
        DropHeads(pairs=(), stream=stream),
        ChangeTokens(stream=stream),
    ]
    if bench.family in ("gpt2", "llama"):
        found += [KeepCache(n_sink=0, n_recent=99), KeepCache(n_sink=4, n_recent=99)]
    return found


def test_an_edit_that_changes_nothing_changes_no_loss_no_prediction_and_no_state(bench):
    for effect in bench.trial(*identities(bench)).effects:
        np.testing.assert_allclose(effect.loss_after, effect.loss_before, atol=1e-5, err_msg=effect.arm.name)
        np.testing.assert_allclose(effect.kl, 0, atol=1e-6)
        assert not effect.is_top_changed.any()
        np.testing.assert_array_equal(effect.top_overlap, 1)
        np.testing.assert_allclose(effect.turned, 0, atol=1e-6)
        np.testing.assert_allclose(effect.stretched, 1, atol=1e-5)


def test_edits_that_change_something_diverge_and_never_below_zero(bench):
    stream = bench.stream
    edits = (MaskKeys(keys=(1,), stream=stream), Temperature(temperature=3, stream=stream))
    for effect in bench.trial(*edits).effects:
        assert effect.kl.min() >= 0
        assert effect.kl.max() > 1e-3
        assert len(effect.kl) == len(effect.loss_after) == len(effect.is_top_changed)
        assert 0 <= effect.top_overlap.min() <= effect.top_overlap.max() <= 1


# --- changed tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (ChangeTokens(prepend=(7, 8)), slice(None), slice(2, None)),
        (ChangeTokens(n_removed=2), slice(2, None), slice(None)),
        (ChangeTokens(replace_first_by=9), slice(None), slice(None)),
        (ChangeTokens(n_removed=1, prepend=(7,), replace_first_by=9), slice(1, None), slice(1, None)),
    ],
    ids=lambda value: value.sentence() if isinstance(value, ChangeTokens) else "",
)
def test_changed_tokens_are_compared_where_both_runs_predict_the_same_token(benches, edit, before, after):
    bench = benches["llama"]
    effect = bench.effect(edit)
    # The first loss that counts is that of a token which both texts have: nothing of what was put there.
    np.testing.assert_allclose(effect.loss_before, bench.token_loss()[before], atol=2e-5)
    np.testing.assert_allclose(effect.loss_after, bench.token_loss(edit)[after], atol=2e-5)


@pytest.mark.parametrize(
    ("stream", "before", "after"),
    [("encoder", slice(None), slice(None)), ("decoder", slice(2, None), slice(None))],
)
def test_an_encoder_decoder_changes_the_text_of_one_stack(benches, stream, before, after):
    bench, edit = benches["t5"], ChangeTokens(n_removed=2, stream=stream)
    effect = bench.effect(edit)
    np.testing.assert_allclose(effect.loss_before, bench.token_loss()[before], atol=2e-5)
    np.testing.assert_allclose(effect.loss_after, bench.token_loss(edit)[after], atol=2e-5)


def test_a_masked_token_is_found_again_where_it_stands(benches):
    bench, text = benches["bert"], "w1 w2 w3 w4 w5"
    edit = ChangeTokens(prepend=(7, 8))
    capture = bench.engine.capture(CaptureRequest(bench.name, text, interventions=(edit,)))
    alone = [bench.engine.masked_loss(capture, (position,)) for position in range(3, 8)]
    effect = bench.effect(edit, text)
    np.testing.assert_allclose(effect.loss_after, alone, atol=2e-5)
    assert len(effect.loss_before) == 5


def test_a_change_that_leaves_nothing_to_compare_is_skipped_with_its_reason(benches):
    bench, n_tokens = benches["gpt2"], 20
    report = bench.trial(MaskKeys(keys=(0,)), ChangeTokens(n_removed=n_tokens - 1))
    assert [skipped.reason for skipped in report.skipped] == [
        "After this change no token of the text is left that both runs predict."
    ]


# --- drift --------------------------------------------------------------------------------------------


def test_drift_is_one_minus_the_cosine_and_the_ratio_of_the_norms():
    before = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 4.0], [1.0, 0.0]]])
    after = torch.tensor([[[0.0, 3.0], [0.0, 1.0]], [[3.0, 4.0], [-2.0, 0.0]]])
    both = np.arange(2)
    turned, stretched = state_drift(before, after, both, both)
    np.testing.assert_allclose(turned, [(1 + 0) / 2, (0 + 2) / 2], atol=1e-6)
    np.testing.assert_allclose(stretched, [(3 + 0.5) / 2, (1 + 2) / 2], atol=1e-6)


def test_drift_compares_the_positions_that_belong_together():
    states = torch.randn(2, 3, 4)
    moved = torch.cat([torch.randn(2, 1, 4), states], dim=1)
    turned, stretched = state_drift(states, moved, np.array([0, 2]), np.array([1, 3]))
    np.testing.assert_allclose(turned, 0, atol=1e-6)
    np.testing.assert_allclose(stretched, 1, atol=1e-6)


def test_nothing_drifts_before_the_edited_layer(benches):
    for family in ("gpt2", "llama"):
        effect = benches[family].effect(DropHeads(pairs=((1, 0), (1, 2))))
        assert effect.turned.shape == (3,)
        np.testing.assert_allclose(effect.turned[0], 0, atol=1e-6)
        assert effect.turned[1:].min() > 1e-4


def test_dimensions_are_set_after_the_block_that_is_named(benches):
    bench = benches["llama"]
    effect = bench.effect(SetDimensions(layer=1, tokens=(0, 1, 2), dimensions=(3, 4)))
    np.testing.assert_allclose(effect.turned[0], 0, atol=1e-6)
    assert effect.turned[1] > 1e-4
    assert effect.stretched[1] < 1


# --- arms, controls, texts ----------------------------------------------------------------------------


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
