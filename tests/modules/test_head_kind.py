"""Run with: pytest tests/modules/test_head_kind.py"""

from __future__ import annotations

import numpy as np
import pandas as pd

from modules.figures.head_groups import group_points
from modules.figures.head_patterns import applicable, pattern_bars, rank_in_layer
from modules.figures.head_radar import pattern_radar
from modules.head_groups import grouped
from modules.head_kind import kind_counts, kind_title, rest_sentence

HEAD = {"type": "induction", "confidence": "clear", "dormant": False, "sink_share": 0.65, "output_norm": 1.2}


def table_of(n=4):
    layer, head = np.divmod(np.arange(n), 2)
    numbers = np.linspace(0, 1, n)
    columns = {"layer": layer, "head": head, **{name: [value] * n for name, value in HEAD.items()}}
    for name in ("previous", "induction"):
        columns |= {name: numbers, f"{name}_raw": numbers / 2, f"{name}_floor": numbers / 4}
    columns |= {"next": [np.nan] * n, "next_raw": [np.nan] * n, "next_floor": [np.nan] * n}
    return pd.DataFrame(columns)


def test_the_title_names_the_head_its_kind_and_how_sure_that_is():
    table = table_of()
    assert kind_title(table.iloc[3]) == "Head 1.1: induction (clear)"
    table.loc[3, ["confidence", "dormant"]] = ["", True]
    assert kind_title(table.iloc[3]) == "Head 1.1: induction, dormant"


def test_a_sentence_says_how_much_the_head_rests_and_puts_out():
    sentence = rest_sentence(table_of().iloc[0])
    assert "It gives 65\xa0% of its attention to sinks and puts out 1.20\xa0× its layer's mean." in sentence


def test_kinds_are_counted_with_their_letters():
    html = str(kind_counts(table_of()))
    assert "I · induction 4" in html
    assert "dormant 0" in html


def test_patterns_that_cannot_occur_have_no_bar():
    assert applicable(table_of()) == ["previous", "induction"]
    figure = pattern_bars(table_of(), 3)
    bars = figure.data[0]
    assert list(bars.y) == ["after the same token", "token before"]
    assert list(bars.x) == [1.0, 1.0]
    medians = next(trace for trace in figure.data if trace.name == "median of all heads")
    assert list(medians.x) == [0.5, 0.5]


def test_groups_differ_in_colour_and_shape_and_the_head_in_view_is_ringed():
    table = table_of(16)
    found = grouped(table, "pca")
    figure = group_points(table, found.places, np.arange(16) % 2, ("one", "two"), (0, 1))
    one, two, ring = figure.data
    assert one.marker.symbol != two.marker.symbol
    assert one.marker.color != two.marker.color
    assert len(ring.x) == 1
    assert ring.x[0] == found.places[1, 0]


def test_the_radar_has_one_axis_per_pattern_that_the_head_has_a_score_for():
    figure = pattern_radar(table_of(), 3)
    for trace in figure.data:
        assert trace.theta == ("token before", "after the same token", "token before")
    assert figure.data[-1].r == (1.0, 1.0, 1.0)
    assert figure.layout.polar.radialaxis.range == (0, 1)


def test_ranks_count_the_heads_of_the_same_layer():
    table = table_of()
    assert rank_in_layer(table, 3, "previous") == "1 of 2"
    assert rank_in_layer(table, 0, "previous") == "2 of 2"
    assert rank_in_layer(table, 0, "next") == ""
