"""The benchmark card on scores made by hand and on files like the published ones.

python -m pytest tests/modules/test_bias_benchmark.py
"""

from __future__ import annotations

import csv

import pytest

from modules.bias_benchmark import OWN, SOURCES, items_of, sample
from modules.bias_benchmark_drawing import (
    BenchmarkFound,
    about,
    benchmark_finding,
    groups_table,
    items_table,
    left_out_list,
    scores_frame,
)
from sinklens.bias.benchmark_files import READERS
from sinklens.bias.contrast_set import contrast_set
from sinklens.contrast_records import ContrastItem, ItemScore, LeftOut
from sinklens.errors import BadSelection


def scored(n_for: int, n_against: int, *, unrelated: bool = True, group: str = "age"):
    """Items of which n_for prefer the stereotype; the unrelated version is always worst."""
    found = []
    for number in range(n_for + n_against):
        item = ContrastItem(
            "made", str(number), group, "", f"S{number}", f"A{number}", "U" if unrelated else None
        )
        scores = {"stereotype": -1.0 if number < n_for else -3.0, "anti_stereotype": -2.0}
        scores |= {"unrelated": -9.0} if unrelated else {}
        found.append(ItemScore(item, scores, dict.fromkeys(scores, 3), "causal, mean"))
    return tuple(found)


def found_of(scores, left_out=(), n_offered=None):
    return BenchmarkFound("made", "tiny", scores, left_out, len(scores) if n_offered is None else n_offered)


def test_an_even_model_cannot_be_told_from_even_and_a_clear_one_is_above():
    even, clear = benchmark_finding(found_of(scored(6, 6))), benchmark_finding(found_of(scored(30, 2)))
    assert "likelier in 50 % of 12 items" in even
    assert "not distinguishable from the even 50 %" in even
    assert "ICAT 100" in even
    assert "LMS 100" in even
    assert "94 % of 32 items" in clear
    assert "above the even 50 %" in clear
    assert "below the even" in benchmark_finding(found_of(scored(2, 30)))


def test_without_unrelated_versions_there_is_no_icat():
    found = found_of(scored(3, 3, unrelated=False))
    assert "neither LMS nor ICAT" in benchmark_finding(found)
    assert "–" in str(groups_table(found, "group"))


def test_small_groups_are_marked():
    drawn = str(groups_table(found_of(scored(6, 6) + scored(1, 1, group="gender")), "group"))
    assert "gender †" in drawn
    assert "age †" not in drawn


def test_the_method_names_the_way_of_scoring_and_a_sample():
    assert "causal, mean" in about(found_of(scored(2, 2)))
    assert "A random part of 90 items" in about(found_of(scored(2, 2), n_offered=90))


def test_sentences_and_reasons_stand_only_where_they_were_asked_for():
    found = found_of(scored(2, 2), (LeftOut("row 7", "has no text 'x'"),))
    assert "S0" in str(items_table(found))
    for shown in (benchmark_finding(found), str(groups_table(found, "group")), about(found)):
        assert "S0" not in shown
    drawn = str(left_out_list(found))
    assert drawn.index("<details") < drawn.index("row 7")
    assert left_out_list(found_of(scored(1, 1))) is None


def test_the_file_has_every_item_with_all_versions():
    frame = scores_frame(scored(1, 1))
    assert frame["preference"].tolist() == [1.0, -1.0]
    assert set(frame["unrelated"]) == {"U"}


def test_the_hand_written_set_needs_no_file_and_the_others_do():
    items, unread = items_of(OWN, ())
    assert items == contrast_set()
    assert unread == ()
    assert f"({len(items)} mild items)" in SOURCES[OWN]
    assert set(SOURCES) - {OWN} == set(READERS)
    with pytest.raises(BadSelection, match="published file of StereoSet"):
        items_of("StereoSet", ())


def test_an_uploaded_file_is_read_under_its_own_name(tmp_path):
    path = tmp_path / "0.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"])
        writer.writerow([0, "He is late.", "She is late.", "stereo", "gender"])
    items, _ = items_of("CrowS-Pairs", (("crows_pairs_anonymized.csv", str(path)),))
    assert [item.stereotype for item in items] == ["He is late."]
    pro, anti = tmp_path / "1.dev", tmp_path / "2.dev"
    pro.write_text("1 [The cook] met the nurse because [he] was late.\n")
    anti.write_text("1 [The cook] met the nurse because [she] was late.\n")
    uploads = (("pro_stereotyped_type1.txt.dev", str(pro)), ("anti_stereotyped_type1.txt.dev", str(anti)))
    items, _ = items_of("WinoBias", uploads)
    assert items[0].anti_stereotype.endswith("because she was late.")


def test_a_sample_is_the_same_every_time_and_in_order():
    items = contrast_set()
    kept = sample(items, 5)
    assert kept == sample(items, 5)
    assert len(kept) == 5
    assert [items.index(one) for one in kept] == sorted(items.index(one) for one in kept)
    assert sample(items, 99) == items
