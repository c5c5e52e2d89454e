"""The library's front door. python -m pytest tests/test_run.py"""

from __future__ import annotations

import numpy as np
import pytest

import sinklens
from sinklens.errors import BadSelection, NotCaptured
from tests.capture.tiny_models import TEXT, save_tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: str(save_tiny(name, tmp_path_factory.mktemp(name))) for name in ("gpt2", "bert", "t5")}


def test_a_run_reads_like_the_readme(folders):
    run = sinklens.analyze(folders["gpt2"], TEXT)
    assert run.tokens[0].label == "<bos>"
    assert run.map(layer=1, head=2).shape == (20, 20)
    assert run.profile.received.shape == (3, 4, 20)
    assert len(run.sinks()) == 20
    assert len(run.heads()) == 12
    assert run.predictions(positions=(5,)).labels[0][0]
    assert run.loss > 0


def test_an_edited_run_is_another_run(folders):
    run = sinklens.analyze(folders["gpt2"], TEXT)
    edited = run.edit(sinklens.MaskKeys(keys=(0,)))
    twice = edited.edit(sinklens.DropHeads(pairs=((1, 1),)))
    assert len({run.loss, edited.loss, twice.loss}) == 3
    assert "mask tokens 0" in repr(twice)
    assert run.capture.request.interventions == ()


def test_a_masked_model_has_a_pseudo_loss(folders):
    run = sinklens.analyze(folders["bert"], TEXT)
    predictions = run.predictions()
    assert predictions.kind == "masked"
    assert len(predictions.positions) == sum(not token.is_special for token in run.tokens)
    assert np.log(64) / 3 < run.loss < 3 * np.log(64)


def test_an_edit_changes_the_pseudo_loss_of_a_masked_model(folders):
    run = sinklens.analyze(folders["bert"], TEXT)
    assert abs(run.edit(sinklens.MaskKeys(keys=(0, 3))).loss - run.loss) > 1e-3


def test_several_tokens_are_masked_together_where_there_is_a_mask(folders):
    predictions = sinklens.analyze(folders["bert"], TEXT).predictions((2, 5), together=True)
    assert (predictions.kind, predictions.positions) == ("masked together", (2, 5))
    with pytest.raises(BadSelection, match="no mask"):
        sinklens.analyze(folders["gpt2"], TEXT).predictions((2, 5), together=True)


def test_a_text_of_special_tokens_alone_has_no_masked_loss(folders):
    run = sinklens.analyze(folders["bert"], "<mask>")
    with pytest.raises(NotCaptured, match="too short"):
        _ = run.loss


def test_an_encoder_decoder_run_has_three_streams(folders):
    run = sinklens.analyze(folders["t5"], TEXT, target="w1 w2")
    assert set(run.capture.profiles) == {"encoder", "decoder", "cross"}
    assert run.map(0, 0, stream="cross").shape == (4, 20)


def test_a_figure_is_written_in_the_format_of_its_file(folders, tmp_path):
    run = sinklens.analyze(folders["gpt2"], TEXT)
    assert run.figure(1, 2, path=tmp_path / "head.pdf").startswith(b"%PDF-")
    assert (tmp_path / "head.pdf").read_bytes() == run.figure(1, 2, format="pdf")
    assert run.figure(1, 2, scale="log") != run.figure(1, 2)
    with pytest.raises(BadSelection, match="layer and a head"):
        run.figure(1)
    with pytest.raises(BadSelection, match="got 'gif'"):
        run.figure(path=tmp_path / "all.gif")
