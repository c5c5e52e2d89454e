"""Run with: pytest tests/analysis/test_relations.py"""

import numpy as np

from sinklens.analysis.relations import PairRelations, WordTree

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


WORDS = np.array([-1, 0, 0, 1, 2, 3])
"""A special token, a word of two tokens, three words of one."""
GOVERNORS = np.array([1, -1, 3, 1])


def syntax_relations(*, is_causal=True, n_shuffles=3):
    return PairRelations.of(
        IDS,
        [True] + [False] * 5,
        is_causal=is_causal,
        tree=WordTree(WORDS, GOVERNORS),
        n_shuffles=n_shuffles,
    )


def test_pieces_of_a_word_are_related_and_no_other_tokens():
    relations = syntax_relations()
    same = relations.rows(slice(0, 6))[relations.names.index("same word")]
    assert cells(same) == {(1, 2), (2, 1)}


def test_syntax_joins_a_word_with_its_governor_in_both_directions():
    relations = syntax_relations()
    syntax = relations.rows(slice(0, 6))[relations.names.index("syntax")]
    arcs = {(1, 3), (2, 3), (4, 5), (5, 3)}
    assert cells(syntax) == arcs | {(key, query) for query, key in arcs}


def test_syntax_of_neighbours_alone_is_the_same_however_it_is_shuffled():
    rng = np.random.default_rng(0)
    tree = WordTree(np.arange(30), np.append(np.arange(1, 30), -1))
    # All arcs have length one, so that dealing them out again changes nothing.
    assert (tree.shuffled_governors(rng) == tree.governors).all()


def test_shuffled_governors_are_words_of_the_text():
    rng = np.random.default_rng(0)
    tree = WordTree(WORDS, GOVERNORS)
    for _ in range(20):
        shuffled = tree.shuffled_governors(rng)
        assert ((shuffled >= -1) & (shuffled < len(GOVERNORS))).all()
        assert shuffled[1] == -1


def test_shuffled_words_have_the_lengths_of_the_true_ones():
    words = np.array([-1, 0, 0, 0, 1, 2, -1, 3, 3, 4])
    tree = WordTree(words, np.full(5, -1))
    rng = np.random.default_rng(0)
    shuffled = [tree.shuffled_words(rng) for _ in range(20)]
    for copy in shuffled:
        assert (np.flatnonzero(copy == -1) == [0, 6]).all()
        assert sorted(np.bincount(copy[copy >= 0])) == [1, 1, 1, 2, 3]
    assert len({tuple(copy) for copy in shuffled}) > 1


def test_there_is_a_name_for_every_row_of_relations():
    for relations in (syntax_relations(), PairRelations.of(IDS, [True] + [False] * 5, is_causal=True)):
        assert len(relations.names) == len(relations.rows(slice(0, 2)))
