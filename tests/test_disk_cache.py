"""Captures on disk: bounded, healing, and never in the way of a result."""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinklens.disk_cache import PART_LIFE_S, DiskCache
from tests.captures import assert_same, decoder_capture


def capture_of(n_bytes, *, seed=0):
    """A capture with one array of `n_bytes` that tells captures apart."""
    small = decoder_capture(seed=seed)
    return replace(small, token_loss=np.full(n_bytes // 4, seed, np.float32))


def n_bytes_in(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_stored_capture_is_found_by_another_process(tmp_path):
    DiskCache(tmp_path, 10**7).write("k", decoder_capture())
    assert_same(DiskCache(tmp_path, 10**7).read("k"), decoder_capture())


def test_a_key_that_was_never_stored_is_missing(tmp_path):
    assert DiskCache(tmp_path / "new", 10**7).read("k") is None


def test_a_damaged_file_is_deleted_reported_and_missing(tmp_path, caplog):
    cache = DiskCache(tmp_path, 10**7)
    cache.write("k", decoder_capture())
    (tmp_path / "k.safetensors").write_bytes(b"half a file")
    with caplog.at_level(logging.WARNING):
        assert cache.read("k") is None
    assert "computed anew" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_the_capture_read_longest_ago_is_dropped_first(tmp_path):
    cache = DiskCache(tmp_path, 290_000)
    for age, key in enumerate(["first", "second"]):
        cache.write(key, capture_of(100_000, seed=age))
        os.utime(tmp_path / f"{key}.safetensors", (age, age))
    cache.read("first")
    cache.write("third", capture_of(100_000, seed=3))
    assert cache.read("second") is None
    assert cache.read("first") is not None
    assert cache.read("third") is not None


@given(sizes=st.lists(st.integers(0, 120_000), max_size=8), max_bytes=st.integers(0, 300_000))
@settings(max_examples=40, deadline=None)
def test_the_folder_stays_under_its_bound(tmp_path_factory, sizes, max_bytes):
    folder = tmp_path_factory.mktemp("bounded")
    cache = DiskCache(folder, max_bytes)
    for index, size in enumerate(sizes):
        cache.write(f"k{index}", capture_of(size))
        assert n_bytes_in(folder) == cache.n_bytes <= max_bytes


def test_a_disk_that_refuses_costs_the_copy_and_nothing_else(tmp_path, caplog):
    (tmp_path / "captures").write_text("a file where the folder should be")
    cache = DiskCache(tmp_path / "captures", 10**7)
    with caplog.at_level(logging.WARNING):
        cache.write("k", decoder_capture())
    assert "could not be stored" in caplog.text


def test_a_file_that_cannot_be_opened_counts_as_missing(tmp_path, caplog):
    (tmp_path / "k.safetensors").mkdir()
    with caplog.at_level(logging.WARNING):
        assert DiskCache(tmp_path, 10**7).read("k") is None
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    ("age_s", "stays"), [(0, True), (PART_LIFE_S + 60, False)], ids=["fresh", "left behind"]
)
def test_only_an_old_half_written_file_is_cleared_away(age_s, stays, tmp_path):
    part = tmp_path / ".k.safetensors.x.part"
    part.write_bytes(b"half")
    time = part.stat().st_mtime - age_s
    os.utime(part, (time, time))
    DiskCache(tmp_path, 10**7).write("k", decoder_capture())
    assert part.exists() is stays
