"""The card of predictions without a browser: rows, sentences and when it begins by itself.

Run with: pytest tests/modules/test_deep_dive_predictions.py
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from shiny import reactive
from shiny.testserver import test_server_async

from modules.deep_dive_predictions import (
    MAX_UNASKED_SECONDS,
    deep_dive_predictions_server,
    first_row,
    known_of,
    n_seconds,
)
from modules.dive import Dive
from modules.joint_masks import joint_finding, joint_table
from modules.prediction_candidates import PositionReading
from modules.prediction_drawing import (
    absence,
    actual_token,
    bar_sentence,
    full_bar,
    maskable,
    positions_finding,
    table_frame,
)
from modules.run_state import RunState
from modules.widgets.position_table import PositionTable
from sinklens.errors import NotANumber
from tests.analysis.profiles import capture_from_maps, random_maps
from tests.modules.predictions import predictions_from

NBSP = "\xa0"
LOGITS = np.log([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
SCRIPT = "<script>alert(1)</script>"


def run(labels="a b c", *, is_causal=True, **model):
    labels = labels.split()
    return capture_from_maps(
        random_maps(1, 1, len(labels), is_causal=is_causal),
        is_causal=is_causal,
        labels=labels,
        specials=tuple(i for i, label in enumerate(labels) if label.startswith("[")),
        model=model,
    )


def decoder(labels="a b c", logits=LOGITS, actual=(1, 0, None), **model):
    return replace(run(labels, **model), predictions=predictions_from(logits, actual=actual))


def encoder(labels="[CLS] a b c [SEP]", **model):
    return run(labels, is_causal=False, **({"mask_token": "[MASK]"} | model))


def alone(positions=(1, 2, 3), actual=(0, 1, 1)):
    return predictions_from(LOGITS, kind="masked", positions=positions, actual=actual)


# --- what applies -----------------------------------------------------------------------------------------


def test_what_does_not_apply_is_said_with_its_reason():
    assert "no language-model head" in absence(encoder(has_lm_head=False))
    assert "nor has a mask token" in absence(encoder(mask_token=None))
    assert "special tokens alone" in absence(encoder("[CLS] [SEP]"))
    assert absence(encoder()) is None
    assert absence(decoder()) is None


def test_special_tokens_are_not_masked_but_a_mask_of_the_text_is():
    assert maskable(encoder()) == (1, 2, 3)
    assert maskable(encoder("[CLS] a [MASK] [SEP]")) == (1, 2)


def test_the_token_that_a_prediction_stands_for_follows_it_or_stands_behind_the_mask():
    assert actual_token(decoder(), "next", 0).label == "b"
    assert actual_token(decoder(), "next", 2) is None
    assert actual_token(encoder(), "masked", 2).label == "b"
    assert actual_token(encoder("[CLS] a [MASK] [SEP]"), "masked", 2) is None


# --- sentences --------------------------------------------------------------------------------------------


def test_the_finding_of_a_decoder_counts_hits_and_names_the_most_surprising_token():
    # -ln 0.2 = 1.61 for "b" (1), -ln 0.5 = 0.69 for "c" (2): mean 1.15
    assert positions_finding(decoder(), decoder().predictions) == (
        "The model's first choice is the token that follows after 1 of 2 tokens. Mean surprisal "
        f"1.15{NBSP}nats; most surprising is “b” (1) with 1.61{NBSP}nats."
    )


def test_the_finding_of_an_encoder_names_the_masked_token_itself():
    sentence = positions_finding(encoder(), alone())
    assert sentence.startswith("Masked one at a time, 1 of 3 tokens are the model's first choice.")
    assert sentence.endswith(f"most surprising is “c” (3) with 2.30{NBSP}nats.")


def test_the_decoder_of_two_stacks_is_named():
    capture = decoder()
    assert positions_finding(replace(capture, target=capture.prompt), capture.predictions).startswith(
        "Decoder text. "
    )


def test_a_single_token_and_an_open_mask_have_nothing_to_compare_with():
    single = decoder("a", LOGITS[:1], (None,))
    assert positions_finding(single, single.predictions) == (
        f"A single token: nothing follows that could be compared. After “a” (0) comes “v0”, 70{NBSP}%."
    )
    opened = predictions_from(LOGITS[2:], kind="masked", positions=(2,))
    assert positions_finding(encoder("[CLS] a [MASK] [SEP]"), opened).startswith(
        "The text leaves all its masks open. At [MASK] (2): “v2”"
    )


def test_several_masks_are_told_together_and_beside_each_alone():
    together = predictions_from(LOGITS[:2], kind="masked together", positions=(1, 2), actual=(1, 0))
    # -ln 0.2 - ln 0.5 = 2.30; alone -ln 0.7 - ln 0.25 = 1.74
    assert joint_finding(together, alone()) == (
        "2 tokens masked together: 1 of 2 are the model's first choice. Their surprisals add up to "
        f"2.30{NBSP}nats; masked one at a time, to 1.74{NBSP}nats."
    )
    assert joint_finding(together, None).endswith(f"2.30{NBSP}nats.")
    opened = predictions_from(LOGITS[:2], kind="masked together", positions=(1, 2))
    assert joint_finding(opened, None).endswith("leaves all of them open.")


def test_each_joint_mask_has_a_row_with_both_surprisals():
    together = predictions_from(LOGITS[:2], kind="masked together", positions=(1, 2), actual=(1, 0))
    html = str(joint_table(encoder(), together, alone()))
    assert html.count("<tr") == 3
    for text in ("1.61", "0.36", "0.69", "1.39"):
        assert f">{text}<" in html
    odd = encoder(f"[CLS] {SCRIPT} b c [SEP]")
    assert SCRIPT not in str(joint_table(odd, together, None))


# --- rows -------------------------------------------------------------------------------------------------


def test_a_row_of_a_decoder_says_what_is_expected_and_what_follows():
    rows = table_frame(decoder(), decoder().predictions)["rows"]
    assert rows[0]["spoken"] == (
        f"After a (0): the model expects “v0”, 70{NBSP}%; the text has “b”, 20{NBSP}%, rank 2, 1.61 nats"
    )
    assert (rows[0]["hit"], rows[1]["hit"]) == (False, True)
    assert rows[2]["spoken"].endswith("the text leaves it open")
    assert "nats" not in rows[2]


def test_special_tokens_of_an_encoder_cannot_be_chosen():
    frame = table_frame(encoder(), alone())
    assert [row["usable"] for row in frame["rows"]] == [False, True, True, True, False]
    assert frame["rows"][0]["spoken"] == "[CLS] (0): special token, not masked"
    assert frame["masked"]


def test_the_tokens_stand_there_before_anything_is_predicted():
    frame = table_frame(encoder(), None)
    assert [row["label"] for row in frame["rows"]] == ["[CLS]", "a", "b", "c", "[SEP]"]
    assert not any("expected" in row for row in frame["rows"])
    assert frame["legend"] == ""


def test_the_bar_is_full_at_a_guess_or_at_the_largest_surprisal():
    assert full_bar(alone()) == pytest.approx(-np.log(0.1))
    assert "full at 2.3; a guess among all 3 tokens of the vocabulary costs 1.1" in bar_sentence(alone())
    mild = predictions_from(LOGITS[:1], actual=(0,))
    assert full_bar(mild) == pytest.approx(np.log(3))
    assert "full at" not in bar_sentence(mild)
    fills = [row.get("fill") for row in table_frame(encoder(), alone())["rows"]]
    assert fills == [None, 0.155, 0.602, 1.0, None]


def test_the_table_keeps_the_masks_of_the_same_run_alone(without_session):
    table = PositionTable()
    frame = table_frame(encoder(), None)
    table.show(frame, keeps_masks=False)
    table.masks, table.row = [1, 3], 3
    table.show(frame, keeps_masks=True)
    assert (table.masks, table.row) == ([1, 3], 3)
    table.show(table_frame(encoder("[CLS] a [SEP]"), None), keeps_masks=False)
    assert (table.masks, table.row) == ([], None)


# --- what is in view ----------------------------------------------------------------------------------------


def test_the_row_in_view_is_the_selected_token_else_the_end_or_the_middle_word():
    assert first_row(decoder(), None) == 2
    assert first_row(decoder(), 1) == 1
    assert first_row(decoder(), 9) == 2
    assert first_row(encoder(), None) == 2
    assert first_row(encoder(), 0) == 2
    assert first_row(encoder(), 3) == 3


def test_predictions_of_another_run_are_not_this_ones():
    one, other = encoder(), encoder()
    assert known_of((one, alone()), other) is None
    assert known_of(None, one) is None
    assert known_of((one, found := alone()), one) is found


def test_the_time_of_masking_in_turn_is_that_of_as_many_runs():
    assert n_seconds(replace(encoder(), elapsed_ms=2_000.0)) == pytest.approx(6.0)


def test_candidates_are_told_whose_they_are():
    together = predictions_from(LOGITS, kind="masked together", positions=(1, 2, 3))
    readings = (decoder(), decoder().predictions, 1), (encoder(), alone(), 2), (encoder(), together, 2)
    assert [PositionReading(*reading).caption() for reading in readings] == [
        "After b (1)",
        "Instead of b (2), masked alone",
        "Instead of b (2), masked together with 2 others",
    ]


# --- the card at work ---------------------------------------------------------------------------------------


class MaskService:
    """Stands for the inference service: answers at once, or refuses."""

    def __init__(self, problem: str = "") -> None:
        self.asked: list[tuple[tuple[int, ...], bool]] = []
        self.problem = problem

    async def masked_predictions(self, capture, positions, *, together=False, on_status=None):
        self.asked.append((positions, together))
        if self.problem:
            raise NotANumber(self.problem)
        return alone(positions)


def page_of(capture, service):
    def server(input, output, session):
        state = RunState(
            capture=lambda: capture,
            is_example=lambda: False,
            stream=reactive.Value("self"),
            head=reactive.Value((0, 0)),
            token=reactive.Value(None),
        )
        dive = Dive(state, None, lambda: 0, lambda: ())
        deep_dive_predictions_server("card", service=service, dive=dive)

    return test_server_async(server, timeout_secs=60)


async def until(session, output: str, words: str) -> None:
    for _ in range(600):
        await session.flush()
        shown = str(session.get_output(f"card-{output}").value)
        if words in shown:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{output} never said “{words}”, but “{shown}”.")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_short_text_is_masked_in_turn_at_once():
    service = MaskService()
    async with page_of(encoder(), service) as session:
        await session.set_inputs(**{"card-agree:shiny.action": 0})
        await until(session, "finding", "Masked one at a time, 1 of 3 tokens")
        await until(session, "candidates-table", "Instead of b (2), masked alone")
        await until(session, "candidates-steps", "Logit of “v0” (rank 1)")
        assert service.asked == [((1, 2, 3), False)]
        assert session.get_output("card-offer").status == "silent"


@pytest.mark.asyncio(loop_scope="session")
async def test_what_would_take_long_is_offered_and_waits_for_a_yes():
    service = MaskService()
    slow = replace(encoder(), elapsed_ms=MAX_UNASKED_SECONDS * 1_000.0)
    async with page_of(slow, service) as session:
        await session.set_inputs(**{"card-agree:shiny.action": 0})
        await until(session, "offer", "Mask all 3 in turn, about 1.0 min at most")
        await until(session, "finding", "3 tokens to predict")
        assert service.asked == []
        await session.set_inputs(**{"card-agree:shiny.action": 1})
        await until(session, "finding", "Masked one at a time, 1 of 3 tokens")
        assert service.asked == [((1, 2, 3), False)]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_problem_of_the_model_is_a_sentence_in_the_card():
    async with page_of(encoder(), MaskService("The model's logits are not finite.")) as session:
        await session.set_inputs(**{"card-agree:shiny.action": 0})
        await until(session, "finding", "The model's logits are not finite.")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_decoder_needs_no_service_and_says_why_it_has_no_masks():
    service = MaskService()
    async with page_of(decoder(), service) as session:
        await until(session, "finding", "The model's first choice is the token that follows")
        await until(session, "mask_hint", "Masking several tokens together does not apply")
        assert service.asked == []
