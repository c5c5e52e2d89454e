"""Library, command line, REST and a saved file give the same numbers for the same input.

python -m pytest tests/test_doors.py
"""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from typer.testing import CliRunner

import sinklens
from sinklens.analysis.plain_data import plain
from sinklens.analysis.run_summary import run_summary
from sinklens.analysis.sink_report import sink_report
from sinklens.analysis.sinks import Thresholds
from sinklens.api import api
from sinklens.capture.engine import Engine
from sinklens.cli.program import app as command_line
from sinklens.service import InferenceService
from sinklens.settings import Settings

TEXT = "The old lighthouse stood at the end of the harbour, and the harbour was quiet."
MODELS = ("demo-gpt2", "demo-llama", "demo-bert")
EDIT = {"kind": "mask_keys", "keys": [0], "layers": [1, 2]}
TYPED_EDIT = "mask_keys keys=0 layers=1,2"


@pytest.fixture(scope="module")
def engine():
    return Engine(Settings(allow_hub=False))


@pytest.fixture(scope="module")
def rest(engine, tmp_path_factory):
    settings = Settings(
        allow_hub=False, api_requests_per_minute=0, cache_dir=tmp_path_factory.mktemp("cache")
    )
    service = InferenceService(engine, settings)
    with TestClient(Starlette(routes=[Mount("/api", api(service, settings))])) as client:

        def ask(path, **body):
            response = client.post(f"/api/v1/{path}", json=body)
            assert response.status_code == 200, response.text
            return response

        yield ask
    service.close()


def typed(*words):
    """What a command prints as JSON."""
    result = CliRunner().invoke(command_line, [*map(str, words), "--format", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


def test_all_doors_give_the_same_sink_table(model, engine, rest, tmp_path):
    run = sinklens.analyze(model, TEXT, engine=engine)
    run.save(tmp_path / "run.sinklens", with_maps=False)
    by_rest = rest("sinks", model=model, text=TEXT).json()
    by_command = typed("sinks", TEXT, "-m", model)
    by_file = typed("sinks", "--from", tmp_path / "run.sinklens")
    assert by_rest == by_command == by_file
    by_library = run.sinks()
    for column in by_library.columns:
        assert [row[column] for row in by_rest["rows"]] == plain(by_library[column].tolist()), column
    # The page's own JSON export.
    report = sink_report(run.capture, by_library, definition="eligible", stream=None, thresholds=Thresholds())
    assert [row["alpha"] for row in report["tokens"]] == [row["received"] for row in by_rest["rows"]]


def test_all_doors_give_the_same_summary_of_an_edited_run(model, engine, rest, tmp_path):
    run = sinklens.analyze(model, TEXT, engine=engine).edit(sinklens.MaskKeys(keys=(0,), layers=(1, 2)))
    run.save(tmp_path / "run.sinklens")
    by_rest = rest("analyze", model=model, text=TEXT, edits=[EDIT]).json()
    assert by_rest == typed("analyze", TEXT, "-m", model, "-e", TYPED_EDIT)
    assert by_rest == typed("analyze", "--from", tmp_path / "run.sinklens")
    summary = run_summary(run.capture)
    expected = (summary.first_share, summary.rate.value, summary.entropy, run.capture.loss)
    found = (by_rest["first_share"], by_rest["sink_rate"]["value"], by_rest["entropy"], by_rest["loss"])
    assert found == tuple(plain(list(expected)))


def test_all_doors_give_the_same_heads_and_the_same_map(model, engine, rest, tmp_path):
    run = sinklens.analyze(model, TEXT, engine=engine)
    by_rest = rest("heads", model=model, text=TEXT).json()
    assert by_rest == typed("heads", TEXT, "-m", model)
    assert [row["type"] for row in by_rest["heads"]] == run.heads()["type"].tolist()
    binary = rest("map", model=model, text=TEXT, layer=2, head=3, format="npy").content
    words = [
        "export",
        TEXT,
        "-m",
        model,
        "--what",
        "map",
        "--layer",
        2,
        "--head",
        3,
        "-o",
        tmp_path / "map.npy",
    ]
    assert CliRunner().invoke(command_line, [str(word) for word in words]).exit_code == 0
    assert (tmp_path / "map.npy").read_bytes() == binary
    np.testing.assert_array_equal(np.load(io.BytesIO(binary)), run.map(2, 3))


def test_all_doors_give_the_same_trial(engine, rest):
    arm = {"name": TYPED_EDIT, "edits": [EDIT]}
    by_rest = rest("intervene", model="demo-gpt2", texts=[TEXT], arms=[arm]).json()
    assert by_rest == typed("intervene", TEXT, "-m", "demo-gpt2", "-e", TYPED_EDIT)
    run = sinklens.analyze("demo-gpt2", TEXT, engine=engine)
    edited = run.edit(sinklens.MaskKeys(keys=(0,), layers=(1, 2)))
    assert by_rest["arms"][0]["change"] == pytest.approx(edited.loss - run.loss, abs=2e-6)
