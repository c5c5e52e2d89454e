"""The agreement of methods on attributions whose agreement is known, and on a tiny model.

python -m pytest tests/modules/test_bias_methods.py
"""

from __future__ import annotations

import numpy as np
import pytest

from modules.bias_bench import run_of
from modules.bias_methods import TargetWish, exported, target_of, target_wish, with_sinks
from modules.bias_methods_drawing import (
    MethodsFound,
    agreement_note,
    agreement_rows,
    basis,
    curves_finding,
    curves_table,
    head_sentence,
    methods_finding,
    strips,
)
from modules.figures.erasure_curves import DASHES, SYMBOLS, erasure_figure
from sinklens.attribution_records import Attribution, AttributionTarget
from sinklens.bias.bias_engine import BiasEngine
from sinklens.errors import BadSelection
from sinklens.faithfulness_records import FaithfulnessReport
from sinklens.records import CaptureRequest
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import TEXT, save_tiny

N = 10
QUIET = lambda status: None  # noqa: E731


def made_by_hand(*, sink_only: bool):
    """Rollout and gradients that share nothing but token 0, or agree everywhere."""
    rising = np.arange(1.0, N + 1)
    own = np.array([100.0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) if sink_only else rising
    other = np.array([100.0, 5, 9, 1, 6, 2, 8, 4, 3, 7]) if sink_only else rising * 2
    report = FaithfulnessReport(
        target="a number",
        labels=tuple(f"t{i}" for i in range(N)),
        is_special=np.zeros(N, bool),
        attributions=(
            Attribution("attention rollout", own, "a number", 1.0),
            Attribution("gradient x input", -other, "a number", 1.0),
        ),
        head_importance=None,
        curves=(),
        left_out=("Something is not applicable: no reason.",),
        n_passes=3,
        elapsed_ms=10.0,
    )
    return MethodsFound(report, np.arange(N) == 0, "the sinks “t0” (0)", "prediction")


def test_agreement_that_is_the_sink_alone_goes_without_it():
    found = methods_finding(made_by_hand(sink_only=True), 3)
    rows = made_by_hand(sink_only=True).agreement(3).iloc[0]
    assert rows["rho"] > rows["rho_rest"]
    assert f"{rows['rho']:+.2f} over all tokens" in found
    assert f"{rows['rho_rest']:+.2f} without the sinks" in found
    assert "1 of 1 such pairs stay below |ρ| = 0.3" in found


def test_methods_that_rank_alike_agree_with_and_without_the_sinks():
    found = made_by_hand(sink_only=False)
    assert "+1.00 over all tokens (strong; chance: 0), +1.00 without the sinks" in methods_finding(found, 3)
    drawn = str(agreement_rows(found, 3))
    assert "1.00 (0.18)" in drawn
    assert "over 9 without the sinks “t0” (0)" in agreement_note(found, 3)


def test_a_sign_is_shown_by_more_than_colour_and_sinks_are_outlined():
    drawn = str(strips(made_by_hand(sink_only=False)))
    assert drawn.count("sl-raises") == N
    assert drawn.count("sl-lowers") == N
    assert drawn.count("bias-sink") == 2
    assert "Something is not applicable" in str(basis(made_by_hand(sink_only=False)))


def test_without_maps_and_curves_there_is_a_sentence():
    assert "gives no maps" in head_sentence(made_by_hand(sink_only=False), "gradient x input", (0, 0))
    assert curves_finding(made_by_hand(sink_only=False), "deletion") == "No curve was computed."


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Everything at once on a tiny GPT-2."""
    engine = BiasEngine(Settings(allow_hub=False))
    capture = engine.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path_factory.mktemp("m"))), TEXT))
    report = engine.faithfulness(capture, AttributionTarget("loss"))
    return with_sinks(capture, report, "loss")


def test_a_real_report_is_drawn_whole(measured):
    n_methods = len(measured.report.attributions)
    assert str(agreement_rows(measured, 3)).count('scope="row"') == n_methods * (n_methods - 1) // 2
    assert "heads correlate" in head_sentence(measured, "integrated gradients", (9, 9))
    for order in ("deletion", "insertion"):
        assert f"of {n_methods} methods do better" in curves_finding(measured, order)
        assert str(curves_table(measured, order)).count('scope="row"') == n_methods
    data = exported(measured, 3)
    assert len(data["attributions"]) == n_methods
    assert len(data["curves"]) == 2 * n_methods
    assert "residual" in str(strips(measured))


def test_every_curve_has_a_dash_and_a_marker_of_its_own(measured):
    chosen = [curve for curve in measured.report.curves if curve.order == "deletion"]
    lines = erasure_figure(chosen, "loss").data[1:]
    assert len({(line.line.dash, line.marker.symbol) for line in lines}) == len(chosen)
    assert len(DASHES) == len(SYMBOLS) >= 6


def test_in_the_detectors_tokens_its_special_tokens_stand_for_the_sinks(measured):
    found = with_sinks(None, measured.report, "bias")
    assert np.array_equal(found.is_sink, measured.report.is_special)
    assert "special tokens" in found.sinks_from


async def test_another_text_is_read_as_the_run_was_but_without_its_edits(tmp_path):
    settings = Settings(cache_dir=tmp_path, allow_hub=False)
    service = InferenceService(BiasEngine(settings), settings)
    own = await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT, add_bos=True))
    assert await run_of(service, own, TEXT, QUIET) is own
    other = await run_of(service, own, "w1 w2", QUIET)
    assert (other.request.text, other.request.add_bos, other.request.model) == (
        "w1 w2",
        True,
        own.request.model,
    )
    service.close()


def test_inputs_that_do_not_belong_to_the_number_do_not_count():
    assert target_wish("prediction", 3, " old", "unfair") == TargetWish("prediction", 3, " old")
    assert target_wish("prediction", None, "", "") == TargetWish("prediction")
    assert target_wish("loss", 3, "old", "unfair") == TargetWish("loss")
    assert target_wish("bias", 3, "old", "unfair") == TargetWish("bias", category="unfair")


async def test_a_chosen_token_at_a_chosen_position_is_what_is_explained(tmp_path):
    settings = Settings(cache_dir=tmp_path, allow_hub=False)
    service = InferenceService(BiasEngine(settings), settings)
    run = await service.capture(CaptureRequest(str(save_tiny("gpt2", tmp_path / "m")), TEXT))
    target = await target_of(service, run, TargetWish("prediction", 2, "w9"), QUIET)
    assert target == AttributionTarget("prediction", 2, 14)
    report = await service.faithfulness(run, target)
    assert report.target == "log probability of 'w9' after token 2"
    with pytest.raises(BadSelection, match="Type one token"):
        await target_of(service, run, TargetWish("prediction", None, "w1 w2"), QUIET)
    service.close()
