"""Rows of the embedding table and their neighbours, against the table itself.

python -m pytest tests/capture/test_token_embeddings.py
"""

from __future__ import annotations

import numpy as np
import pytest

from sinklens.capture.engine import Engine
from sinklens.errors import BadSelection
from sinklens.records import CaptureRequest
from tests.capture.tiny_models import ENCODER_DECODER, TARGET, TEXT, WORDS, save_tiny

FAMILIES = ("gpt2", "llama", "bert", "albert", "electra", "t5", "bart", "bloom")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """family -> (engine, capture)"""

    class Runs(dict):
        def __missing__(self, family):
            engine, target = Engine(), TARGET if family in ENCODER_DECODER else None
            folder = save_tiny(family, tmp_path_factory.mktemp(family))
            self[family] = engine, engine.capture(CaptureRequest(str(folder), TEXT, target=target))
            return self[family]

    return Runs()


def table_of(engine, capture) -> np.ndarray:
    return engine.model(capture.request.model).model.get_input_embeddings().weight.detach().numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_and_neighbours_are_those_of_the_table(runs, family):
    engine, capture = runs[family]
    table, prompt, position = table_of(engine, capture), capture.target or capture.prompt, 4
    found = engine.token_embeddings(capture, position)
    np.testing.assert_array_equal(found.rows, table[list(prompt.ids)])
    sizes = np.linalg.norm(table, axis=1)
    own = prompt.ids[position]
    cosines = table @ table[own] / np.maximum(sizes * sizes[own], 1e-12)
    cosines[own] = -2
    best = np.argsort(-cosines)[: len(found.neighbour_ids)]
    np.testing.assert_array_equal(found.neighbour_ids, best)
    np.testing.assert_allclose(found.neighbour_cosines, cosines[best], atol=1e-5)
    assert found.neighbour_labels == tuple(WORDS[i] for i in best)
    assert found.n_vocabulary == len(WORDS)


def test_the_factor_of_families_that_scale_their_rows_is_measured(tmp_path):
    engine = Engine()
    factors = {}
    for family in ("gemma2", "llama"):
        capture = engine.capture(CaptureRequest(str(save_tiny(family, tmp_path / family)), TEXT))
        factors[family] = engine.token_embeddings(capture, 1).factor
    assert factors["gemma2"] == pytest.approx(32**0.5, rel=1e-4)
    assert factors["llama"] == pytest.approx(1.0)


def test_the_encoder_reads_its_own_text(runs):
    engine, capture = runs["t5"]
    found = engine.token_embeddings(capture, 2, "encoder")
    np.testing.assert_array_equal(found.rows, table_of(engine, capture)[list(capture.prompt.ids)])


def test_a_position_outside_the_text_is_refused(runs):
    engine, capture = runs["gpt2"]
    with pytest.raises(BadSelection, match=r"tokens 0 to 19; got position 20"):
        engine.token_embeddings(capture, 20)
