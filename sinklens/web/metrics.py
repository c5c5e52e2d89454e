"""GET /metrics: the service in numbers, in the text format of Prometheus."""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import accumulate
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sinklens.service_stats import ServiceStats
from sinklens.settings import Settings
from sinklens.version import VERSION
from sinklens.web.run_tally import BOUNDS_S, RunTally
from sinklens.web.session_door import SessionCount

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PROXY_HEADERS = ("x-forwarded-for", "forwarded")


class Metrics:
    """The answer to /metrics.

    Without a token only this machine itself is answered, and nothing that a proxy passes on.

    Parameters
    ----------
    stats : what the service has done and holds
    """

    def __init__(
        self, stats: Callable[[], ServiceStats], tally: RunTally, sessions: SessionCount, settings: Settings
    ) -> None:
        self._stats, self._tally, self._sessions = stats, tally, sessions
        self._token = settings.metrics_token.encode()
        self._registry = None

    async def answer(self, request: Request) -> Response:
        """The numbers, or why not."""
        if not self._may_read(request):
            sentence = "Metrics are for holders of their token, or for this machine where there is none."
            headers = {"WWW-Authenticate": "Bearer"} if self._token else {}
            status = HTTPStatus.UNAUTHORIZED if self._token else HTTPStatus.FORBIDDEN
            return PlainTextResponse(sentence, status, headers)
        # The first page should not wait for this import.
        from prometheus_client import (
            CONTENT_TYPE_LATEST,
            CollectorRegistry,
            ProcessCollector,
            generate_latest,
        )

        if self._registry is None:
            self._registry = CollectorRegistry()
            ProcessCollector(registry=self._registry)
            self._registry.register(self)
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks a collector for."""
        stats = self._stats()
        yield _gauge("info", "Version of SinkLens.", {(VERSION,): 1}, "version")
        yield _counter("cache_hits", "Asks that were answered from memory or disk.", {(): stats.n_hits})
        yield _counter("forward_passes", "Captures that had to be computed.", {(): stats.n_misses})
        yield _counter("shared_runs", "Asks that joined the run of somebody else.", {(): stats.n_shared})
        held = {("memory",): stats.n_memory_bytes, ("disk",): stats.n_disk_bytes}
        yield _gauge("cache_bytes", "Bytes of kept results.", held, "place")
        yield _gauge("models_busy", "Models that compute now.", {(): stats.n_running})
        yield _gauge("queue_length", "Asks that wait for a model.", self._queues(stats), "model")
        yield _gauge("sessions_open", "Pages that are open.", {(): self._sessions.n_open})
        yield _counter("sessions", "Pages that were opened.", {(): self._sessions.n_opened})
        yield from self._runs()

    def _queues(self, stats: ServiceStats) -> dict[tuple[str, ...], float]:
        lengths: Counter[tuple[str, ...]] = Counter()
        for model, n_waiting in stats.queues.items():
            lengths[(self._tally.model(model),)] += n_waiting
        return dict(lengths)

    def _runs(self) -> Iterator[Metric]:
        from prometheus_client.core import HistogramMetricFamily

        tally = self._tally
        labels = ("kind", "model", "outcome")
        yield _counter("runs", "Runs that are over.", dict(tally.n_runs), *labels)
        errors = {(name,): n for name, n in tally.n_errors.items()}
        yield _counter("errors", "Runs that failed, and asks that were refused.", errors, "error")
        name = "sinklens_run_seconds"
        durations = HistogramMetricFamily(name, "From the ask to the end.", labels=["kind"])
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        for kind, counts in tally.durations.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            durations.add_metric([kind], buckets, sum_value=tally.sums_s[kind])
        yield durations

    def _may_read(self, request: Request) -> bool:
        if self._token:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token)
        passed_on = any(name in request.headers for name in PROXY_HEADERS)
        return not passed_on and request.client is not None and _is_loopback(request.client.host)


def _counter(name: str, sentence: str, values: dict, *labels: str) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    return _filled(CounterMetricFamily(f"sinklens_{name}", sentence, labels=labels), values)


def _gauge(name: str, sentence: str, values: dict, *labels: str) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return _filled(GaugeMetricFamily(f"sinklens_{name}", sentence, labels=labels), values)


def _filled(family: Metric, values: dict) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
