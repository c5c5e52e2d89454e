"""Trials against captures, against plain passes of transformers, and against closed forms.

python -m pytest tests/capture/test_trial.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture.readings import N_FOLDS
from sinklens.capture.trial import state_drift
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    KeepCache,
    MaskKeys,
    PatchContribution,
    ScaleColumns,
    SetDimensions,
    Temperature,
    ZeroValues,
)
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TEXT
from tests.capture.trial_bench import CAUSAL, FAMILIES, Benches


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    return Benches(tmp_path_factory)


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
