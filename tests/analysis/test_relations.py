"""Run with: pytest tests/analysis/test_relations.py"""

import numpy as np

from sinklens.analysis.relations import PairRelations

IDS = [0, 7, 8, 9, 7, 8]
"""A first token, then 7 8 9 7 8."""


def relation(name, ids=IDS, *, is_causal=True, rows=None):
    relations = PairRelations.of(ids, [index == 0 for index in range(len(ids))], is_causal=is_causal)
    return relations.rows(rows or slice(0, len(ids)))[relations.names.index(name)]


def cells(matrix):
    return {(int(query), int(key)) for query, key in np.argwhere(matrix)}


def test_a_duplicate_is_an_earlier_place_of_the_same_token():
    assert cells(relation("duplicate")) == {(4, 1), (5, 2)}


def test_without_causality_a_duplicate_is_any_other_place():
    assert cells(relation("duplicate", is_causal=False)) == {(4, 1), (1, 4), (5, 2), (2, 5)}


def test_induction_looks_at_what_followed_the_token_before():
    assert cells(relation("induction")) == {(4, 2), (5, 3)}


def test_positions_are_counted_from_the_query():
    assert cells(relation("previous")) == {(query, query - 1) for query in range(1, 6)}
    assert cells(relation("two before")) == {(query, query - 2) for query in range(2, 6)}
    assert cells(relation("next")) == {(query, query + 1) for query in range(5)}
    assert relation("distance")[5].tolist() == [5, 4, 3, 2, 1, 0]
    assert relation("near")[5].tolist() == [0, 1, 1, 1, 1, 1]


def test_rows_of_a_part_are_rows_of_the_whole():
    assert (relation("induction", rows=slice(3, 5)) == relation("induction")[3:5]).all()


def test_shuffles_keep_special_tokens_in_place_and_all_others_in_number():
    relations = PairRelations.of(IDS, [True] + [False] * 5, is_causal=True)
    assert (relations.shuffles[:, 0] == 0).all()
    assert (np.sort(relations.shuffles, axis=1) == np.sort(IDS)).all()
    assert len({tuple(order) for order in relations.shuffles}) > 1
