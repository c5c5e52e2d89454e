"""The command line over tiny models, in process."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sinklens.cli.program import app
from tests.capture.tiny_models import save_tiny


@pytest.fixture(scope="session")
def bundled(tmp_path_factory):
    """A folder of tiny "bundled" models."""
    folder = tmp_path_factory.mktemp("bundled")
    for family in ("gpt2", "bert"):
        (folder / family).mkdir()
        save_tiny(family, folder / family)
    return folder


@pytest.fixture
def sinklens_command(bundled, monkeypatch):
    """Runs a command line and gives its result."""
    monkeypatch.setenv("SINKLENS_MODELS_DIR", str(bundled))
    monkeypatch.setenv("SINKLENS_DEFAULT_MODEL", "gpt2")
    monkeypatch.setenv("SINKLENS_ALLOW_HUB", "false")

    def call(*words, stdin=None):
        return CliRunner().invoke(app, [str(word) for word in words], input=stdin)

    return call
