"""The memory cache against a plain list in order of use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sinklens.result_cache import ResultCache

operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 60)),
        st.tuples(st.just("get"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("forget"), st.integers(0, 5), st.just(0)),
    ),
    max_size=60,
)


def after(entries, key, size, max_bytes):
    """The list of (key, size), oldest first, that a put must leave."""
    entries = [entry for entry in entries if entry[0] != key]
    if size > max_bytes:
        return entries
    while sum(kept for _, kept in entries) + size > max_bytes:
        entries = entries[1:]
    return [*entries, (key, size)]


@given(operations=operations, max_bytes=st.integers(0, 100))
def test_bytes_stay_under_the_bound_and_the_oldest_goes_first(operations, max_bytes):
    cache, expected = ResultCache(max_bytes), []
    for action, key, size in operations:
        if action == "put":
            cache.put(key, f"value {key} of {size}", size)
            expected = after(expected, key, size, max_bytes)
        elif action == "get":
            hit = [entry for entry in expected if entry[0] == key]
            assert cache.get(key) == (f"value {key} of {hit[0][1]}" if hit else None)
            expected = [entry for entry in expected if entry[0] != key] + hit
        else:
            cache.forget(lambda candidate, key=key: candidate <= key)
            expected = [entry for entry in expected if entry[0] > key]
        assert cache.n_bytes == sum(kept for _, kept in expected) <= max_bytes
        assert len(cache) == len(expected)


def test_reading_a_value_saves_it_from_being_dropped():
    cache = ResultCache(20)
    cache.put("old", 1, 10)
    cache.put("new", 2, 10)
    cache.get("old")
    cache.put("newest", 3, 10)
    assert (cache.get("old"), cache.get("new"), cache.get("newest")) == (1, None, 3)
