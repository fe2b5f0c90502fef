"""The cache: bounded, in order of use, and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.cache import Cache, CacheCounts


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("b"), cache.get("a"), cache.get("c")) == (None, 1, 3)
    assert cache.counts() == CacheCounts(hits=3, misses=1)


def test_a_cache_without_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Cache(0)


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_it_holds_the_last_different_keys(keys: list[int], limit: int) -> None:
    cache: Cache[int, int] = Cache(limit)
    for key in keys:
        cache.put(key, key)
    latest = list(dict.fromkeys(reversed(keys)))
    assert len(cache) == min(limit, len(latest))
    assert all(cache.get(key) == key for key in latest[:limit])
