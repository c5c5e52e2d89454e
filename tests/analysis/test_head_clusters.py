"""Run with: pytest tests/analysis/test_head_clusters.py"""

import numpy as np
import pandas as pd
import pytest

from sinklens.analysis.head_clusters import (
    cluster_names,
    head_clusters,
    head_positions,
    similar_heads,
    standardised,
)


def table_of(**columns):
    n_heads = len(next(iter(columns.values())))
    layer, head = np.divmod(np.arange(n_heads), 4)
    return pd.DataFrame({"layer": layer, "head": head, "type": "mixed", **columns})


def two_kinds(seed=0):
    """Eight heads that rest and eight that look at the token before, with a little noise."""
    noise = 0.01 * np.random.default_rng(seed).normal(size=(2, 16))
    kind = np.repeat([0.0, 1.0], 8)
    return table_of(previous=kind + noise[0], sink_share=1 - kind + noise[1])


def test_two_kinds_of_heads_are_two_groups_named_after_what_they_do():
    clusters = head_clusters(two_kinds())
    assert set(clusters.names) == {"previous token", "resting"}
    assert len(set(clusters.labels[:8])) == len(set(clusters.labels[8:])) == 1
    assert clusters.silhouette > 0.9


def test_equal_heads_have_no_structure_and_no_invented_names():
    clusters = head_clusters(table_of(previous=np.full(16, 0.3), sink_share=np.full(16, 0.5)))
    assert not clusters.has_structure
    assert clusters.names == ("no structure",)
    assert "nothing to group" in clusters.sentence


def test_one_even_cloud_has_no_clear_groups():
    numbers = np.random.default_rng(1).normal(size=(12, 144))
    names = ("previous", "two before", "self", "next", "duplicate", "induction", "near", "punctuation")
    names += ("special", "rest_entropy", "sink_share", "output_norm")
    layer, head = np.divmod(np.arange(144), 12)
    table = pd.DataFrame(
        {"layer": layer, "head": head, "type": "mixed", **dict(zip(names, numbers, strict=True))}
    )
    clusters = head_clusters(table)
    assert not clusters.has_structure
    assert "No clear groups" in clusters.sentence


def test_features_are_standardised_and_what_does_not_apply_counts_as_the_mean():
    table = table_of(previous=[0.0, 1.0, 2.0, np.nan], duplicate=[np.nan] * 4, self=[0.5] * 4)
    features = standardised(table)
    assert list(features.columns) == ["previous"]
    assert features["previous"].tolist() == pytest.approx([-1.2247449, 0, 1.2247449, 0])


def test_two_groups_that_stand_out_alike_get_different_names():
    features = pd.DataFrame({"previous": [1.0, 1.0, 1.0, 1.0], "near": [1.0, 1.0, 0.6, 0.6]})
    names = cluster_names(features, np.array([0, 0, 1, 1]))
    assert names == ("previous token", "previous token, local")


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_heads_of_a_kind_lie_together_on_the_plane(method):
    places = head_positions(two_kinds(), method)
    within = np.linalg.norm(places[:8] - places[:8].mean(0), axis=1).max()
    between = np.linalg.norm(places[:8].mean(0) - places[8:].mean(0))
    assert between > within


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_heads_that_do_not_differ_lie_on_one_point(method):
    assert (head_positions(table_of(previous=np.ones(16)), method) == 0).all()


def test_the_most_similar_heads_are_of_the_same_kind():
    table = two_kinds()
    found = similar_heads(table, 0, 1, n=7)
    assert set(zip(found["layer"], found["head"], strict=True)) == {
        (i // 4, i % 4) for i in range(8) if i != 1
    }
    assert found["distance"].is_monotonic_increasing
