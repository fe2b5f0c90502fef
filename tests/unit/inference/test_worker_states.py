"""The files of what the model computed: whole, this model's, within their limit, or gone."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest

from openclaw_desktop.inference.worker.states import States

TOKENS = list(range(100, 140))


def content(size: int = 1000) -> bytes:
    return random.Random(size).randbytes(size)


def write(states: States, tokens: list[int], kind: str = "chat", size: int = 1000) -> bool:
    def save(path: Path) -> bool:
        path.write_bytes(content(size))
        return True

    return states.write(tokens, kind, size, save)  # type: ignore[arg-type]


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(tmp_path / "states", 1 << 20, "model")


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "states").iterdir())


def test_what_was_written_is_found_by_what_it_has_in_common(states: States, tmp_path: Path) -> None:
    assert write(states, TOKENS)
    assert write(states, TOKENS[:10], "stable")
    found = states.find([*TOKENS[:30], 7, 8], 0)
    assert found is not None and found.kind == "chat" and list(found.tokens) == TOKENS and states.check(found)
    assert found.path.read_bytes().startswith(content())
    assert states.has(TOKENS, "chat") and not states.has(TOKENS, "stable")
    assert states.find([*TOKENS[:30], 7, 8], 30) is None
    assert states.find([1, 2, 3], 0) is None
    for path in files(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "states").stat().st_mode) == 0o700


def test_another_model_finds_nothing_and_cannot_be_given_it(states: States, tmp_path: Path) -> None:
    write(states, TOKENS)
    other = States(tmp_path / "states", 1 << 20, "another")
    assert other.find(TOKENS, 0) is None
    (mine,) = files(tmp_path)
    write(other, TOKENS)
    (theirs,) = set(files(tmp_path)) - {mine}
    mine.replace(theirs)
    given = other.find(TOKENS, 0)
    assert given is not None and not other.check(given)
    assert files(tmp_path) == []


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_never_handed_on_and_goes(states: States, tmp_path: Path, seed: int) -> None:
    write(states, TOKENS)
    (path,) = files(tmp_path)
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    match seed % 4:
        case 0:
            del data[chance.randrange(len(data)) :]
        case 1:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 2:
            at = chance.randrange(len(data))
            data[at:at] = chance.randbytes(chance.randrange(1, 50))
        case _:
            data = bytearray(chance.randbytes(chance.randrange(4000)))
    path.write_bytes(data)
    found = states.find(TOKENS, 0)
    assert found is None or not states.check(found)
    # A file whose end names other tokens is found by those, and checked and removed then.
    if path.exists():
        other = States(tmp_path / "states", 1 << 20, "model")._all()
        assert other and not any(states.check(state) for state in other)
    assert files(tmp_path) == []


def test_a_chat_that_grew_takes_the_place_of_its_former_self(states: States, tmp_path: Path) -> None:
    write(states, TOKENS[:5], "stable")
    write(states, TOKENS[:20])
    write(states, [*TOKENS[:20], 1, 2, 3])
    write(states, [*TOKENS[:20], 5, 6])
    write(states, [*TOKENS[:20], 5, 6, 7])
    kept = sorted(state.tokens[len(state.tokens) - 1] for state in states._all())
    assert kept == [3, 7, TOKENS[4]] and len(files(tmp_path)) == 3


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    states = States(tmp_path / "states", 5000, "model")
    for number in range(4):
        assert write(states, [number, *TOKENS])
        (newest,) = (state.path for state in states._all() if state.tokens[0] == number)
        os.utime(newest, ns=(number + 1, number + 1))
    used = states.find([0, *TOKENS], 0)
    assert used is not None and states.check(used), "reading it makes it the newest"
    write(states, [9, *TOKENS])
    assert sorted(state.tokens[0] for state in states._all()) == [0, 2, 3, 9]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 5000
    assert not write(states, [5, *TOKENS], size=6000), "one alone over the limit is not begun"
    States(tmp_path / "states", 0, "model")
    assert files(tmp_path) == []


def test_a_write_that_fails_leaves_nothing(states: States, tmp_path: Path) -> None:
    def half(path: Path) -> bool:
        path.write_bytes(b"half")
        return False

    def full(path: Path) -> bool:
        raise OSError(28, "No space left on device")

    assert not states.write(TOKENS, "chat", 10, half)
    assert not states.write(TOKENS, "chat", 10, full)
    assert files(tmp_path) == []


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / ".abc.part").write_bytes(b"half")
    States(tmp_path / "states", 1 << 20, "model")
    assert files(tmp_path) == []
