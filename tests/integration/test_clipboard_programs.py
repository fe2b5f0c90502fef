"""The clipboard and the opener over real child processes, which stay, flood, fail or hang as desktop programs do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("these programs are scripts for a Unix shell", allow_module_level=True)

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.system.clipboard import Clipboard, choose_clipboard
from openclaw_desktop.system.clipboard import clipboard as clipboard_module
from openclaw_desktop.system.opener import Opener, choose_opener

# What was put on X11's clipboard is served by a child that stays, and keeps whatever it was started with.
XCLIP = """#!/bin/sh
case "$*" in
"-selection clipboard -out") cat "$HELD" || exit 1 ;;
"-selection clipboard") cat > "$HELD"; sleep 300 & echo $! >> "$HELD.pids" ;;
*) exit 2 ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of programs that is looked through first; what they leave behind is ended."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HELD", str(tmp_path / "held"))
    yield tmp_path
    if (pids := tmp_path / "held.pids").exists():
        for pid in pids.read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def board(programs: Path, script: str = XCLIP) -> Clipboard:
    put(programs, "xclip", script)
    return choose_clipboard({"DISPLAY": ":0"}, "linux")


@pytest.mark.parametrize("text", ["hello", "ünï\n\tx\n", "", "z" * 300_000])
async def test_what_is_put_there_is_read_back_whole(programs: Path, text: str) -> None:
    clipboard = board(programs)
    await clipboard.write(text)
    assert await clipboard.read() == text


async def test_an_empty_clipboard_holds_no_text(programs: Path) -> None:
    assert await board(programs).read() == ""


async def test_a_flood_is_cut_and_a_program_that_fails_or_hangs_is_a_sentence(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = await board(programs, "#!/bin/sh\nexec yes\n").read()
    assert len(flood) == clipboard_module.LIMIT_BYTES
    with pytest.raises(UserError):
        await board(programs, "#!/bin/sh\nexit 1\n").write("x")
    monkeypatch.setattr(clipboard_module, "TIMEOUT_S", 0.05)
    with pytest.raises(UserError):
        await board(programs, "#!/bin/sh\nexec sleep 300\n").read()


async def test_what_is_opened_is_one_word_and_a_failure_is_a_sentence(programs: Path) -> None:
    put(programs, "xdg-open", '#!/bin/sh\nprintf "%s|" "$#" "$@" > "$HELD"\n')
    opener = choose_opener("linux")
    assert opener == Opener(("xdg-open",))
    await opener.open("/home/me/my letter; rm -rf $HOME.odt")
    assert (programs / "held").read_text() == "1|/home/me/my letter; rm -rf $HOME.odt|"
    put(programs, "xdg-open", "#!/bin/sh\nexit 3\n")
    with pytest.raises(UserError) as failed:
        await opener.open("https://example.org/")
    assert "xdg-open 3" in failed.value.failure.sentence
