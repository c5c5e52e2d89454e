"""The whole server in process: the pages' routes, guards, log and metrics over an engine without a model."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from shiny import App, ui
from starlette.testclient import TestClient

from modules.web import put_on_the_web
from sinklens.service import InferenceService
from sinklens.settings import Settings
from tests.stand_in_engine import StandInEngine


@pytest.fixture
def open_server(tmp_path):
    """Builds clients of a server; settings are given by name."""

    @contextmanager
    def opened(address="127.0.0.1", **changes):
        settings = Settings(cache_dir=tmp_path / "cache", studies_dir=tmp_path / "studies", **changes)
        service = InferenceService(StandInEngine(), settings)
        app = App(ui.page_fluid(ui.card("A page")), None)
        put_on_the_web(app, service, settings, bundled=("demo",))
        client = TestClient(app, base_url="http://sinklens.test", client=(address, 50_000))
        with client:
            client.service = service
            yield client

    return opened
