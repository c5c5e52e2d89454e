"""Run with: pytest tests/modules/test_flow_sankey.py"""

import numpy as np
import pytest

from modules.figures.layer_sankey import layer_sankey
from modules.flow_sankey import way_sentence
from sinklens.analysis.layer_flow import layer_flow

LABELS = ["<bos>", "the", "<cat>", "sat"]


def resting_maps() -> np.ndarray:
    """Three layers that look at nothing but the first token."""
    maps = np.zeros((3, 4, 4))
    maps[:, :, 0] = 1.0
    return maps


def test_the_sentence_says_what_the_position_kept_and_where_the_rest_is_from():
    assert way_sentence(layer_flow(resting_maps(), 3), LABELS) == (
        "sat (3) is made of its own input by 12\xa0% and of <bos> (0) by 88\xa0%, after all 3 layers."
    )


def test_the_first_position_is_made_of_itself_alone():
    assert way_sentence(layer_flow(resting_maps(), 0), LABELS) == (
        "<bos> (0) is made of its own input by 100\xa0%."
    )


def test_the_diagram_has_a_node_per_kept_position_and_level_and_loses_nothing():
    flow = layer_flow(resting_maps(), 3)
    sankey = layer_sankey(flow, LABELS, (0,), colour="#123456").data[0]
    assert len(sankey.node.label) == sum(len(level) for level in flow.levels)
    into_top = [v for t, v in zip(sankey.link.target, sankey.link.value, strict=True) if t == 7 - 1]
    assert sum(into_top) == pytest.approx(1.0)


def test_labels_are_escaped_and_colours_tell_sink_and_traced_position():
    maps = np.zeros((1, 4, 4))
    maps[:, :, 2] = 1.0
    sankey = layer_sankey(layer_flow(maps, 3), LABELS, (2,), colour="#123456").data[0]
    shown = dict(zip(sankey.node.label, sankey.node.color, strict=True))
    assert shown["&lt;cat&gt;"] == "var(--sl-sink)"
    assert shown["sat"] == "#123456"
