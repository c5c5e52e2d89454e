"""How often one client may ask: the same rule for the REST API's requests and for the runs of pages."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_CLIENTS = 10_000
"""Clients whose rate is remembered; the longest silent one is forgotten first."""
IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell clients apart: one client has all the addresses behind them."""


class Allowance:
    """So many requests a minute for each client, saved up for at most one minute.

    Parameters
    ----------
    n_per_minute : 0 for no limit
    now_s : seconds on a clock that never goes back
    """

    def __init__(self, n_per_minute: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._n_per_minute = n_per_minute
        self._now_s = now_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """0 where the client may go on, and one request is taken off; else seconds until it may."""
        if not self._n_per_minute:
            return 0.0
        client = client_of(address)
        now, rate = self._now_s(), self._n_per_minute / 60
        left, seen = self._left.pop(client, (float(self._n_per_minute), now))
        left = min(left + (now - seen) * rate, float(self._n_per_minute))
        may_go = left >= 1
        self._left[client] = (left - may_go, now)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if may_go else (1 - left) / rate


def client_of(address: str) -> str:
    """Who stands behind an address: an IPv6 network, and anything else by itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
