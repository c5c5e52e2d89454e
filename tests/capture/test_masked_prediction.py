"""Masked predictions in batches against one plain pass per mask.

python -m pytest tests/capture/test_masked_prediction.py
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sinklens.capture import masked_prediction, memory
from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection, NotANumber, NotCaptured, RunCancelled
from sinklens.interventions import DropHeads, MaskKeys, SetDimensions
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import MASKED, TEXT, save_tiny, tiny_model

MASK_ID = 3
POSITIONS = tuple(range(1, 19))
LONG = " ".join(["w1 w2 w3 w4 w5 w6 w7"] * 8)


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    class Folders(dict):
        def __missing__(self, family):
            self[family] = str(save_tiny(family, tmp_path_factory.mktemp(family)))
            return self[family]

    return Folders()


@pytest.fixture
def captured(engine, folders):
    def capture(family="bert", text=TEXT, **choices):
        return engine.capture(CaptureRequest(folders[family], text, **choices))

    return capture


def plain_logits(family: str, ids, masked) -> np.ndarray:
    """(T, V) of a copy of the model with plain eager attention and these positions masked."""
    model = tiny_model(family)
    model.set_attn_implementation("eager")
    inputs = torch.tensor([ids])
    inputs[0, list(masked)] = MASK_ID
    with torch.no_grad():
        return model(input_ids=inputs).logits[0].double().numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


# --- one at a time, many in a batch --------------------------------------------------------------------


@pytest.mark.parametrize("family", MASKED)
def test_a_batch_equals_one_plain_pass_per_mask(captured, engine, family):
    capture = captured(family)
    predictions = engine.masked_predictions(capture, POSITIONS)
    assert predictions.kind == "masked"
    assert predictions.positions == POSITIONS
    for row, position in enumerate(POSITIONS):
        expected = softmax(plain_logits(family, capture.prompt.ids, [position])[position])
        own = expected[capture.prompt.ids[position]]
        np.testing.assert_allclose(
            predictions.probabilities[row], expected[predictions.ids[row]], rtol=1e-3, atol=1e-6
        )
        assert predictions.probabilities[row, 0] == pytest.approx(expected.max(), rel=1e-3)
        assert predictions.actual_probability[row] == pytest.approx(own, rel=1e-3)
        assert predictions.actual_rank[row] == (expected > own).sum() + 1


@pytest.mark.parametrize("n_copies", [1, 2, 5])
def test_the_size_of_a_batch_changes_nothing(captured, engine, monkeypatch, n_copies):
    capture = captured()
    whole = engine.masked_predictions(capture, POSITIONS)
    monkeypatch.setattr(masked_prediction, "N_COPIES_MAX", n_copies)
    parts = engine.masked_predictions(capture, POSITIONS)
    np.testing.assert_array_equal(parts.ids[:, 0], whole.ids[:, 0])
    np.testing.assert_allclose(parts.steps.logits, whole.steps.logits, atol=1e-4)
    np.testing.assert_allclose(parts.surprisal, whole.surprisal, atol=1e-4)


EDITS = {
    "attention": (DropHeads(pairs=((2, 1),)), MaskKeys(keys=(3,), layers=(0,))),
    "states": (SetDimensions(layer=0, tokens=(2, 5), dimensions=(1, 7), values=(3.0, -3.0)),),
}


@pytest.mark.parametrize("edits", EDITS.values(), ids=list(EDITS))
@pytest.mark.parametrize("family", ["bert", "modernbert", "albert"])
def test_edits_of_the_run_are_in_force_in_every_copy(captured, engine, family, edits):
    edited = engine.masked_predictions(captured(family, interventions=edits), POSITIONS)
    plain = engine.masked_predictions(captured(family), POSITIONS)
    assert np.abs(edited.surprisal - plain.surprisal).max() > 1e-2
    # What an edit does to a masked copy is what a run of that masked text under the edit says.
    for position in (5, 12):
        words = TEXT.split()
        words[position - 1] = "<mask>"
        by_hand = captured(family, " ".join(words), interventions=edits)
        lens = engine.logit_lens(by_hand, engine.residual(by_hand))
        np.testing.assert_allclose(
            edited.at((position,)).probabilities[0], lens.probabilities[-1, position], atol=1e-5
        )


def test_the_pseudo_loss_is_the_mean_surprisal(captured, engine):
    capture = captured()
    losses = [
        -np.log(softmax(plain_logits("bert", capture.prompt.ids, [at])[at])[capture.prompt.ids[at]])
        for at in POSITIONS
    ]
    assert engine.masked_loss(capture, POSITIONS) == pytest.approx(np.mean(losses), abs=1e-4)


def test_a_mask_of_the_texts_own_is_open(captured, engine):
    capture = captured(text="w1 w2 <mask> w4")
    predictions = engine.masked_predictions(capture, (2, 3))
    assert predictions.actual_rank.tolist()[1] == 0
    assert np.isnan(predictions.surprisal).tolist() == [False, True]
    expected = softmax(plain_logits("bert", capture.prompt.ids, [3])[3])
    assert predictions.probabilities[1, 0] == pytest.approx(expected.max(), rel=1e-4)


# --- together --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_tokens_masked_together_equal_one_plain_pass(captured, engine, family):
    capture, masks = captured(family), (3, 4, 9)
    together = engine.masked_predictions(capture, masks, True)
    assert together.kind == "masked together"
    expected = softmax(plain_logits(family, capture.prompt.ids, masks)[list(masks)])
    ours = np.take_along_axis(expected, together.ids, axis=-1)
    np.testing.assert_allclose(together.probabilities, ours, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(together.probabilities[:, 0], expected.max(-1), rtol=1e-3)
    assert np.abs(together.surprisal - engine.masked_predictions(capture, masks).surprisal).max() > 1e-3


def test_one_token_masked_together_is_that_token_masked_alone(captured, engine):
    capture = captured()
    np.testing.assert_allclose(
        engine.masked_predictions(capture, (5,), True).steps.logits,
        engine.masked_predictions(capture, (5,)).steps.logits,
        atol=1e-5,
    )


# --- size, stop and refusals ------------------------------------------------------------------------------


def test_a_batch_fits_its_bytes_and_has_at_least_one_copy(engine, captured, monkeypatch):
    info = captured().model
    for n_tokens in (1, 7, 64, 512, 4096, 100_000):
        n_copies = masked_prediction.n_copies(info, n_tokens)
        fits = n_copies * memory.pass_bytes(info, n_tokens) <= masked_prediction.N_BATCH_BYTES
        assert fits or n_copies == 1
        assert n_copies <= masked_prediction.N_COPIES_MAX


def test_only_masked_positions_reach_the_prediction_head(captured, engine, monkeypatch):
    capture = captured(text=LONG)
    n_decoded = []
    read = masked_prediction.read_states
    monkeypatch.setattr(
        masked_prediction, "read_states", lambda loaded, hidden, *rest: n_decoded.append(len(hidden))
        or read(loaded, hidden, *rest),
    )  # fmt: skip
    positions = tuple(range(1, len(capture.prompt) - 1))
    engine.masked_predictions(capture, positions)
    assert sum(n_decoded) == len(positions)


def test_progress_counts_tokens_and_never_goes_back(captured, engine, monkeypatch):
    monkeypatch.setattr(masked_prediction, "N_COPIES_MAX", 5)
    told = []
    engine.masked_predictions(captured(), POSITIONS, False, lambda *status: told.append(status))
    assert [message for _, message in told] == [f"masked token {n} of 18" for n in (5, 10, 15, 18)]
    assert [fraction for fraction, _ in told] == [5 / 18, 10 / 18, 15 / 18, 1.0]


def test_it_stops_between_two_batches(captured, engine, monkeypatch):
    monkeypatch.setattr(masked_prediction, "N_COPIES_MAX", 5)
    told = []
    with pytest.raises(RunCancelled):
        engine.masked_predictions(
            captured(), POSITIONS, False, lambda *status: told.append(status), lambda: len(told) == 2
        )
    assert len(told) == 2


@pytest.mark.parametrize(
    ("positions", "sentence"),
    [((), "at least one token"), ((20,), "tokens 0 to 19; got position 20"), ((-1,), "got position -1")],
)
def test_positions_that_are_not_there_are_refused(captured, engine, positions, sentence):
    with pytest.raises(BadSelection, match=sentence):
        engine.masked_predictions(captured(), positions)


def test_a_decoder_has_no_mask(captured, engine):
    with pytest.raises(NotCaptured, match="predicts next tokens only"):
        engine.masked_predictions(captured("gpt2"), (1,))


def test_logits_that_are_no_numbers_are_refused(tmp_path):
    engine = Engine()
    capture = engine.capture(CaptureRequest(str(save_tiny("bert", tmp_path)), TEXT))
    model = engine.model(capture.request.model).model
    with torch.no_grad():
        model.cls.predictions.bias.fill_(float("nan"))
    with pytest.raises(NotANumber, match="not finite"):
        engine.masked_predictions(capture, (1, 2))
