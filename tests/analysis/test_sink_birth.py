"""pytest tests/analysis/test_sink_birth.py"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.analysis.sink_birth import sink_birth
from sinklens.residual_records import ResidualStream


def stream(embeddings, attention, mlp, *, is_additive=True) -> ResidualStream:
    """States from writes of shape (L, T, d)."""
    writes = np.asarray(attention, float) + np.asarray(mlp, float)
    states = np.concatenate([np.asarray(embeddings, float)[None], np.asarray(embeddings) + writes.cumsum(0)])
    note = "" if is_additive else "Not additive."
    arrays = (np.asarray(states, np.float32), np.asarray(attention, np.float32))
    return ResidualStream(
        arrays[0], arrays[1], None, np.asarray(mlp, np.float32), arrays[0][-1], is_additive, note
    )


def born_in_layer_one():
    """Two layers, three tokens, four dimensions: the feed-forward of layer 1 writes 300 into dimension 2."""
    rng = np.random.default_rng(0)
    embeddings, attention, mlp = (0.1 * rng.normal(size=shape) for shape in ((3, 4), (2, 3, 4), (2, 3, 4)))
    mlp[1, 0, 2] = 300.0
    return stream(embeddings, attention, mlp)


def test_the_writer_of_a_massive_dimension_is_named():
    born = sink_birth(born_in_layer_one(), 0)
    top = born.dimensions[0]
    assert (born.peak, born.jump) == (2, 1)
    assert (top.dimension, top.is_massive, top.is_relatively_massive) == (2, True, True)
    assert (top.writers[0].name, top.writers[0].layer) == ("feed-forward", 1)
    assert (born.writers[0].name, born.writers[0].layer) == ("feed-forward", 1)


def test_what_is_written_adds_up_to_the_norm_and_to_each_dimension():
    rng = np.random.default_rng(1)
    residual = stream(rng.normal(size=(5, 6)), rng.normal(size=(3, 5, 6)), rng.normal(size=(3, 5, 6)))
    for token in range(5):
        born = sink_birth(residual, token)
        assert sum(writer.amount for writer in born.writers) == pytest.approx(born.norms[born.peak], rel=1e-5)
        for dimension in born.dimensions:
            total = sum(writer.amount for writer in dimension.writers)
            assert total == pytest.approx(dimension.value, rel=1e-4, abs=1e-5)


def test_a_negative_dimension_is_brought_there_by_a_negative_write():
    residual = born_in_layer_one()
    residual.mlp[1, 0, 2] *= -1
    residual.states[2, 0, 2] -= 600
    top = sink_birth(residual, 0).dimensions[0]
    assert top.value < 0
    assert top.writers[0].amount == pytest.approx(-300.0, rel=1e-3)


def test_a_model_that_is_not_additive_has_states_but_no_writers():
    rng = np.random.default_rng(2)
    parts = rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    born = sink_birth(stream(*parts, is_additive=False), 0)
    assert (born.writers, born.note) == ((), "Not additive.")
    assert born.dimensions[0].writers == ()


def test_a_single_token_is_compared_with_nobody():
    rng = np.random.default_rng(3)
    born = sink_birth(stream(rng.normal(size=(1, 4)), *rng.normal(size=(2, 2, 1, 4))), 0)
    assert np.isnan(born.ratios).all()
    assert born.peak == int(born.norms.argmax())
