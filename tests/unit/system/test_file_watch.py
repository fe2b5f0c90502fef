"""Files and folders that change are heard of, however a program writes them; others are not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openclaw_desktop.system.file_watch import FileWatch
from openclaw_desktop.system.file_watch.kernel_watch import KernelWatch
from openclaw_desktop.system.file_watch.looking import LookingWatch
from openclaw_desktop.system.file_watch.settling import Settling

Make = Callable[[Callable[[str], None]], FileWatch]
KINDS: dict[str, Make] = {"looking": lambda tell: LookingWatch(tell, look_s=0.02)}
if sys.platform == "linux":
    KINDS["kernel"] = lambda tell: KernelWatch(tell, Settling(tell, settled_s=0.02))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Heard:
    def __init__(self) -> None:
        self.paths: list[str] = []
        self.event = asyncio.Event()

    def __call__(self, path: str) -> None:
        self.paths.append(path)
        self.event.set()

    async def next(self) -> str:
        while not self.paths:
            self.event.clear()
            await self.event.wait()
        return self.paths.pop(0)


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[FileWatch] = []

    def make(tell: Callable[[str], None]) -> FileWatch:
        made.append(request.param(tell))
        return made[-1]

    yield make


async def test_a_file_that_is_written_put_in_place_and_removed(make: Make, tmp_path: Path) -> None:
    heard, file, fence = Heard(), tmp_path / "list.txt", tmp_path / "fence"
    watch = make(heard)
    watch.watch([str(file), str(fence)])
    file.write_text("milk")
    assert await heard.next() == str(file)
    (tmp_path / "other.txt").write_text("not asked for")
    other = tmp_path / "list.new"
    other.write_text("milk and bread")
    other.replace(file)
    assert await heard.next() == str(file)
    file.unlink()
    assert await heard.next() == str(file)
    watch.watch([str(fence)])
    file.write_text("no more")
    fence.write_text("the next that is heard")
    assert await heard.next() == str(fence)
    watch.close()
    watch.close()


async def test_a_folder_is_watched_for_what_lies_in_it(make: Make, tmp_path: Path) -> None:
    heard, folder = Heard(), tmp_path / "inbox"
    folder.mkdir()
    watch = make(heard)
    watch.watch([str(folder)])
    (folder / "letter").write_text("dear")
    assert await heard.next() == str(folder)
    (folder / "letter").unlink()
    assert await heard.next() == str(folder)
    watch.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's watch is Linux's")
async def test_many_writes_are_told_once_and_a_missing_folder_is_no_error(tmp_path: Path) -> None:
    heard, file = Heard(), tmp_path / "log"
    settling = Settling(heard, settled_s=0.05)
    watch = KernelWatch(heard, settling)
    watch.watch([str(file), str(tmp_path / "nowhere" / "x")])
    for number in range(200):
        file.write_text(str(number))
    assert await heard.next() == str(file)
    fence = tmp_path / "fence"
    watch.watch([str(file), str(fence)])
    fence.write_text("x")
    assert await heard.next() == str(fence), "the two hundred writes were one change"
    descriptors = open_files()
    watch.close()
    assert open_files() == descriptors - 1
