"""pytest tests/test_training_files.py"""

from __future__ import annotations

import json

import pytest

from sinklens.errors import DamagedFile
from sinklens.settings import Settings
from sinklens.training_files import training_logs


def test_every_bundled_model_has_a_log_with_a_point_for_each_curve():
    logs = training_logs(Settings().models_dir)
    assert {"demo-gpt2", "demo-llama", "demo-bert"} <= set(logs)
    for log in logs.values():
        assert (log.steps[1:] > log.steps[:-1]).all()
        assert log.layer_shares
    assert logs["demo-gpt2"].onset is not None
    assert logs["demo-bert"].onset is None


def test_models_without_a_log_are_left_out(tmp_path):
    (tmp_path / "plain").mkdir()
    assert training_logs(tmp_path) == {}
    assert training_logs(tmp_path / "absent") == {}


@pytest.mark.parametrize("text", ["{", json.dumps({"points": [{}]})])
def test_a_damaged_log_names_its_model(tmp_path, text):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "training_log.json").write_text(text)
    with pytest.raises(DamagedFile, match="odd"):
        training_logs(tmp_path)
