"""Edits as JSON and as they are typed are the interventions of the library. python -m pytest tests/schema"""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from sinklens.errors import BadIntervention
from sinklens.interventions import (
    ChangeTokens,
    DropHeads,
    Intervention,
    MaskKeys,
    PatchContribution,
    ScaleColumns,
    SetDimensions,
)
from sinklens.schema.edits import KINDS, Edit, parse_edit
from sinklens.schema.from_records import field_docs
from tests.interventions.every_edit import EVERY_EDIT

EDIT = TypeAdapter(Edit)
NAMES = {kind: name for name, kind in KINDS.items()}
TYPABLE = [edit for edit in EVERY_EDIT if not isinstance(edit, PatchContribution)]


def test_every_intervention_but_the_measured_patch_can_be_asked_for():
    assert {*KINDS.values(), PatchContribution} == set(get_args(Intervention))
    assert {type(edit) for edit in TYPABLE} == set(KINDS.values())


@pytest.mark.parametrize("edit", TYPABLE, ids=lambda edit: type(edit).__name__)
def test_an_edit_comes_back_from_json_exactly(edit):
    sent = {"kind": NAMES[type(edit)]} | asdict(edit)
    assert EDIT.validate_json(EDIT.dump_json(EDIT.validate_python(sent))).record() == edit


@pytest.mark.parametrize("edit", TYPABLE, ids=lambda edit: type(edit).__name__)
def test_an_edit_can_be_typed(edit):
    assert EDIT.validate_python(parse_edit(typed(edit))).record() == edit


def typed(edit):
    """The edit as a person types it, with everything that is not the default."""
    words = [NAMES[type(edit)]]
    for name, value in asdict(edit).items():
        if value is None or value == ():
            continue
        if name == "pairs":
            value = ",".join(f"{layer}.{head}" for layer, head in value)
        elif isinstance(value, tuple):
            value = ",".join(map(str, value))
        words.append(f"{name}={str(value).lower() if isinstance(value, bool) else value}")
    return " ".join(words)


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("mask_keys keys=0", MaskKeys(keys=(0,))),
        (
            "scale_columns keys=0,3 factor=0.5 redistribute=false",
            ScaleColumns(keys=(0, 3), factor=0.5, redistribute=False),
        ),
        ("drop_heads pairs=3.2,11.10", DropHeads(pairs=((3, 2), (11, 10)))),
        (
            "set_dimensions layer=1 tokens=0 dimensions=7,8 values=1,-2.5",
            SetDimensions(layer=1, tokens=(0,), dimensions=(7, 8), values=(1, -2.5)),
        ),
        ("change_tokens n_removed=1 prepend=5,6", ChangeTokens(n_removed=1, prepend=(5, 6))),
    ],
)
def test_words_mean_what_they_say(text, edit):
    assert EDIT.validate_python(parse_edit(text)).record() == edit


@pytest.mark.parametrize("text", ["", "unmask keys=0", "mask_keys 0", "mask_keys key=0", "mask_keys whole=x"])
def test_words_that_mean_nothing_are_refused(text):
    with pytest.raises(BadIntervention):
        parse_edit(text)


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "mask_keys"},
        {"kind": "drop_heads"},
        {"kind": "mask_keys", "keys": [True]},
        {"kind": "mask_keys", "keys": ["0"]},
        {"kind": "mask_keys", "keys": [-1]},
        {"kind": "mask_keys", "keys": [0.5]},
        {"kind": "mask_keys", "keys": [2**31]},
        {"kind": "temperature", "temperature": float("nan")},
        {"kind": "drop_heads", "pairs": [[0]]},
        {"kind": "patch_contribution"},
    ],
)
def test_json_that_is_no_edit_is_refused(edit):
    with pytest.raises(ValidationError):
        EDIT.validate_python(edit)


def test_the_words_under_a_field_are_its_description():
    schema = EDIT.json_schema()["$defs"]["ScaleColumns"]
    assert schema["properties"]["factor"]["description"] == field_docs(ScaleColumns)["factor"]
    assert schema["properties"]["layers"]["description"].startswith("Layers counted from 0")
    assert set(schema["required"]) == {"kind", "keys", "factor"}
