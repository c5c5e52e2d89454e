"""Services over an engine that is stepped by the test."""

from __future__ import annotations

import pytest

from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.stand_in_engine import StandInEngine


@pytest.fixture
def engine():
    return StandInEngine()


@pytest.fixture
def open_service(tmp_path):
    """Builds services and closes them when the test ends."""
    services = []

    def build(engine, *, n_parallel_models=2, min_spill_bytes=10**9, **limits):
        settings = Settings(cache_dir=tmp_path, **limits)
        options = {"n_parallel_models": n_parallel_models, "min_spill_bytes": min_spill_bytes}
        services.append(InferenceService(engine, settings, **options))
        return services[-1]

    yield build
    for service in services:
        service.close()


@pytest.fixture
def service(engine, open_service):
    return open_service(engine)
