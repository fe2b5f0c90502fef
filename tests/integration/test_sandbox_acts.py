"""Every hostile act that the start-up proof knows, tried by a script in `sandbox exec`, as root and as a user."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jail_room import HAS_JAIL, USERS, become, let_reach_checkout, open_folder

import openclaw_desktop
from openclaw_desktop.workers.fork_server import ABI_VARIABLE, NAMESPACES_VARIABLE
from openclaw_desktop.workers.sandbox import landlock
from openclaw_desktop.workers.sandbox.probes import scene

pytestmark = [
    pytest.mark.skipif(not HAS_JAIL, reason="this kernel has no jail to test"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]
AGENT = [sys.executable, "-P", "-m", "openclaw_desktop.cli.agent", "sandbox", "exec"]

SCRIPT = """
import importlib.util, json, sys
told = json.load(sys.stdin)
# The folder above a package that is not installed can't be listed in here, which is right.
package = told.pop("package")
spec = importlib.util.spec_from_file_location(
    "openclaw_desktop", package + "/__init__.py", submodule_search_locations=[package])
sys.modules["openclaw_desktop"] = importlib.util.module_from_spec(spec)
from openclaw_desktop.workers.sandbox import probes, program_trial, trial
told["handle"] = bytes.fromhex(told["handle"])
stage = probes.Scene(**told)
held = trial.REFUSALS | program_trial.ABSENCES
for probe in program_trial.PROGRAM_PROBES:
    code = trial.run(lambda: probe.act(stage), None)
    if code not in held:
        print("got out:", probe.name, code)
open(stage.granted + "/file", "rb").read(1)
open(stage.writable + "/mine", "w").close()
print(len(program_trial.PROGRAM_PROBES), "acts")
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def attempt(folder: Path, user: str, masks: dict[str, str], writer: int) -> None:
    """Set the scene as `user`, be the victim, and write what the script said to `writer`."""
    let_reach_checkout()
    become(user)
    script = folder / "acts.py"
    script.write_text(SCRIPT)
    (folder / "scene").mkdir()
    with scene(str(folder / "scene"), os.getpid(), 1 << 30) as stage:
        told = dataclasses.asdict(stage) | {
            "handle": stage.handle.hex(),
            "package": str(Path(openclaw_desktop.__file__).parent),
        }
        words = ["--read", stage.granted, "--write", stage.writable, "--", str(script)]
        done = subprocess.run(
            [*AGENT, *words], input=json.dumps(told), capture_output=True, text=True, timeout=100, check=False,
            env={"PATH": os.environ["PATH"], **masks},
        )  # fmt: skip
        left = Path(stage.outside, "secret").read_text()
    os.write(writer, json.dumps([done.returncode, done.stdout, done.stderr, left]).encode())


@pytest.mark.parametrize(("abi", "namespaces"), [(landlock.LATEST_ABI, "1"), (landlock.LATEST_ABI, "0"), (2, "0")])
@pytest.mark.parametrize("user", USERS)
def test_no_act_gets_out_of_a_script_s_jail(user: str, abi: int, namespaces: str, folder: Path) -> None:
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            attempt(folder, user, {ABI_VARIABLE: str(abi), NAMESPACES_VARIABLE: namespaces}, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        code, said, complained, left = json.loads(file.read())
    os.waitpid(pid, 0)
    assert (code, complained, left) == (0, "", "content")
    count, _, last = said.strip().rpartition(" ")
    assert last == "acts"
    assert int(count) >= 150
