"""Requests made up from the API's own description: no unhandled error, every answer as described.

A few with the other tests; thousands with

    SCHEMATHESIS_REQUESTS=5000 python -m pytest tests/api/test_schema_conformance.py -s
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.capture.tiny_models import TEXT

N_QUICK = 200
N_REQUESTS = int(os.environ.get("SCHEMATHESIS_REQUESTS", N_QUICK))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
"""Not among them: that what fits the schema is accepted. Most models do not exist, most layers neither."""


ON_CONTENT = [negative_data_rejection]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
FIXED = {"model": "gpt2", "model_name": "gpt2", "text": TEXT, "texts": [TEXT], "target": None}


@pytest.fixture(scope="module")
def operations(client):
    description = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    return [found.ok() for found in description.get_all_operations()]


def sensible(body, draw):
    """A body that fits the schema, moved to a model and a text that exist."""
    for name, value in FIXED.items():
        if name in body:
            body[name] = value
    for name in ("layer", "head", "window"):
        if body.get(name) is not None:
            body[name] %= 4
    if draw(st.booleans()):
        body.pop("edits", None)
        body.pop("stream", None)
    for name in ("a", "b"):
        if name in body:
            sensible(body[name], draw)


@pytest.mark.parametrize("mode", MODES)
def test_no_request_brings_the_api_down(client, operations, mode):
    assert len(operations) >= 10
    statuses = Counter()
    # A route without a body takes nothing that could be wrong.
    is_negative = mode == schemathesis.GenerationMode.NEGATIVE
    chosen = [operation for operation in operations if operation.body or not is_negative]
    # A study that fits the schema would be begun, and goes on for as long as it needs.
    chosen = [operation for operation in chosen if is_negative or operation.label != "POST /v1/studies"]
    for operation in chosen:
        asked_of(operation, mode, client, statuses, n_requests=max(1, N_REQUESTS // (2 * len(chosen))))()
    print(mode, sum(statuses.values()), dict(sorted(statuses.items())))
    assert not [status for status in statuses if status >= 500]
    assert (200 in statuses) or is_negative


def asked_of(operation, mode, client, statuses, *, n_requests):
    """A test that asks one route many things."""
    strategy = operation.as_strategy(generation_mode=mode)

    @given(data=st.data())
    @settings(
        max_examples=n_requests,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=N_REQUESTS == N_QUICK,
    )
    def ask(data):
        case = data.draw(strategy)
        if mode == schemathesis.GenerationMode.POSITIVE and isinstance(case.body, dict):
            sensible(case.body, data.draw)
        wanted = case.as_transport_kwargs(base_url=f"{client.base_url}/api")
        wanted["content"] = wanted.pop("data", None)
        response = client.request(**{name: value for name, value in wanted.items() if name != "cookies"})
        statuses[response.status_code] += 1
        # A body of more than a megabyte is refused before anybody looks at what is wrong with it.
        is_large = response.status_code == 413
        case.validate_response(response, checks=[c for c in CHECKS if not (is_large and c in ON_CONTENT)])

    return ask
