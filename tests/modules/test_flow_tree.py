"""Run with: pytest tests/modules/test_flow_tree.py"""

import numpy as np
import pytest

from modules.flow_tree import CROSS, tree_map
from modules.tree_drawing import plant_tree, size_sentence, tree_sentence
from modules.widgets.branch_list import branch_id, branch_items, branch_list
from sinklens.analysis.influence_tree import influence_tree
from sinklens.errors import SinkLensError
from tests.analysis.profiles import capture_from_maps, one_hot_maps, random_maps, uniform_maps

LABELS = ["<bos>", "The", "<b>cat</b>", "sat"]
WEIGHTS = np.array([[1.0, 0, 0, 0], [0.75, 0.25, 0, 0], [0.5, 0.3, 0.2, 0], [0.1, 0.4, 0.3, 0.2]])


def planted(weights=WEIGHTS, *, hides_sinks=False, root=3, depth=4, branching=2):
    capture = capture_from_maps(weights[None, None], is_causal=True, labels=LABELS, specials=(0,))
    return plant_tree(
        capture, "self", weights, root=root, depth=depth, branching=branching, hides_sinks=hides_sinks
    )


def test_two_levels_stand_open_at_first():
    tree = planted().tree
    assert max(node.depth for node in tree.nodes) == 2
    assert (3, 2, 1) not in tree.grown


def test_the_finding_follows_the_strongest_branch():
    assert planted().finding == (
        "Apart from itself, sat (3) looks most at The (1), 40\xa0%, and that one at <bos> (0), 75\xa0%."
    )


def test_sinks_are_left_out_and_the_note_says_what_they_hold():
    shown = planted(hides_sinks=True)
    assert all(node.token != 0 for node in shown.tree.nodes)
    assert shown.note.startswith(
        "Left out: <bos> (0), where heads rest and branches would end, with 59\xa0% of"
    )
    assert shown.finding.startswith("Apart from itself and sinks, sat (3) looks most at The (1), 40\xa0%")


def test_kept_sinks_need_no_note():
    assert planted().note == ""


def test_a_run_without_sinks_says_that_nothing_is_left_out():
    maps = uniform_maps(1, 2, 30, is_causal=True)
    capture = capture_from_maps(maps, is_causal=True)
    shown = plant_tree(capture, "self", maps[0, 0], root=29, depth=2, branching=2, hides_sinks=True)
    assert shown.note == "Nothing is left out: no sink was found in this run."


def test_a_token_that_sees_nobody_else_is_told_in_a_sentence():
    assert planted(root=0).finding == "<bos> (0) sees no token but itself."


def test_a_tree_that_a_sink_swallows_has_a_sentence_too():
    shown = planted(one_hot_maps(1, 1, 4)[0, 0], hides_sinks=True)
    assert shown.finding == "sat (3) sees no token but itself and sinks."
    assert size_sentence(shown.tree) == "1 token shown. Open a token to see where it looks in turn."


def test_a_cut_tree_says_at_how_many_tokens():
    weights = random_maps(1, 1, 9, is_causal=False)[0, 0]
    tree = influence_tree(weights, 8, depth=2, branching=4, n_nodes_max=10).grow_levels(2)
    assert size_sentence(tree).startswith("Cut at 10 tokens: 11 more found no room.")
    html = str(branch_list(tree, [f"w{i}" for i in range(9)], ask="tree-branch"))
    assert "4 more: the tree is full at 10 tokens" in html


def test_the_list_shows_weights_products_and_never_reads_labels_as_html():
    shown = planted()
    html = str(branch_list(shown.tree, shown.labels, ask="tree-branch"))
    assert "&lt;b&gt;cat&lt;/b&gt; (2)" in html
    assert "<b>cat" not in html
    assert "30\xa0%" in html
    assert "path 30\xa0%" in html  # 0.4 x 0.75


def test_only_what_may_grow_can_be_opened_and_asks_for_its_children():
    shown = planted()
    html = str(branch_list(shown.tree, shown.labels, ask="tree-branch"))
    assert html.count("<details") == 4  # the root, The, cat, and The under cat; nothing follows <bos>
    assert "[3, 2, 1]" in html
    assert 'id="tree-branch-3-2-1"' in html
    assert branch_id("tree-branch", (3, 2, 1)) == "tree-branch-3-2-1"


def test_an_opened_branch_is_made_of_its_children_alone():
    shown = planted()
    tree = shown.tree.grow((3, 2, 1))
    items = branch_items(tree, (3, 2, 1), shown.labels, ask="tree-branch")
    assert len(items) == 1
    assert "&lt;bos&gt; (0)" in str(items[0])


def test_the_depth_limit_leaves_leaves_that_do_not_open():
    shown = planted(depth=1)
    assert str(branch_list(shown.tree, shown.labels, ask="t")).count("<details") == 1
    assert "and that one" not in tree_sentence(shown.tree, shown.labels)


async def test_cross_attention_has_no_tree():
    with pytest.raises(SinkLensError, match="one text"):
        await tree_map(None, None, "cross", "all", (0, 0))
    assert "Heads page" in CROSS
