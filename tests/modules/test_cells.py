"""Run with: pytest tests/modules/test_cells.py"""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.widgets.cells import N_SIDE_MAX, max_pool, pack_cells, quantise


def unpacked(packed):
    """What the browser makes of it, from the frame alone."""
    top, bottom, left, right = packed.frame["window"]
    step = packed.frame["step"]
    shape = (-(-(bottom - top) // step), -(-(right - left) // step))
    raw = zlib.decompress(packed.data)
    if packed.frame["exact"]:
        return np.frombuffer(raw, np.float32).reshape(shape)
    return decoded(np.frombuffer(raw, np.uint8).reshape(shape), packed.frame["low"], packed.frame["high"])


def decoded(codes, low, high):
    values = low + (high - low) * (codes / 254.0) ** 2
    return np.where(codes == 255, np.nan, values)


@given(
    share=st.floats(0, 1),
    low=st.floats(-10, 10),
    span=st.floats(1e-3, 1e3),
)
def test_quantised_value_is_within_a_half_step_of_the_square_root_scale(share, low, span):
    value = low + span * share
    read = decoded(quantise(np.array([value]), low, low + span), low, low + span)[0]
    half_step = 0.5 / 254
    bound = span * (2 * np.sqrt(share) * half_step + half_step**2)
    assert abs(read - value) <= bound + 1e-9 * (abs(low) + span)


def test_largest_error_of_an_attention_weight_is_below_half_a_per_cent():
    weights = np.linspace(0, 1, 10_001)
    assert np.abs(decoded(quantise(weights, 0, 1), 0, 1) - weights).max() < 0.004


def test_order_of_values_survives():
    values = np.sort(np.random.default_rng(0).random(1000))
    assert (np.diff(quantise(values, 0, 1).astype(int)) >= 0).all()


def test_cell_without_a_value_is_no_zero():
    codes = quantise(np.array([0.0, np.nan, 1.0]), 0, 1)
    assert codes.tolist() == [0, 255, 254]


def test_map_without_any_range_is_drawn_at_the_low_end():
    assert quantise(np.array([3.0, 3.0]), 3.0, 3.0).tolist() == [0, 0]


def test_small_map_travels_exactly():
    values = np.random.default_rng(1).random((128, 128), np.float32)
    values[np.triu_indices(128, 1)] = np.nan
    packed = pack_cells(values, low=0, high=1)
    assert packed.frame["exact"]
    np.testing.assert_array_equal(unpacked(packed), values)


@pytest.mark.parametrize("n_tokens", [128, 512])
def test_head_with_random_weights_stays_within_its_bytes(n_tokens):
    values = np.random.default_rng(2).random((n_tokens, n_tokens), np.float32)
    n_bytes_in_base64 = len(pack_cells(values, low=0, high=1).data) * 4 / 3
    assert n_bytes_in_base64 <= {128: 88_000, 512: 350_000}[n_tokens]


def test_long_map_is_pooled_and_a_part_of_it_is_not():
    values = np.random.default_rng(3).random((2 * N_SIDE_MAX + 1, 50), np.float32)
    whole = pack_cells(values, low=0, high=1)
    assert whole.frame["step"] == 3
    part = pack_cells(values, low=0, high=1, window=(700, 720, 10, 30))
    assert part.frame["step"] == 1
    np.testing.assert_array_equal(unpacked(part), values[700:720, 10:30])


@given(
    n_rows=st.integers(1, 9),
    n_columns=st.integers(1, 9),
    step=st.integers(1, 4),
    seed=st.integers(0, 50),
)
def test_pooling_keeps_the_largest_value_of_every_block(n_rows, n_columns, step, seed):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((n_rows, n_columns)) < 0.4, np.nan, rng.random((n_rows, n_columns)))
    pooled = max_pool(values, step)
    for row in range(pooled.shape[0]):
        for column in range(pooled.shape[1]):
            block = values[row * step : (row + 1) * step, column * step : (column + 1) * step]
            known = block[~np.isnan(block)]
            if known.size:
                assert pooled[row, column] == known.max()
            else:
                assert np.isnan(pooled[row, column])
