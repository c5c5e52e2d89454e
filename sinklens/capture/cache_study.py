"""The part of Engine that studies caches."""

from __future__ import annotations

from collections.abc import Callable

from sinklens.cache_records import (
    CacheCoverage,
    CachePlan,
    CachePolicy,
    CacheRequest,
    PasskeyProbe,
    PolicyLoss,
)
from sinklens.capture.cache_coverage import cache_coverage
from sinklens.capture.cache_policies import cache_plan, policy_loss
from sinklens.capture.passkey import passkey_probe
from sinklens.records import Prompt
from sinklens.results import Capture


class CacheStudies:
    """Methods of Engine; blocking like all of them."""

    def cache_plan(self, request: CacheRequest) -> CachePlan:
        """The policies that model and text can take; errors as in `cache_policies.cache_plan`."""
        return cache_plan(self.model(request.model), request, self._cache_prompt(request))

    def policy_loss(
        self,
        request: CacheRequest,
        policy: CachePolicy,
        on_progress: Callable[[float, str], None] = lambda fraction, message: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> PolicyLoss:
        """The loss of every token under one policy; errors as in `cache_policies.policy_loss`."""
        prompt = self._cache_prompt(request)
        return policy_loss(self.model(request.model), policy, prompt, on_progress, is_cancelled)

    def _cache_prompt(self, request: CacheRequest) -> Prompt:
        return (self.tokenise_all if request.beyond_limit else self.tokenise)(request.reading)

    def passkey(
        self, request: CacheRequest, plan: CachePlan, is_cancelled: Callable[[], bool] = lambda: False
    ) -> PasskeyProbe:
        """Can a key be read after it has left the cache? Errors as in `passkey_probe`."""
        return passkey_probe(self.model(request.model), plan, request.seed, is_cancelled)

    def cache_coverage(self, capture: Capture, stream: str, n_sink: int, n_recent: int) -> CacheCoverage:
        """Attention that a streaming cache would keep, from what the capture kept; needs no model."""
        return cache_coverage(capture, stream, n_sink, n_recent)
