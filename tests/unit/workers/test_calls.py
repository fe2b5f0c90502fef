"""The modules of the tool worker load on every platform, and the worker itself stays lean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from openclaw_desktop.workers.sandbox import kernel, landlock


def loaded_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_the_fork_server_stays_lean() -> None:
    large = {"asyncio", "ssl", "logging", "subprocess", "pathlib", "tempfile", "random"}
    assert not loaded_after("import openclaw_desktop.workers.fork_server") & {*large, "hashlib"}
    loaded = loaded_after("import openclaw_desktop.workers.fork_server, openclaw_desktop.tools.file_functions")
    assert not loaded & large
    assert not {name for name in loaded if name.startswith("openclaw_desktop.core")}


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_load_it_and_say_so(platform: str) -> None:
    program = (
        f"import sys, resource, os; sys.platform = {platform!r}\n"
        "from openclaw_desktop.workers.sandbox.jail import Jail\n"
        "from openclaw_desktop.workers.sandbox.proof import prove\n"
        "print(prove(Jail()))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert f"no jail for {platform} yet" in done.stdout
    assert f"level={1 if platform == 'darwin' else 0}" in done.stdout


def test_an_unknown_call_is_an_error() -> None:
    with pytest.raises(OSError):
        kernel.syscall("no such call")


def test_a_kernel_without_landlock_offers_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "NUMBERS", {})
    assert landlock.kernel_abi() == 0
