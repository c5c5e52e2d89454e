"""An API over a real engine and a tiny GPT-2, called in process."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from sinklens.api import api
from sinklens.capture.engine import Engine
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.capture.tiny_models import save_tiny


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory):
    """A folder of tiny "bundled" models."""
    folder = tmp_path_factory.mktemp("bundled")
    for family in ("gpt2", "bert", "t5"):
        (folder / family).mkdir()
        save_tiny(family, folder / family)
    return folder


@pytest.fixture(scope="session")
def api_settings(models_dir, tmp_path_factory):
    return Settings(
        models_dir=models_dir,
        cache_dir=tmp_path_factory.mktemp("cache"),
        studies_dir=tmp_path_factory.mktemp("studies"),
        default_model="gpt2",
        allow_folders=False,
        allow_hub=False,
        api_requests_per_minute=0,
    )


@pytest.fixture(scope="session")
def engine(api_settings):
    return Engine(api_settings)


@pytest.fixture(scope="session")
def open_client(engine, api_settings):
    """Builds clients of an API mounted at /api, as app.py mounts it."""
    from contextlib import contextmanager
    from dataclasses import replace

    @contextmanager
    def opened(studies=None, **changes):
        settings = replace(api_settings, **changes)
        service = InferenceService(engine, settings)
        app = Starlette(routes=[Mount("/api", api(service, settings))])
        try:
            if studies is not None:
                service._studies = studies
            with TestClient(app, raise_server_exceptions=False) as client:
                yield client
        finally:
            service.close()

    return opened


@pytest.fixture(scope="session")
def client(open_client):
    with open_client() as client:
        yield client
