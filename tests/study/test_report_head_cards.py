"""Head cards: numbers, deciles and excerpts over a corpus, and the folder of static files.

python -m pytest tests/study/test_report_head_cards.py
"""

from __future__ import annotations

import json
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sinklens.errors import RunCancelled
from sinklens.study.head_card import N_OTHER, N_TOP, excerpts_of, head_card, window
from sinklens.study.head_card_folder import write_cards
from sinklens.study.head_card_page import card_html, card_json, finding
from tests.study.report_rows import heads_of, run

TOKENS = tuple(f"·w{i}" for i in range(60))


def head_rows(n_texts: int, layer: int = 0, head: int = 0, **numbers) -> pd.DataFrame:
    """One head in texts of growing activity: text t has peak norm t."""
    return heads_of(
        run(t)
        | {
            "layer": layer,
            "head": head,
            "first_token_share": 0.01 * t,
            "type": "induction" if t % 3 else "mixed",
        }
        | {"peak_norm": float(t), "peak_query": 30, "peak_key": 5, "peak_weight": 0.25, "dormant": t == 0}
        | numbers
        for t in range(n_texts)
    )


def tokens_of(n_texts: int) -> dict[int, tuple[str, ...]]:
    return dict.fromkeys(range(n_texts), TOKENS)


def test_every_decile_holds_a_tenth_of_the_texts_in_order_of_activity():
    found = excerpts_of(head_rows(100), tokens_of(100))
    for excerpt in found:
        assert excerpt.decile == 1 + excerpt.text_id // 10
    assert [excerpt.text_id for excerpt in found if excerpt.decile == 10] == [99, 98, 97, 96, 95]
    assert [excerpt.text_id for excerpt in found if excerpt.decile == 4] == [34, 35]
    assert len(found) == N_TOP + 9 * N_OTHER


def test_with_fewer_texts_than_deciles_each_text_appears_once_and_the_strongest_first():
    found = excerpts_of(head_rows(3), tokens_of(3))
    ids = [excerpt.text_id for excerpt in found]
    assert sorted(ids, reverse=True) == ids
    assert len(set(ids)) == len(ids)


def test_an_excerpt_shows_the_query_and_a_far_key_and_says_what_is_left_out():
    (excerpt,) = excerpts_of(head_rows(1), tokens_of(1))
    assert excerpt.tokens[excerpt.query] == "·w30"
    assert excerpt.tokens[excerpt.key] == "·w5"
    assert excerpt.tokens.count("…") == 3


def test_a_window_over_the_whole_text_leaves_nothing_out():
    assert window(8, 4, 0) == list(range(8))


@pytest.mark.parametrize("n", [1, 10, 200])
@pytest.mark.parametrize("place", [0, 0.5, 0.999])
def test_a_window_keeps_query_and_key_and_marks_every_gap(n, place):
    query, key = int(n * place), int(n * (1 - place) * 0.999)
    shown = window(n, query, key)
    assert {query, key} <= set(shown)
    positions = [-1, *shown, n]
    for before, after in pairwise(positions):
        assert before is None or after is None or after == before + 1


def test_a_query_that_sees_no_other_key_has_none():
    (excerpt,) = excerpts_of(head_rows(1, peak_key=None, peak_weight=None), tokens_of(1))
    assert excerpt.key is None
    assert np.isnan(excerpt.weight)


def test_a_card_counts_types_and_dormant_texts_and_spreads_its_numbers():
    card = head_card(head_rows(9), tokens_of(9))
    assert card.types == (("induction", 6), ("mixed", 3))
    assert card.n_dormant == 1
    assert card.numbers["first_token_share"].mean == pytest.approx(0.04)
    assert "self_share" not in card.numbers
    assert finding(card).startswith("Induction in 67\N{NO-BREAK SPACE}% of 9 texts.")


def test_the_json_is_strict_and_holds_what_the_page_shows():
    card = head_card(head_rows(9, peak_weight=None), tokens_of(9))
    facts = json.loads(card_json(card, "m"), parse_constant=pytest.fail)
    assert facts["numbers"]["first_token_share"]["max"] == pytest.approx(0.08)
    assert facts["excerpts"][0]["weight"] is None


def test_tokens_with_markup_stay_text():
    html = card_html(head_card(head_rows(2), {0: ("<script>",) * 40, 1: ("&",) * 40}), "<m>")
    assert "<script>" not in html
    assert "<m>" not in html


def test_the_folder_links_every_head_and_stays_small(tmp_path):
    heads = (head_rows(100, layer, head) for layer in range(12) for head in range(12))
    assert write_cards(tmp_path, heads, tokens_of(100), model="m", study="s") == 144
    index = (tmp_path / "index.html").read_text("utf-8")
    linked = set(re.findall(r'href="(heads/[^"]+)"', index))
    assert len(linked) == 144
    assert all((tmp_path / link).is_file() for link in linked)
    n_bytes = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert n_bytes < 15_000_000
    assert len(json.loads((tmp_path / "heads.json").read_text("utf-8"))["heads"]) == 144


def test_stopping_ends_between_two_heads(tmp_path):
    heads = [head_rows(2, 0, head) for head in range(3)]
    written = []
    with pytest.raises(RunCancelled):
        write_cards(
            tmp_path, heads, tokens_of(2), model="m", study="s",
            on_head=written.append, is_cancelled=lambda: len(written) == 2,
        )  # fmt: skip
    assert [card.name for card in written] == ["0.0", "0.1"]
