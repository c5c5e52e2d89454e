"""Run with: pytest tests/modules/test_overview.py"""

from dataclasses import replace

import numpy as np
import pytest

from modules.figures.layer_curve import layer_curve_figure, layer_finding
from modules.overview import metric_grid, note_list
from modules.overview_boxes import part_of_text, value_boxes
from modules.predictions import has_selection, masked_position, masked_table, next_tables, prediction_finding
from modules.text_finding import run_notes, text_finding
from modules.widgets.definition_sheet import definition_sheet
from modules.widgets.metric_card import metric_card
from modules.widgets.model_card import check_summary, model_card
from modules.widgets.prediction_table import prediction_table
from sinklens.analysis.global_metrics import MAP_ABSENT, global_metrics
from sinklens.analysis.head_metrics import HEAD_METRICS
from sinklens.analysis.run_summary import run_summary
from sinklens.analysis.shares import LayerCurve
from sinklens.records import Check, Token
from sinklens.results import Predictions
from tests.analysis.profiles import (
    capture_from_maps,
    one_hot_maps,
    profile_from_maps,
    random_maps,
    uniform_maps,
)

SCRIPT = "<script>alert(1)</script>"


def plain(tag):
    return str(tag).replace("\N{NO-BREAK SPACE}", " ")


def boxes(maps, *, is_causal=True, **facts):
    capture = capture_from_maps(maps, is_causal=is_causal, **facts)
    return plain(value_boxes(capture, run_summary(capture), sheet_id=lambda name: name))


def curve(*mean, floor=0.1):
    mean = np.array(mean)
    return LayerCurve(mean, mean, np.zeros(len(mean), int), np.full(len(mean), floor))


def guesses(kind, *positions, labels=("a", "b"), ranks=None):
    n = len(positions)
    ids, probabilities = np.zeros((n, 2), int), np.full((n, 2), 0.3)
    return Predictions(kind, positions, ids, (labels,) * n, probabilities, np.array(ranks or [0] * n))


# --- boxes ----------------------------------------------------------------------------------------


def test_first_token_share_stands_with_its_floor_and_excess():
    html = boxes(one_hot_maps(2, 2, 40))
    assert "100 %" in html
    assert "uniform 8.4 %, excess 1.00" in html


def test_excess_of_uniform_attention_is_zero_without_a_sign():
    assert "excess 0.00" in boxes(uniform_maps(2, 2, 40, is_causal=True) * (1 - 1e-6))


def test_sink_rate_on_a_short_text_carries_a_warning_and_on_a_long_one_none():
    assert "Only 5 tokens" in boxes(random_maps(2, 2, 5, is_causal=True))
    assert "are needed" not in boxes(random_maps(2, 2, 40, is_causal=True))


def test_strongest_sink_is_named_with_position_share_and_floor():
    html = boxes(one_hot_maps(2, 2, 40, key=3))
    assert '<bdi dir="auto" class="sl-mono">w3</bdi>' in html
    assert "token 3 receives 100 %, uniform" in html


def test_uniform_attention_says_no_sink_here():
    assert "No sink here." in boxes(uniform_maps(2, 2, 40, is_causal=True))


def test_loss_is_shown_only_where_it_is_defined():
    capture = capture_from_maps(random_maps(2, 2, 20, is_causal=True), is_causal=True)
    with_loss = replace(capture, token_loss=np.full(19, 2.0, np.float32))
    shown = plain(value_boxes(with_loss, run_summary(with_loss), sheet_id=str))
    assert "perplexity 7.389" in shown
    assert "perplexity" not in plain(value_boxes(capture, run_summary(capture), sheet_id=str))


def test_single_token_gets_sentences_instead_of_numbers():
    html = boxes(np.ones((2, 2, 1, 1)))
    assert html.count("Not applicable. With a single token") == 2
    assert "nan" not in html


def test_label_in_a_box_is_escaped():
    html = boxes(one_hot_maps(2, 2, 20), labels=[SCRIPT, *"abcdefghijklmnopqrs"])
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("window", "n_body", "n_total", "expected"),
    [
        ((0, 1), 512, 513, ""),
        ((0, 1), 512, 2301, "tokens 0–511 of 2,300 in the text, "),
        ((1, 5), 512, 2301, "window 2 of 5, tokens 512–1,023 of 2,300 in the text, "),
        ((4, 5), 252, 2301, "window 5 of 5, tokens 2,048–2,299 of 2,300 in the text, "),
    ],
)
def test_part_of_a_long_text_is_named_without_its_start_token(window, n_body, n_total, expected):
    body = tuple(Token(i, i, "x", "x", i, i + 1, False) for i in range(1, n_body + 1))
    prompt = capture_from_maps(np.ones((1, 1, 1, 1)), is_causal=True).prompt
    bos = Token(0, 0, "<s>", "<s>", None, None, True)
    assert (
        part_of_text(replace(prompt, tokens=(bos, *body), n_tokens_total=n_total, window=window)) == expected
    )


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (
            (0.12, 0.3, 0.5, 0.6, 0.71),
            "rises from 12 % in layer 0 to 71 % in layer 4; uniform would be 10 %.",
        ),
        ((0.12, 0.71, 0.4), "rises from 12 % in layer 0 to 71 % in layer 1 and ends at 40 % in layer 2;"),
        ((0.71, 0.4, 0.12), "falls from 71 % in layer 0 to 12 % in layer 2;"),
        ((0.71, 0.12, 0.4), "falls from 71 % in layer 0 to 12 % in layer 1 and ends at 40 % in layer 2;"),
        ((0.12, 0.14, 0.13), "stays between 12 % and 14 %;"),
        ((0.5,), "is 50 % in layer 0;"),
    ],
)
def test_layer_curve_in_a_sentence(shares, expected):
    sentence = plain(layer_finding(curve(*shares), "<bos>"))
    assert sentence.startswith("Attention to the first token “<bos>” ")
    assert expected in sentence


def test_layer_curve_of_a_single_token_is_not_applicable():
    assert layer_finding(curve(np.nan, np.nan), "x").startswith("Not applicable")


def test_layer_figure_has_mean_strongest_head_and_dotted_floor_in_the_side_s_colour():
    figure = layer_curve_figure(curve(0.1, 0.5), side="B")
    floor, top, mean = figure.data
    assert floor.line.dash == "dot"
    assert floor.y.tolist() == [0.1, 0.1]
    assert top.text == ("head 0.0", "head 1.0")
    assert mean.line.color == "var(--sl-side-b)"


def test_finding_names_the_definition_of_the_shades():
    capture = capture_from_maps(one_hot_maps(2, 2, 30), is_causal=True)
    assert "over the queries that can see the token" in text_finding(run_summary(capture))


def test_finding_names_the_stream_of_a_model_that_has_several():
    capture = capture_from_maps(one_hot_maps(2, 2, 30), is_causal=True, stream="decoder")
    assert text_finding(run_summary(capture, "decoder")).startswith("Decoder: ")


def test_every_warning_of_run_and_texts_is_shown_once():
    capture = capture_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True)
    prompt = replace(capture.prompt, warnings=("Part of the text.", "Both."))
    target = replace(capture.prompt, warnings=("Target.",))
    warned = replace(capture, prompt=prompt, target=target, warnings=("Both.", SCRIPT))
    assert run_notes(warned) == ("Part of the text.", "Both.", "Target.", SCRIPT)
    assert SCRIPT not in str(note_list(run_notes(warned)))
    assert note_list(()) is None


# --- metric cards and definitions ---------------------------------------------------------------------


def test_card_shows_value_reading_and_both_references():
    metric = global_metrics(profile_from_maps(one_hot_maps(2, 2, 10), is_causal=True))[2]
    html = plain(metric_card(metric, "about"))
    assert metric.definition.key == "focus"
    assert "uniform 100 %" in html
    assert "inset-inline-start: 100.0%" in html
    assert 'aria-label="0 %; uniform attention has 100 %, one key per query 0 %."' in html


def test_card_without_a_value_says_why_and_draws_no_scale():
    capture = capture_from_maps(random_maps(2, 2, 6, is_causal=True), is_causal=True, mean_map=None)
    html = plain(metric_grid(run_summary(capture), sheet_id=str))
    assert html.count(MAP_ABSENT) == 8
    assert "sl-meter-dot" not in html


@pytest.mark.parametrize("definition", HEAD_METRICS.values(), ids=list(HEAD_METRICS))
def test_sheet_shows_every_text_of_a_definition_and_its_button_opens_it(definition):
    html = str(definition_sheet(definition, "about_it"))
    for text in (definition.formula, definition.direction, definition.source, definition.causal_note):
        assert text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in html
    assert 'popovertarget="about_it"' in html
    assert 'id="about_it"' in html
    assert f'aria-label="What is {definition.name}?"' in html


# --- the model ------------------------------------------------------------------------------------


def checks(*results):
    return tuple(Check(f"check {i}", result, 1e-6, 1e-4, "It holds.") for i, result in enumerate(results))


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((True, True), "2 checks passed"),
        ((True, None), "1 check passed, 1 not applicable"),
        ((True, False, None), "1 of 2 checks failed, 1 not applicable"),
    ],
)
def test_badge_counts_passed_failed_and_not_applicable(results, expected):
    assert check_summary(checks(*results)) == expected


def test_failed_check_is_marked_on_the_badge_and_in_the_list():
    capture = capture_from_maps(
        random_maps(1, 1, 4, is_causal=True), is_causal=True, model={"checks": checks(True, False)}
    )
    html = str(model_card(capture.model, capture.prompt, "checks"))
    assert "sl-badge sl-badge-button sl-failed" in html
    assert "✗ failed" in html
    assert "1e-06" in html


def test_model_card_says_why_dtype_and_device_were_chosen_and_whether_it_is_causal():
    facts = {
        "dtype_reason": "no GPU",
        "device_reason": "<b>none</b> found",
        "n_kv_heads": 1,
        "sliding_window": 4096,
    }
    capture = capture_from_maps(random_maps(1, 4, 4, is_causal=False), is_causal=False, model=facts)
    html = str(model_card(capture.model, capture.prompt, "checks"))
    for text in (
        "no GPU",
        "&lt;b&gt;none",
        "1 × 4 (1 key-value)",
        "bidirectional, sliding window of 4,096",
        "not checked",
    ):
        assert text in html


def test_start_token_policy_of_the_run_is_shown():
    capture = capture_from_maps(
        random_maps(1, 1, 4, is_causal=True),
        is_causal=True,
        specials=(0,),
        model={"bos_token": "<s>", "adds_bos": True},
    )
    html = str(model_card(capture.model, capture.prompt, "c"))
    assert "&lt;s&gt; added" in html
    assert "the tokenizer by itself adds it" in html
    without = replace(capture.prompt, bos_added=False)
    assert "&lt;s&gt; not added" in str(model_card(capture.model, without, "c"))


# --- predictions ----------------------------------------------------------------------------------


def encoder(labels="[CLS] a b c [SEP]", **model):
    labels = labels.split()
    facts = {"mask_token": "[MASK]"} | model
    return capture_from_maps(
        random_maps(1, 1, len(labels), is_causal=False),
        is_causal=False,
        labels=labels,
        specials=tuple(i for i, label in enumerate(labels) if label.startswith("[")),
        model=facts,
    )


def test_position_to_mask_is_the_selection_else_an_open_mask_else_the_middle_word():
    assert masked_position(encoder(), None) == 2
    assert masked_position(encoder(), 3) == 3
    assert masked_position(encoder("[CLS] a b [MASK] c [SEP]"), None) == 3
    assert masked_position(encoder("[CLS] a b [MASK] c [SEP]"), 3) == 3


def test_start_token_is_not_masked_even_when_it_is_selected():
    assert masked_position(encoder(), 0) == 2
    assert masked_position(encoder("[CLS] [SEP]"), None) == 0


def test_rank_of_the_masked_token_is_told_unless_the_text_left_it_open():
    html = str(masked_table(encoder(), guesses("masked", 2, ranks=[17])))
    assert "The text has “b” here: rank 17." in html
    opened = encoder("[CLS] a b [MASK] c [SEP]")
    assert "The text has" not in str(masked_table(opened, guesses("masked", 3, ranks=[17])))


def test_next_token_tables_follow_the_end_and_the_selection():
    capture = capture_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True)
    capture = replace(capture, predictions=guesses("next", 0, 1, 2, 3, ranks=[1, 2, 1, 0]))
    assert str(next_tables(capture, None)).count("<table") == 1
    both = str(next_tables(capture, 1))
    assert "After “w3”, the last token" in both
    assert "After “w1”, token 1" in both
    assert "The text has “w2” here: rank 2." in both


def test_position_without_a_stored_prediction_is_said():
    capture = capture_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True)
    capture = replace(capture, predictions=guesses("next", 3))
    assert "no prediction after position 1" in str(next_tables(capture, 1))


def test_selection_in_the_encoder_says_nothing_about_the_decoder_s_next_token():
    capture = capture_from_maps(random_maps(1, 1, 4, is_causal=True), is_causal=True)
    with_target = replace(capture, target=capture.prompt)
    assert has_selection(capture, "self")
    assert has_selection(with_target, "decoder")
    assert not has_selection(with_target, "encoder")
    assert not has_selection(with_target, "cross")


def test_model_without_a_head_says_so():
    assert "no language-model head" in prediction_finding(encoder(has_lm_head=False))
    assert next_tables(encoder(has_lm_head=False), None) is None


def test_predicted_label_is_escaped():
    html = str(prediction_table(guesses("next", 0, labels=(SCRIPT, "b")), 0, caption=SCRIPT, actual=SCRIPT))
    assert SCRIPT not in html
