"""A study file says what is wrong with it, by line and field."""

from __future__ import annotations

import dataclasses

import pytest

from sinklens.interventions import MaskKeys, StaticVectors
from sinklens.study.errors import BadStudy
from sinklens.study.plan import MEASUREMENTS, STEPS
from sinklens.study.plan_edits import EDITS, PLANS
from sinklens.study.study_file import load_study, read_study, to_yaml

GOOD = "name: good\nmodels: [demo-gpt2]\ntexts: [one text, another text]\n"


def problems_of(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(BadStudy) as caught:
        read_study(text)
    return [(p.line, p.field, p.sentence) for p in caught.value.problems]


def test_a_short_study_has_a_default_for_everything_else():
    study = read_study(GOOD)
    assert study.models[0].name == "demo-gpt2"
    assert study.texts[0].inline == ("one text", "another text")
    assert study.seeds == (0,)
    assert study.measured < set(MEASUREMENTS)


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        (GOOD + "sedes: [1]\n", 4, "sedes", "not known"),
        (GOOD + "sampling:\n  n: 5\n  max_token: 7\n", 6, "sampling.max_token", "not known"),
        (GOOD + "sampling: {n: many}\n", 4, "sampling.n", "'many'"),
        (GOOD + "sampling: {min_tokens: 9, max_tokens: 3}\n", 4, "sampling", "max_tokens (3) is below"),
        ("models: [a]\ntexts: [b]\n", 1, "name", "missing"),
        (GOOD + "name: again\n", 4, "name", "twice"),
        (GOOD + "measurements:\n- heads\n- haeds\n", 6, "measurements[1]", "'heads'"),
        ("name: x\nmodels: [a, a]\ntexts: [b]\n", 1, "", "models has 'a' twice"),
        ("name: x\nmodels: [a]\ntexts:\n- path: b.csv\n  dataset: c\n", 4, "texts[0]", "path, dataset"),
    ],
)  # fmt: skip
def test_an_error_names_its_line_and_its_field(text, line, field, words):
    found = problems_of(text)
    assert any(at == line and where == field and words in said for at, where, said in found), found


def test_an_edit_that_does_not_exist_is_answered_with_those_that_do():
    text = GOOD + "interventions:\n- name: x\n  edits:\n  - edit: mask_key\n    keys: [0]\n"
    ((line, field, sentence),) = problems_of(text)
    assert (line, field) == (7, "interventions[0].edits[0]")
    assert "'mask_keys'" in sentence


def test_several_errors_come_in_the_order_of_the_file():
    found = problems_of("name: x\nmodels: [a]\nseeds: [-1]\ntexts: [b]\nlayers: [0, -2]\n")
    assert [line for line, *_ in found] == [3, 5]


def test_broken_yaml_names_its_line():
    ((line, _, sentence),) = problems_of("name: x\nmodels: [a\ntexts: [b]\n")
    assert line == 3
    assert "no YAML" in sentence


def test_a_file_in_another_encoding_is_refused(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_bytes("name: Größe\n".encode("latin-1"))
    with pytest.raises(BadStudy, match="not UTF-8"):
        load_study(file)
    with pytest.raises(BadStudy, match="no such file"):
        load_study(tmp_path / "other.yaml")


def test_a_study_survives_being_written_and_read():
    text = GOOD + (
        "seeds: [1, 2]\ninterventions:\n- name: m\n  edits:\n  - {edit: mask_keys, keys: sinks}\n"
        "  - {edit: patch_contribution, keys: [0], vectors: {fit_texts: 3, of: random}}\n"
    )
    study = read_study(text)
    assert read_study(to_yaml(study)) == study
    assert read_study(to_yaml(study)).canonical() == study.canonical()


def test_labels_and_what_is_shown_do_not_make_another_study():
    study = read_study(GOOD)
    relabelled = read_study(
        GOOD.replace("good", "better") + "show: {max_tokens: 5}\nsteps: {report: false}\n"
    )
    assert study.canonical() == relabelled.canonical()
    assert study.canonical() != read_study(GOOD + "seeds: [3]\n").canonical()


def test_a_step_that_is_off_takes_its_measurements_with_it():
    study = read_study(GOOD + "measurements: [heads, massive, geometry]\nsteps: {norms: false}\n")
    assert study.measured == {"heads", "geometry"}
    assert set().union(*map(set, STEPS.values())) == set(MEASUREMENTS)


def test_every_edit_of_the_library_can_be_written_in_a_study():
    assert len(EDITS) == 15
    for name, kind in EDITS.items():
        assert set(PLANS[name].model_fields) == {"edit"} | {f.name for f in dataclasses.fields(kind)}


def test_an_edit_is_built_with_the_sinks_of_a_text():
    study = read_study(
        GOOD + "interventions:\n- {name: m, edits: [{edit: mask_keys, keys: sinks, layers: [1]}]}\n"
    )
    edit = study.interventions[0].edits[0]
    assert edit.uses_sinks
    assert edit.build(sinks=(0, 4)) == MaskKeys(keys=(0, 4), layers=(1,))


def test_a_patch_takes_the_vectors_that_were_made_for_it():
    text = GOOD + "interventions:\n- {name: m, edits: [{edit: patch_contribution, keys: [0]}]}\n"
    vectors = StaticVectors((1, 1, 1), "AAAAAA==")
    assert read_study(text).interventions[0].edits[0].build(vectors=vectors).vectors == vectors
