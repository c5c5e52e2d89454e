"""Cache studies through the service: one policy at a time, each kept, shared and stopped.

pytest tests/service/test_cache_policies.py
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sinklens.cache_records import CachePlan, CachePolicy, CacheRequest, PasskeyProbe, PolicyLoss
from sinklens.errors import BadIntervention
from sinklens.results import arrays_in
from tests.service.service_steps import ask, leave, reached, until
from tests.stand_in_engine import StandInEngine

POLICIES = tuple(CachePolicy("sinks", 4, n_sink) for n_sink in (0, 1, 2))


class CacheEngine(StandInEngine):
    """Every policy passes all layers once; the name of the policy is noted as the call."""

    has_passkey = True

    def cache_plan(self, request) -> CachePlan:
        with self._on_model(request.model, "plan", request.text):
            policies = tuple(p for p in POLICIES if p.n_sink in request.n_sinks)
            return CachePlan(self._blank().prompt, policies)

    def policy_loss(self, request, policy, on_progress, is_cancelled) -> PolicyLoss:
        with self._on_model(request.model, policy.name, request.text):
            self._pass_layers(request.text, on_progress, is_cancelled)
            return PolicyLoss(policy, np.zeros(1, np.float32))

    def passkey(self, request, plan, is_cancelled) -> PasskeyProbe:
        if not self.has_passkey:
            raise BadIntervention("The text is too short for a key.")
        none = np.zeros((1, 1), np.float32)
        return PasskeyProbe(plan.policies[0], 9, none, none, none)


@pytest.fixture
def engine():
    return CacheEngine()


def study(text="hello", **choices):
    return CacheRequest("gpt", text, 4, **choices)


def passes(engine):
    return [name for name, _ in engine.calls if "+" in name]


async def test_equal_studies_share_one_run_and_later_ones_are_answered_from_memory(service, engine):
    reports = await asyncio.gather(*(service.cache_policies(study()) for _ in range(4)))
    assert all(report is reports[0] for report in reports)
    assert await service.cache_policies(study()) is reports[0]
    assert passes(engine) == [policy.name for policy in POLICIES]


async def test_another_choice_of_policies_runs_only_the_new_ones(service, engine):
    few = await service.cache_policies(study(n_sinks=(0, 2)))
    assert passes(engine) == ["0 + 4", "2 + 2, original positions"]
    all_of_them = await service.cache_policies(study(n_sinks=(0, 1, 2)))
    assert passes(engine)[2:] == ["1 + 3, original positions"]
    assert all_of_them.losses[0] is few.losses[0]


async def test_another_text_shares_nothing(service, engine):
    await service.cache_policies(study())
    await service.cache_policies(study("other"))
    assert len(passes(engine)) == 2 * len(POLICIES)


async def test_nothing_in_a_report_can_be_written(service):
    report = await service.cache_policies(study())
    assert not any(array.flags.writeable for array in arrays_in(report))


async def test_a_probe_that_cannot_be_run_leaves_its_reason(service, engine):
    engine.has_passkey = False
    report = await service.cache_policies(study())
    assert report.passkey is None
    assert report.passkey_note == "The text is too short for a key."


async def test_progress_rises_over_all_policies(service):
    told = []
    await service.cache_policies(study(), told.append)
    fractions = [status.fraction for status in told if status.phase == "running"]
    assert fractions == sorted(fractions)
    assert fractions[-1] > 2 / 3
    assert told[-1].phase == "done"


async def test_somebody_else_gets_the_model_between_two_policies(service, engine):
    gate = engine.gate("hello", layer=1)
    caller = asyncio.create_task(service.cache_policies(study()))
    await reached(gate)
    other = asyncio.create_task(service.capture(ask("short")))
    await asyncio.sleep(0.01)
    gate.open()
    await asyncio.gather(caller, other)
    names = [name for name, _ in engine.calls]
    assert names.index("capture") < names.index(POLICIES[-1].name)
    assert engine.most_at_once["gpt"] == 1


async def test_a_stop_ends_the_policy_between_two_layers_and_the_rest_is_not_run(service, engine):
    gate = engine.gate("hello", layer=1)
    caller = asyncio.create_task(service.cache_policies(study()))
    await reached(gate)
    await leave(caller)
    gate.open()
    await until(lambda: engine.stopped == [("hello", 2)])
    assert passes(engine) == ["0 + 4"]
