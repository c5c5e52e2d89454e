"""Run with: pytest tests/modules/test_token_strip.py"""

import json

import numpy as np
import pandas as pd
import pytest

from modules.widgets.token_strip import TokenStrip, direction, gaps, shade_top, strip_frame
from sinklens.analysis.sinks import sink_table
from sinklens.records import Prompt, Token
from tests.analysis.profiles import capture_from_maps, one_hot_maps, random_maps

SPACE = "\N{NO-BREAK SPACE}"


def prompt_of(text, *tokens):
    """A prompt from (label, start, end, is_special)."""
    made = tuple(
        Token(i, i, label, label, start, end, special)
        for i, (label, start, end, special) in enumerate(tokens)
    )
    return Prompt(text=text, tokens=made, bos_added=False, n_tokens_total=len(made))


def table_of(received, floor=None, labels=None):
    received = np.asarray(received, float)
    floor = np.full(len(received), 1 / len(received)) if floor is None else np.asarray(floor, float)
    return pd.DataFrame(
        {
            "index": range(len(received)),
            "received": received,
            "floor": floor,
            "excess": (received - floor) / (1 - floor),
            "label": labels or ["ordinary"] * len(received),
        }
    )


# --- words ----------------------------------------------------------------------------------------


def test_token_is_spoken_with_its_share_and_its_floor():
    prompt = prompt_of("a the", ("a", 0, 1, False), ("·the", 1, 5, False))
    frame = strip_frame(prompt, table_of([0.5, 0.12], floor=[0.6, 0.05]))
    assert frame["tokens"][1]["spoken"] == f"token 1 'the': receives 12{SPACE}% (floor 5.0{SPACE}%)"


def test_special_token_and_sink_are_said_in_words_not_only_drawn():
    capture = capture_from_maps(one_hot_maps(2, 2, 30), is_causal=True, specials=(0,))
    token = strip_frame(capture.prompt, sink_table(capture))["tokens"][0]
    assert token["sink"]
    assert token["special"]
    assert "special token" in token["spoken"]
    assert "attended" in token["spoken"]


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "&lt;b&gt;", '"onload="x', "</bdi>"])
def test_markup_in_a_label_travels_as_plain_text(label):
    prompt = prompt_of(label, (label, 0, len(label), False))
    frame = json.loads(json.dumps(strip_frame(prompt, table_of([1.0], floor=[0.5]))))
    assert frame["tokens"][0]["label"] == label
    assert f"'{label}'" in frame["tokens"][0]["spoken"]


def test_empty_label_is_still_something_to_click():
    assert (
        strip_frame(prompt_of("", ("", 0, 0, False)), table_of([1.0], floor=[0.5]))["tokens"][0]["label"]
        == "∅"
    )


# --- flow -----------------------------------------------------------------------------------------


def test_word_pieces_of_a_word_stay_together_and_words_part():
    prompt = prompt_of(
        "[CLS] unhappy dogs",
        ("[CLS]", None, None, True),
        ("un", 6, 8, False),
        ("happy", 8, 13, False),
        ("dogs", 14, 18, False),
    )
    assert gaps(prompt) == ["", "space", "", "space"]


def test_label_that_shows_its_own_space_gets_no_second_one():
    prompt = prompt_of("The cat", ("The", 0, 3, False), ("·cat", 4, 7, False))
    assert gaps(prompt) == ["", ""]


def test_line_break_of_the_text_breaks_the_line_whether_it_is_a_token_or_not():
    as_token = prompt_of("a\nb", ("a", 0, 1, False), ("↵", 1, 2, False), ("b", 2, 3, False))
    between = prompt_of("a\nb", ("a", 0, 1, False), ("b", 2, 3, False))
    assert gaps(as_token) == ["", "", "line"]
    assert gaps(between) == ["", "line"]


def test_tokenizer_without_offsets_still_gives_a_strip():
    assert gaps(prompt_of("ab", ("a", None, None, False), ("b", None, None, False))) == ["", ""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12 שלום abc", "rtl"), ("مرحبا", "rtl"), ("... Hello שלום", "ltr"), ("🙂 42", "ltr"), ("", "ltr")],
)
def test_direction_is_that_of_the_first_letter_that_has_one(text, expected):
    assert direction(text) == expected


# --- shades ---------------------------------------------------------------------------------------


def test_sink_does_not_wash_out_the_other_tokens():
    frame = strip_frame(
        prompt_of("", *[("x", None, None, False)] * 4),
        table_of([0.9, 0.04, 0.02, 0.04], floor=[0.0] * 4, labels=["parking sink", *["ordinary"] * 3]),
        shading="received",
    )
    assert [token["fill"] for token in frame["tokens"]] == [1.0, 1.0, 0.5, 1.0]
    assert frame["high"] == f"4.0{SPACE}% and more"


def test_shade_of_full_strength_is_the_largest_value_when_nothing_is_a_sink():
    assert shade_top(np.array([0.1, 0.3]), np.array(["ordinary", "ordinary"]), least=0.02) == 0.3


def test_nearly_uniform_attention_stays_pale():
    frame = strip_frame(prompt_of("", *[("x", None, None, False)] * 2), table_of([0.5001, 0.4999]))
    assert max(token["fill"] for token in frame["tokens"]) < 0.01
    assert frame["high"] == f"50{SPACE}%"


def test_mean_over_few_queries_does_not_set_the_scale_and_is_marked():
    labels = ["ordinary", "few queries"]
    assert shade_top(np.array([0.1, 0.8]), np.array(labels), least=0.02) == 0.1
    frame = strip_frame(prompt_of("", *[("x", None, None, False)] * 2), table_of([0.1, 0.8], labels=labels))
    assert [token["few"] for token in frame["tokens"]] == [False, True]


def test_text_of_sinks_only_still_has_a_scale():
    assert shade_top(np.array([0.4]), np.array(["parking sink"]), least=0.1) == 0.4


def test_below_the_floor_is_no_shade():
    frame = strip_frame(prompt_of("", *[("x", None, None, False)] * 2), table_of([0.7, 0.3]))
    assert frame["tokens"][1]["fill"] == 0.0


def test_learned_sink_of_the_model_is_no_token_of_the_text():
    capture = capture_from_maps(
        0.5 * random_maps(2, 2, 20, is_causal=True), is_causal=True, model={"has_learned_sinks": True}
    )
    table = sink_table(capture)
    assert len(table) == 21
    assert len(strip_frame(capture.prompt, table)["tokens"]) == 20


def test_strip_of_side_b_says_so():
    frame = strip_frame(prompt_of("a", ("a", 0, 1, False)), table_of([1.0], floor=[0.5]), side="B")
    assert frame["side"] == "B"


def test_another_text_forgets_which_token_was_chosen(without_session):
    strip = TokenStrip()
    strip.clicked = 3
    strip.show({"tokens": []})
    assert strip.clicked is None
