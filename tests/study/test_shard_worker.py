"""The numbers of a shard are those that the pages show for the same text."""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.head_metrics import HEAD_METRICS, head_metric
from sinklens.analysis.residual_metrics import largest_ratio
from sinklens.analysis.run_summary import run_summary
from sinklens.analysis.shares import explorer_numbers
from sinklens.analysis.sink_definitions import definition_readings
from sinklens.analysis.trial_table import loss_change
from sinklens.capture.engine import Engine
from sinklens.interventions import MaskKeys
from sinklens.records import CaptureRequest
from sinklens.study.captures import batches
from sinklens.study.head_measures import HEAD_MEASURES
from sinklens.study.plan import MEASUREMENTS
from sinklens.study.records import CONTROL, EDIT, HEADS, RUNS, UNEDITED, definition_column
from sinklens.study.run_measures import RUN_MEASURES
from sinklens.study.shard_worker import ShardWorker
from sinklens.trial_records import Arm, TrialRequest, joined
from tests.study.study_cases import EVERYTHING, some_texts, tiny_study

MASK = {"name": "mask", "edits": [{"edit": "mask_keys", "keys": [0]}]}


def text_rows(texts, **fields) -> list[dict]:
    row = {"kind": "text", "category": "all", "seed": None, "n_tokens_asked": None, "hash": "0" * 64}
    return [row | {"text_id": i, "text": text} | fields for i, text in enumerate(texts)]


def tables_of(study, texts) -> dict:
    worker = ShardWorker(study)
    worker.load(study.models[0])
    return {name: t.to_pandas() for name, t in worker.run(study.models[0], texts).items()}


def test_every_measurement_has_a_function():
    assert set(MEASUREMENTS) == set(RUN_MEASURES) | set(HEAD_MEASURES)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert", "gpt_oss"])
def test_rows_say_what_the_pages_say_of_the_same_text(family, tmp_path):
    study, texts = tiny_study(tmp_path, family, measurements=EVERYTHING), some_texts(6)
    tables = tables_of(study, text_rows(texts))
    runs, heads = tables["runs"].set_index("text_id"), tables["heads"]
    assert len(runs) == 6
    engine, name = Engine(), study.models[0].name
    for index in (0, 5):
        capture = engine.capture(CaptureRequest(name, texts[index]))
        profile, row = capture.profile(), runs.loc[index]
        summary = run_summary(capture)
        assert row["first_share"] == pytest.approx(summary.first_share, abs=1e-5)
        assert row["entropy"] == pytest.approx(summary.entropy, abs=1e-5)
        assert row["progression"] == pytest.approx(explorer_numbers(profile).progression, abs=1e-3)
        for reading in definition_readings(profile, 0):
            value = row[definition_column(reading.definition.key)]
            assert value == pytest.approx(reading.numbers.raw, abs=1e-4, nan_ok=True)
        np.testing.assert_allclose(row["received_by_position"], summary_received(profile), atol=1e-5)
        top = largest_ratio(engine.residual(capture).states)
        assert row["largest_ratio"] == pytest.approx(top.ratio, rel=1e-3)
        assert list(row["tokens"]) == capture.prompt.labels
        own = heads[(heads["text_id"] == index)].sort_values(["layer", "head"])
        for key in HEAD_METRICS:
            np.testing.assert_allclose(own[key], head_metric(profile, key).ravel(), atol=1e-4, rtol=1e-3)
        types = engine.head_profiles(capture, "self").table
        assert list(own["type"]) == list(types["type"])
        if capture.loss is not None:
            assert row["loss"] == pytest.approx(capture.loss, abs=1e-3)


def summary_received(profile) -> np.ndarray:
    return (profile.received / profile.n_viewers[:, None]).mean(axis=(0, 1))[:64]


def test_a_peak_is_where_a_head_writes_most(tmp_path):
    study, texts = tiny_study(tmp_path, measurements=["excerpts"]), some_texts(4)
    heads = tables_of(study, text_rows(texts))["heads"]
    engine = Engine()
    capture = engine.capture(CaptureRequest(study.models[0].name, texts[3]))
    for row in heads[heads["text_id"] == 3].itertuples():
        norms = capture.profile().out_norm[row.layer, row.head, 1:]
        assert row.peak_query == 1 + norms.argmax()
        weights = engine.head_map(capture, "self", row.layer, row.head).weights[row.peak_query, 1:]
        assert row.peak_key == 1 + np.nanargmax(weights)
        assert row.peak_weight == pytest.approx(np.nanmax(weights), abs=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_edits_and_controls_change_what_a_trial_says_they_change(family, tmp_path):
    study, texts = tiny_study(tmp_path, family, interventions=[MASK], seeds=[0, 7]), some_texts(3)
    tables = tables_of(study, text_rows(texts))
    runs = tables["runs"]
    edited = runs[runs["condition"] == "mask"]
    assert list(edited["kind"]) == [EDIT] * 3
    assert edited["seed"].isna().all()
    engine, name = Engine(), study.models[0].name
    request = TrialRequest(name, tuple(texts), (Arm("mask", (MaskKeys(keys=(0,)),)),), with_controls=False)
    report = joined([engine.trial(request, index) for index in range(3)])
    assert edited["loss_change"].mean() == pytest.approx(loss_change(report.effects).mean, abs=1e-4)
    np.testing.assert_allclose(edited["percent"], 0, atol=1e-9)
    controls = runs[runs["kind"] == CONTROL]
    assert set(controls["seed"]) == {0, 7}
    assert set(controls["of"]) == {"mask"}
    assert set(tables["heads"]["condition"]) == {UNEDITED, "mask"}
    plain = runs[runs["kind"] == UNEDITED].set_index("text_id")["loss"]
    np.testing.assert_allclose(edited.set_index("text_id")["loss_before"], plain, atol=1e-4)


def test_sinks_of_each_text_are_what_is_edited_where_that_is_asked_for(tmp_path):
    edits = [{"edit": "mask_keys", "keys": "sinks"}]
    study = tiny_study(tmp_path, interventions=[{"name": "sinks", "edits": edits, "controls": False}])
    tables = tables_of(study, text_rows(some_texts(4)))
    assert (tables["runs"]["condition"] == "sinks").sum() == 4
    assert tables["failures"].empty


def test_a_text_that_fails_is_listed_and_the_others_go_on(tmp_path):
    study = tiny_study(tmp_path, sampling={"min_tokens": 3, "max_tokens": 10})
    tables = tables_of(study, text_rows(["w1 w2 w3", "  ", "w1", " ".join(["w5"] * 40), "w4 w5 w6 w7"]))
    assert list(tables["runs"]["text_id"]) == [0, 2, 4]  # <bos> w1 <eos> are three tokens
    reasons = tables["failures"].set_index("text_id")["reason"]
    assert "empty" in reasons[1]
    assert "max_tokens is 10" in reasons[3]


def test_an_edit_that_a_text_cannot_take_is_listed(tmp_path):
    arm = {"name": "late", "edits": [{"edit": "mask_keys", "keys": [9]}]}
    tables = tables_of(tiny_study(tmp_path, interventions=[arm]), text_rows(["w1 w2", some_texts(16)[15]]))
    assert list(tables["runs"].query("condition == 'late'")["text_id"]) == [1]
    failures = tables["failures"]
    assert set(failures["stage"]) == {"measure", "intervene"}
    assert failures["reason"].str.contains("token 9").all()


def test_cut_texts_say_how_long_they_were(tmp_path):
    study = tiny_study(tmp_path, sampling={"min_tokens": 8, "max_tokens": 8, "longer": "cut"})
    runs = tables_of(study, text_rows([" ".join(f"w{i}" for i in range(20))]))["runs"]
    assert (runs["n_tokens"][0], runs["n_tokens_total"][0]) == (8, 22)


@pytest.mark.parametrize(("kind", "n_ids"), [("random tokens", 30), ("repeated token", 1)])
def test_generated_texts_have_ordinary_tokens_drawn_by_their_seed(kind, n_ids, tmp_path):
    source = {"generate": kind, "category": "made", "n_tokens": 64, "n": 1}
    study = tiny_study(tmp_path, texts=[source])
    row = {"kind": kind, "category": "made", "n_tokens_asked": 64}
    texts = text_rows(["made"], seed=3, **row)
    runs = tables_of(study, texts)["runs"]
    tokens = list(runs["tokens"][0])
    assert len(tokens) == 64
    assert not set(tokens) & {"<bos>", "<eos>", "<pad>", "<mask>", "<unk>"}
    assert n_ids <= len(set(tokens)) <= max(n_ids, 59)
    assert runs["seed"][0] == 3
    assert list(tables_of(study, texts)["runs"]["tokens"][0]) == tokens
    other = text_rows(["made"], seed=4, **row)
    assert list(tables_of(study, other)["runs"]["tokens"][0]) != tokens


def test_layers_that_are_not_asked_for_are_not_stored(tmp_path):
    study = tiny_study(tmp_path, layers=[1, 40])
    heads = tables_of(study, text_rows(some_texts(2)))["heads"]
    assert set(heads["layer"]) == {1}
    facts = ShardWorker(study).load(study.models[0])
    assert "Layers 40 were asked for; the model has 3." in facts["notes"]


def test_families_that_cannot_be_batched_are_measured_too(tmp_path):
    for family in ("t5", "bloom"):
        tables = tables_of(tiny_study(tmp_path, family), text_rows(some_texts(3)))
        assert len(tables["runs"]) == 3
        assert len(tables["heads"]) > 0


def test_columns_are_those_of_the_schemas(tmp_path):
    study = tiny_study(tmp_path, measurements=EVERYTHING, interventions=[MASK])
    worker = ShardWorker(study)
    tables = worker.run(study.models[0], text_rows(some_texts(20)[16:]))
    assert tables["runs"].schema.equals(RUNS)
    assert tables["heads"].schema.equals(HEADS)
    never = [name for name in RUNS.names if tables["runs"][name].null_count == tables["runs"].num_rows]
    assert set(never) <= {"global_balance"}  # of bidirectional models


def test_batches_fill_their_budget_with_texts_of_like_length():
    lengths = [5, 40, 6, 7, 41, 100, 5]
    groups = batches(lengths, 84)
    assert sorted(index for group in groups for index in group) == list(range(7))
    assert groups == [[5], [4, 1], [3, 2, 0, 6]]
    assert all(len(g) == 1 or len(g) * max(lengths[i] for i in g) <= 84 for g in groups)
