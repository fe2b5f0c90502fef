"""Which of two cores a thread runs on."""

import sys
import threading
from collections.abc import Callable

import pytest

from openclaw_desktop.system import cores

if sys.platform != "linux":
    pytest.skip("threads are placed on Linux alone", allow_module_level=True)

import os


def cores_after(choose: Callable[[], None], before: set[int]) -> set[int]:
    """Where a thread may run that had `before` and chose; this thread stays where it is."""
    found: list[set[int]] = []

    def run() -> None:
        os.sched_setaffinity(0, before)
        choose()
        found.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_of_two_cores_each_has_its_own_and_of_more_or_fewer_none_is_chosen() -> None:
    here = sorted(os.sched_getaffinity(0))
    if len(here) > 1:
        first, last = here[:2]
        assert cores_after(cores.keep_off_last_of_two, {first, last}) == {first}
        assert cores_after(cores.keep_to_last_of_two, {first, last}) == {last}
        assert os.sched_getaffinity(0) == set(here)
    assert cores_after(cores.keep_to_last_of_two, {here[0]}) == {here[0]}


@pytest.mark.parametrize(("count", "chosen"), [(1, None), (2, ({6}, {7})), (3, None), (16, None)])
def test_however_many_cores_this_machine_has(
    monkeypatch: pytest.MonkeyPatch, count: int, chosen: tuple[set[int], set[int]] | None
) -> None:
    set_to: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6, 6 + count)))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, found: set_to.append(found))
    cores.keep_off_last_of_two()
    cores.keep_to_last_of_two()
    assert tuple(set_to) == (chosen or ())


def test_a_jail_that_forbids_it_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, __: set[int]) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    cores.keep_to_last_of_two()
