"""python -m pytest tests/bias/test_benchmark_files.py"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sinklens.bias.benchmark_files import load_benchmark
from sinklens.bias.contrast_set import contrast_set
from sinklens.errors import BadSelection

DATA = Path(__file__).parents[3] / "shared" / "data" / "bias"
PRONOUNS = ("male", "female")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not there")


def _row(**changes):
    row = {"id": 3, "bias_type": "age", "target": "cats", "context": "Cats are BLANK."}
    row |= {
        f"{role}_sentence": f"Cats are {role}." for role in ("stereotype", "anti_stereotype", "unrelated")
    }
    return row | changes


def _published():
    labels = ("stereotype", "anti-stereotype", "unrelated")
    sentences = [{"gold_label": label, "sentence": f"Cats are {label}."} for label in labels]
    return {
        "id": "x",
        "bias_type": "age",
        "target": "cats",
        "context": "I like cats.",
        "sentences": sentences,
    }


def test_stereoset_is_read_from_lines_and_from_its_published_form(tmp_path):
    lines, published = tmp_path / "lines.jsonl", tmp_path / "dev.json"
    lines.write_text(json.dumps(_row()) + "\n\n" + json.dumps(_row(context="Hello.")))
    published.write_text(json.dumps({"version": "1", "data": {"intersentence": [_published()]}}))
    (within, between), left_out = load_benchmark(lines, "StereoSet")
    assert left_out == ()
    assert (within.kind, within.versions["stereotype"]) == ("intrasentence", "Cats are stereotype.")
    assert (between.kind, between.versions["unrelated"]) == ("intersentence", "Hello. Cats are unrelated.")
    ((item,), _) = load_benchmark(published, "StereoSet")
    assert item.versions["anti_stereotype"] == "I like cats. Cats are anti-stereotype."
    assert (item.group, item.target) == ("age", "cats")


def test_rows_that_cannot_be_read_are_listed_with_their_reason(tmp_path):
    path = tmp_path / "lines.jsonl"
    rows = [json.dumps(_row()), "{broken", json.dumps(_row(unrelated_sentence=" ")), "[1]"]
    path.write_text("\n".join(rows))
    items, left_out = load_benchmark(path, "StereoSet")
    assert len(items) == 1
    assert [one.reason for one in left_out] == [
        "item 2 has no fields sentence.",
        "item 3 has no unrelated sentence.",
        "item 4 has no fields sentence.",
    ]


def test_crows_pairs_keeps_the_stereotype_first_whatever_its_direction(tmp_path):
    path = tmp_path / "crows.csv"
    path.write_text(
        ",sent_more,sent_less,stereo_antistereo,bias_type\n"
        '0,"Old cats, they say, sleep.","Young cats, they say, sleep.",stereo,age\n'
        "1,Cats,Cats,antistereo,age\n2,Short\n"
    )
    (item,), left_out = load_benchmark(path, "CrowS-Pairs")
    assert (item.stereotype, item.kind) == ("Old cats, they say, sleep.", "stereo")
    assert [one.identifier for one in left_out] == ["row 2", "row 3"]


def test_winobias_pairs_the_lines_of_its_lists(tmp_path):
    pro, anti = (tmp_path / f"{side}_stereotyped_type1.txt.dev" for side in ("pro", "anti"))
    pro.write_text("1 [The guard] saw the cook because [he] looked.\n2 No brackets.\n")
    anti.write_text("1 [The guard] saw the cook because [she] looked.\n2 No brackets.\n")
    (tmp_path / "pro_stereotyped_type2.txt.dev").write_text("1 [A] b [c].\n")
    (item,), left_out = load_benchmark(tmp_path, "WinoBias")
    assert item.stereotype == "The guard saw the cook because he looked."
    assert item.anti_stereotype == "The guard saw the cook because she looked."
    assert (item.target, item.kind) == ("guard", "type 1, dev")
    assert [one.reason.split()[0] for one in left_out] == ["Line", "pro_stereotyped_type2.txt.dev"]


def test_winogender_takes_the_stereotype_from_the_statistics(tmp_path):
    (tmp_path / "all_sentences.tsv").write_text(
        "sentid\tsentence\n"
        + "".join(
            f"baker.client.{who}.{p}.txt\tThe baker {p} {who}.\n" for who in "01" for p in ("male", "female")
        )
        + "odd\tThe id is short.\n"
    )
    stats = tmp_path / "occupations-stats.tsv"
    stats.write_text("occupation\tbls_pct_female\nbaker\t61.5\n")
    (item,), left_out = load_benchmark(tmp_path, "Winogender")
    assert (item.stereotype, item.anti_stereotype) == ("The baker female 0.", "The baker male 0.")
    assert len(left_out) == 1
    stats.write_text("occupation\tbls_pct_female\nbaker\tmany\n")
    with pytest.raises(BadSelection, match=r"Row 1 of occupations-stats\.tsv has no"):
        load_benchmark(tmp_path, "Winogender")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("StereoSet", "", "no item of StereoSet that could be read: it is empty"),
        ("StereoSet", "a,b\n1,2", "could be read: item 1 has no"),
        ("CrowS-Pairs", "a,b\n1,2\n", "has a column 'sent_more'; 'file' has a, b"),
        ("Winogender", "", "needs occupations-stats"),
        ("CrowS-Pairs", b"\xff\xfe\x00", "cannot be read as UTF-8"),
        ("BBQ", "", "Benchmarks are StereoSet, CrowS-Pairs, WinoBias, Winogender; got 'BBQ'"),
    ],
)
def test_files_of_another_kind_are_refused_in_a_sentence(tmp_path, name, content, message):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadSelection, match=message):
        load_benchmark(path, name)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadSelection, match="no file or folder"):
        load_benchmark(tmp_path / "none", "StereoSet")
    with pytest.raises(BadSelection, match="has no list pro_stereotyped"):
        load_benchmark(tmp_path, "WinoBias")


@needs_data
@pytest.mark.parametrize(
    ("name", "file", "n_items"),
    [
        ("StereoSet", "intrasentence.jsonl", 2_106),
        ("StereoSet", "intersentence.jsonl", 2_123),
        ("CrowS-Pairs", "crows_pairs/crows_pairs_anonymized.csv", 1_508),
        ("WinoBias", "winobias", 4 * 396),
        ("Winogender", "winogender", 120),
    ],
)
def test_the_published_sets_are_read_in_full(name, file, n_items):
    items, left_out = load_benchmark(DATA / file, name)
    assert (len(items), len(left_out)) == (n_items, 0)


def test_the_set_that_comes_along_has_three_different_versions_of_every_item():
    items = contrast_set()
    assert len(items) == 24
    assert all(len(set(item.versions.values())) == 3 for item in items)
    assert not any("_" in text for item in items for text in item.versions.values())
