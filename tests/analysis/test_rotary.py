"""Angles of rotary positions against their closed form. Run with: pytest tests/analysis/test_rotary.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.rotary import rotary_angles

WIDTH, BASE, N_TOKENS = 16, 10_000.0, 300
FREQUENCY = BASE ** (-np.arange(0, WIDTH, 2) / WIDTH)
"""Su et al. 2021, equation 15."""
LAYOUTS = {
    "two halves": lambda pairs: np.concatenate([pairs, pairs], axis=1),
    "side by side": lambda pairs: np.repeat(pairs, 2, axis=1),
    "once": lambda pairs: pairs,
}


def turned(n_tokens=N_TOKENS):
    return np.arange(n_tokens)[:, None] * FREQUENCY


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frequencies_and_angles_are_those_of_the_paper(layout):
    arrange = LAYOUTS[layout]
    cos, sin = (arrange(f(turned())).astype(np.float32) for f in (np.cos, np.sin))
    found = rotary_angles(cos, sin)
    assert found.n_pairs == WIDTH // 2
    assert found.is_even
    np.testing.assert_allclose(found.frequency, FREQUENCY, rtol=1e-5)
    np.testing.assert_allclose(found.turned, turned(), rtol=1e-5)
    np.testing.assert_allclose(found.tokens_per_turn, 2 * np.pi / FREQUENCY, rtol=1e-5)
    assert found.factor == pytest.approx(1.0)


def test_the_factor_of_a_stretched_context_is_read_beside_the_angle():
    found = rotary_angles(1.4 * np.cos(turned()), 1.4 * np.sin(turned()))
    assert found.factor == pytest.approx(1.4)
    assert found.is_even
    np.testing.assert_allclose(found.frequency, FREQUENCY)


def test_uneven_angles_are_told():
    angles = turned(20) ** 1.1
    assert not rotary_angles(np.cos(angles), np.sin(angles)).is_even


def test_a_single_token_turns_nothing():
    found = rotary_angles(np.ones((1, 8)), np.zeros((1, 8)))
    assert np.isnan(found.frequency).all()
    assert not found.turned.any()
