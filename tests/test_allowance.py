"""How often one client may ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinklens.allowance import MAX_CLIENTS, Allowance, client_of


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@given(
    n_per_minute=st.integers(1, 500),
    gaps_s=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_no_minute_holds_more_than_twice_the_allowance(n_per_minute, gaps_s):
    """Saved up for a minute and spent at once, plus what comes in during that minute."""
    clock = Clock()
    allowance = Allowance(n_per_minute, clock)
    granted = []
    for gap_s in gaps_s:
        clock.now += gap_s
        while allowance.wait_s("c") == 0:
            granted.append(clock.now)
    for start in granted:
        assert sum(start <= at < start + 60 for at in granted) <= 2 * n_per_minute + 1


def test_the_wait_that_is_told_is_enough():
    clock = Clock()
    allowance = Allowance(7, clock)
    while (wait_s := allowance.wait_s("c")) == 0:
        pass
    clock.now += wait_s + 1e-9
    assert allowance.wait_s("c") == 0


def test_nought_is_no_limit():
    assert {Allowance(0).wait_s("c") for _ in range(1000)} == {0.0}


def test_clients_do_not_share():
    allowance = Allowance(1, Clock())
    assert allowance.wait_s("192.0.2.1") == 0
    assert allowance.wait_s("192.0.2.2") == 0
    assert allowance.wait_s("192.0.2.1") > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_one_network_of_ipv6_is_one_client(one, other, same):
    assert (client_of(one) == client_of(other)) is same


def test_many_clients_take_a_bounded_place():
    allowance = Allowance(1, Clock())
    for index in range(MAX_CLIENTS + 10):
        allowance.wait_s(f"c{index}")
    assert len(allowance._left) == MAX_CLIENTS
