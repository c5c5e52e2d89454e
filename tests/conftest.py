"""What every test may rely on: no network, no trace outside a temporary folder, no impatient clock."""

from __future__ import annotations

import os
import tempfile

import hypothesis
import pytest

# Before any test module imports transformers, which reads these once.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "SINKLENS_CACHE_DIR": tempfile.mkdtemp(prefix="sinklens-tests-"),
    "TOKENIZERS_PARALLELISM": "false",
}

# A busy machine is not a defect.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def engine_class():
    """What runs the models; tests of one page may need more than the engine itself."""
    # Late: the browser tests' own process needs no torch.
    from sinklens.capture.engine import Engine

    return Engine


@pytest.fixture
def engine_service(tmp_path, engine_class):
    """A service that runs models, with a cache of its own, which asks no hub."""
    from sinklens.service import InferenceService
    from sinklens.settings import Settings

    settings = Settings(cache_dir=tmp_path, allow_hub=False)
    service = InferenceService(engine_class(settings), settings)
    yield service
    service.close()


@pytest.fixture
def service(engine_service):
    """The one that most tests mean; those of the service itself have another."""
    return engine_service


@pytest.fixture
def without_session(monkeypatch):
    """shinywidgets wants a session for every widget of a process that has imported it."""
    from ipywidgets import Widget

    monkeypatch.setattr(Widget, "_widget_construction_callback", None)
