"""pytest tests/analysis/test_sinks.py"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.analysis.received import DEFINITIONS
from sinklens.analysis.sink_definitions import DEFINITIONS as PUBLISHED
from sinklens.analysis.sink_report import sink_report
from sinklens.analysis.sink_summary import label_counts, main_finding, n_disagreements, top_tokens
from sinklens.analysis.sinks import (
    LEARNED_SINK_INDEX,
    Thresholds,
    marked_tokens,
    sink_table,
    token_by_layer,
)
from sinklens.errors import BadSelection
from tests.analysis.profiles import (
    capture_from_maps,
    one_hot_maps,
    random_maps,
    uniform_maps,
)


def resting(n_tokens=24, sink_norm=0.2, **given):
    """Half of each row on token 0, the rest uniform; the sink's values are sink_norm times the others'."""
    norms = np.ones((2, 2, n_tokens))
    norms[..., 0] = sink_norm
    maps = 0.5 * one_hot_maps(2, 2, n_tokens) + 0.5 * uniform_maps(2, 2, n_tokens, is_causal=True)
    given = {"v_norm": norms, "vo_norm": norms, "k_norm": norms} | given
    return capture_from_maps(maps, is_causal=True, specials=(0,), **given)


def label_of(capture, position=0, **options):
    return sink_table(capture, **options)["label"].iloc[position]


def test_a_token_with_much_attention_and_small_values_is_a_parking_sink():
    table = sink_table(resting(sink_norm=0.2))
    row = table.iloc[0]
    assert row["label"] == "parking sink"
    assert row["write_ratio"] == pytest.approx(0.2)
    assert row["excess"] == pytest.approx(0.5, abs=1e-6)
    assert "0.20 ×" in row["reason"]
    assert (table["label"].iloc[1:] == "ordinary").all()


def test_a_token_with_much_attention_and_full_values_is_a_content_target():
    assert label_of(resting(sink_norm=1.0)) == "content target"


def test_without_value_vectors_the_token_is_only_called_attended():
    nothing = np.full((2, 2, 24), np.nan)
    table = sink_table(resting(v_norm=nothing, vo_norm=nothing))
    assert table["label"].iloc[0] == "attended"
    assert "no value vectors" in table["reason"].iloc[0]
    assert set(table["sinkfix_label"]) == {"not applicable"}
    assert "not known" in main_finding(table)


def test_a_short_text_gets_no_label():
    table = sink_table(resting(n_tokens=15))
    assert set(table["label"]) == {"too short to say"}
    assert main_finding(table).startswith("Too short to say")


def test_uniform_attention_has_no_sink_and_this_is_said():
    capture = capture_from_maps(uniform_maps(2, 2, 30, is_causal=True), is_causal=True)
    table = sink_table(capture)
    np.testing.assert_allclose(table["excess"], 0, atol=1e-6)
    assert main_finding(table).startswith("No sink here.")


def test_last_tokens_that_look_at_themselves_are_not_believed():
    maps = 0.5 * np.eye(24) + 0.5 * uniform_maps(1, 1, 24, is_causal=True)
    table = sink_table(capture_from_maps(maps, is_causal=True))
    assert table["label"].iloc[23] == "few queries"
    assert 23 not in top_tokens(table)["index"].tolist()


def test_a_learned_sink_has_its_own_row_with_the_missing_mass():
    maps = 0.6 * uniform_maps(2, 2, 20, is_causal=True)
    table = sink_table(capture_from_maps(maps, is_causal=True, model={"has_learned_sinks": True}))
    row = table.iloc[-1]
    assert (row["index"], row["label"]) == (LEARNED_SINK_INDEX, "learned sink")
    assert row["received"] == pytest.approx(0.4, abs=1e-6)
    finding = main_finding(table)
    assert finding.startswith("No token is a sink here.")
    assert "40\N{NO-BREAK SPACE}%" in finding
    assert sum(label_counts(table).values()) == 20


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_every_definition_finds_a_sink_that_takes_half_of_everything(definition):
    assert label_of(resting(n_tokens=80), definition=definition) == "parking sink"


def test_thresholds_decide_the_label():
    capture = resting(sink_norm=0.2)
    assert label_of(capture, thresholds=Thresholds(excess=0.6)) == "ordinary"
    assert label_of(capture, thresholds=Thresholds(write_ratio=0.1)) == "mixed sink"
    everything = Thresholds(write_ratio=0.1, content_ratio=0.15)
    assert label_of(capture, thresholds=everything) == "content target"
    assert label_of(capture, thresholds=Thresholds(n_tokens=30)) == "too short to say"


def test_cross_attention_has_no_hidden_norms_of_its_keys():
    maps = uniform_maps(1, 1, 18, 20, is_causal=False)
    table = sink_table(capture_from_maps(maps, is_causal=False, stream="cross"), stream="cross")
    assert len(table) == 20
    assert table["hidden_ratio"].isna().all()


def test_an_unknown_stream_is_refused():
    with pytest.raises(BadSelection):
        sink_table(resting(), stream="cross")


def test_one_token_by_layer_shows_the_share_and_ratio_of_each_layer():
    maps = np.concatenate([one_hot_maps(1, 2, 20), uniform_maps(1, 2, 20, is_causal=True)])
    hidden = np.ones((3, 20))
    hidden[1, 0] = 7.0
    frame = token_by_layer(capture_from_maps(maps, is_causal=True, hidden_norm=hidden), 0)
    assert frame["received"].iloc[0] == pytest.approx(1)
    assert frame["received"].iloc[1] == pytest.approx(frame["floor"].iloc[1])
    assert frame["hidden_ratio"].tolist() == pytest.approx([7.0, 1.0])


def test_the_summary_counts_every_token_once_and_names_the_sink():
    table = sink_table(resting())
    counts = label_counts(table)
    assert counts["parking sink"] == 1
    assert sum(counts.values()) == 24
    assert "“w0” (token 0)" in main_finding(table)
    assert top_tokens(table).iloc[0]["index"] == 0


def test_disagreement_counts_tokens_that_only_one_rule_flags():
    table = sink_table(resting())
    table["sinkfix_label"] = ["beneficial", "detrimental", "detrimental"] + ["neutral"] * 21
    assert n_disagreements(table) == 2


def test_the_report_is_json_without_missing_numbers():
    capture = resting(k_norm=np.full((2, 2, 24), np.nan))
    table = sink_table(capture)
    report = sink_report(capture, table, definition="eligible", stream=None, thresholds=Thresholds())
    text = json.dumps(report, allow_nan=False)
    back = json.loads(text)
    assert back["definition"]["key"] == "eligible"
    assert back["model"]["dtype"] == "float32"
    assert back["model"]["bos_used"] is True
    assert len(back["heads"]) == 2
    assert back["tokens"][0]["label"] == "parking sink"
    assert back["tokens"][0]["key_norm"] == [None, None]
    assert back["aggregate"]["sink_rate"]["0.3"] == 1.0
    assert [(sink["k"], sink["kind"]) for sink in back["sinks"]] == [(0, "first token")]
    verdicts = {entry["key"]: entry["is_sink"] for entry in back["sinks"][0]["definitions"]}
    assert len(verdicts) == len(PUBLISHED)
    # Half of everything is below the strictest threshold alone.
    assert [key for key, is_sink in verdicts.items() if not is_sink] == ["rate_0.8"]


MARKED_COLUMNS = ["index", "token", "label", "received", "excess", "write_ratio"]


@settings(max_examples=25, deadline=None)
@given(
    n_tokens=st.integers(12, 40),
    place=st.integers(0, 11),
    sink_norm=st.floats(0.1, 1.5),
    share=st.floats(0.0, 1.0),
    has_learned_sinks=st.booleans(),
)
def test_marked_tokens_are_the_rows_of_the_table_that_stand_out(
    n_tokens, place, sink_norm, share, has_learned_sinks
):
    norms = np.ones((2, 2, n_tokens))
    norms[..., place] = sink_norm
    pointing = np.zeros((2, 2, n_tokens, n_tokens))
    pointing[..., place] = 1.0
    maps = share * pointing + (1 - share) * uniform_maps(2, 2, n_tokens, is_causal=False)
    capture = capture_from_maps(
        maps, is_causal=False, vo_norm=norms, model={"has_learned_sinks": has_learned_sinks}
    )
    table = sink_table(capture)
    rows = table[~table["label"].isin(("ordinary", "too short to say"))][MARKED_COLUMNS]
    marked = pd.DataFrame(marked_tokens(capture), columns=MARKED_COLUMNS)
    pd.testing.assert_frame_equal(marked, rows.reset_index(drop=True), check_dtype=False, check_exact=True)


@settings(max_examples=15, deadline=None)
@given(n_tokens=st.integers(1, 20), seed=st.integers(0, 99), is_causal=st.booleans())
def test_every_token_of_any_text_gets_one_label_with_a_reason(n_tokens, seed, is_causal):
    maps = random_maps(2, 2, n_tokens, is_causal=is_causal, seed=seed)
    table = sink_table(capture_from_maps(maps, is_causal=is_causal))
    assert len(table) == n_tokens
    assert table["reason"].str.endswith(".").all()
    assert sum(label_counts(table).values()) == n_tokens
    assert main_finding(table).endswith(".")
