"""Edits are values: comparable, hashable, and the same after a way through a file.

python -m pytest tests/interventions/test_as_data.py
"""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sinklens import capture_file
from sinklens.interventions import Intervention, MaskKeys, StaticVectors, check_interventions
from tests.captures import assert_same, decoder_capture
from tests.interventions.every_edit import EVERY_EDIT, SHAPE


def kind_of(edit) -> str:
    return type(edit).__name__


def test_every_kind_of_edit_is_tested_with_fields_of_its_own():
    assert {type(edit) for edit in EVERY_EDIT} == set(get_args(Intervention))
    shared = {item.name for item in fields(MaskKeys)} - {"keys"}
    for edit in EVERY_EDIT:
        own = [item for item in fields(edit) if item.name not in shared]
        assert [item.name for item in own if getattr(edit, item.name) == item.default] == []


@pytest.mark.parametrize("edit", EVERY_EDIT, ids=kind_of)
def test_equal_edits_have_equal_hashes_and_other_edits_differ(edit):
    twin = pickle.loads(pickle.dumps(edit))
    assert twin == edit
    assert hash(twin) == hash(edit)
    assert repr(twin) == repr(edit)  # the cache key is made of it
    assert edit != replace(edit, stream="decoder")
    assert len({edit, twin, replace(edit, stream="decoder")}) == 2


def test_all_edits_in_one_run_come_back_from_its_file(tmp_path):
    capture = decoder_capture()
    capture = replace(capture, request=replace(capture.request, interventions=EVERY_EDIT))
    capture_file.save(capture, tmp_path / "run.safetensors")
    again = capture_file.load(tmp_path / "run.safetensors").request.interventions
    assert again == EVERY_EDIT
    assert_same(again, EVERY_EDIT)
    np.testing.assert_array_equal(again[5].vectors.array, EVERY_EDIT[5].vectors.array)


@given(
    array=arrays.arrays(
        np.float32, arrays.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6, width=32)
    )
)
def test_vectors_come_back_exactly_and_are_read_only(array):
    vectors = StaticVectors.of(array)
    np.testing.assert_array_equal(vectors.array, array, strict=True)
    assert vectors == StaticVectors.of(np.asfortranarray(array))
    assert hash(vectors) == hash(StaticVectors.of(array.copy()))
    assert not vectors.array.flags.writeable


def test_all_edits_fit_the_run_that_they_were_made_for():
    check_interventions(EVERY_EDIT, shapes={"self": SHAPE})
