"""The REST application is there with the first request, not before.

python -m pytest tests/api/test_late_api.py
"""

from __future__ import annotations

import subprocess
import sys

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from sinklens.late_api import LateApi
from sinklens.service import InferenceService
from sinklens.settings import REPOSITORY, Settings
from tests.stand_in_engine import StandInEngine

START = "import sys, app; print({'fastapi', 'sklearn', 'torch'} & set(sys.modules))"


def test_every_request_is_answered_by_one_application(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache", studies_dir=tmp_path / "studies")
    service = InferenceService(StandInEngine(), settings)
    late = LateApi(service, settings)
    with TestClient(Starlette(routes=[Mount("/api", late)])) as client:
        answers = [client.get("/api/v1/health").json()["status"] for _ in range(2)]
    service.close()
    assert answers == ["ok", "ok"]


def test_the_app_starts_without_what_its_first_page_does_not_need():
    started = subprocess.run(
        [sys.executable, "-c", START], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert started.stdout.strip() == "set()"
