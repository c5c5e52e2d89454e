"""Rows of one batch against passes of their own.

python -m pytest tests/capture/test_edited_batch.py
"""

from __future__ import annotations

import pytest
import torch

from sinklens.capture.edited_batch import run_batch, shares_a_batch
from sinklens.capture.engine import Engine
from sinklens.errors import RunCancelled
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    EvictAtRandom,
    KeepCache,
    MaskKeys,
    MoveAttention,
    OffByOneSoftmax,
    QuantiseCache,
    ScaleColumns,
    SetDimensions,
    SwapPositions,
    Temperature,
    ZeroQueryBias,
    ZeroValues,
)
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import TARGET, TEXT, save_tiny

STREAM = {"t5": "decoder"}


def rows_for(family: str) -> list[tuple]:
    """One set of edits for each row, the first without any."""
    stream = STREAM.get(family, "self")
    edits = [
        MaskKeys(stream=stream, keys=(0,)),
        ScaleColumns(stream=stream, keys=(1, 2), factor=0.3),
        ZeroValues(stream=stream, keys=(0,), layers=(1,)),
        MoveAttention(stream=stream, pairs=((0, 1),)),
        DropHeads(stream=stream, pairs=((1, 0), (1, 2))),
        OffByOneSoftmax(stream=stream),
        Temperature(stream=stream, temperature=0.5),
        QuantiseCache(stream=stream, n_bits=3, keep=(0,), scale="channel"),
    ]
    if family in ("llama", "gpt2"):
        edits += [
            KeepCache(n_sink=2, n_recent=4),
            EvictAtRandom(n_kept=5),
            SetDimensions(layer=0, tokens=(0, 3), dimensions=(1, 5)),
        ]
    if family == "llama":
        edits.append(KeepCache(n_sink=2, n_recent=4, positions="in-cache"))
    return [(), *((edit,) for edit in edits), (edits[0], edits[4])]


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "t5", "gemma2", "gpt_oss"])
def test_every_row_is_the_pass_that_it_would_be_alone(family, tmp_path):
    engine = Engine()
    name = str(save_tiny(family, tmp_path))
    loaded, prompt = engine.model(name), engine.tokenise(CaptureRequest(name, TEXT))
    target = engine.tokenise(CaptureRequest(name, TARGET)) if family == "t5" else None
    rows = rows_for(family)
    together = run_batch(loaded, prompt, target, rows, lambda: False)
    assert together.trunk_output.shape[0] == len(rows)
    for index, row in enumerate(rows):
        alone = run_batch(loaded, prompt, target, [row], lambda: False)
        torch.testing.assert_close(together.trunk_output[index], alone.trunk_output[0], rtol=0, atol=1e-4)
        states = torch.stack(together.states)[:, index], torch.stack(alone.states)[:, 0]
        torch.testing.assert_close(*states, rtol=0, atol=1e-3)
    apart = (together.trunk_output[1:] - together.trunk_output[:1]).abs().amax((1, 2))
    assert (apart > 1e-3).all()


def test_edits_of_what_goes_in_or_is_projected_run_alone():
    own = (ChangeTokens(n_removed=1), SwapPositions(second=2), ZeroQueryBias())
    assert not any(shares_a_batch((MaskKeys(keys=(0,)), edit)) for edit in own)
    assert shares_a_batch(())
    assert all(shares_a_batch(row) for row in rows_for("llama"))


def test_a_batch_is_stopped_between_two_layers(tmp_path):
    engine = Engine()
    name = str(save_tiny("llama", tmp_path))
    prompt, asked = engine.tokenise(CaptureRequest(name, TEXT)), []

    def is_cancelled() -> bool:
        asked.append(None)
        return len(asked) > 4

    with pytest.raises(RunCancelled):
        run_batch(engine.model(name), prompt, None, [(), ()], is_cancelled)
    assert len(asked) == 5
