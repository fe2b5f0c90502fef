"""Hostile acts as commands: each gets out without a jail, none out of Linux's, and a jail with a hole is found.

The list is macOS's; its lines are POSIX, so that they can be tried here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import bpf, command_trial, landlock, temporary
from openclaw_desktop.workers.sandbox.command_trial import POSIX_PROBES, WINDOWS_PROBES
from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.proof import prove_commands

pytestmark = pytest.mark.skipif(
    not landlock.kernel_abi() or not bpf.available(), reason="this kernel has no jail to test"
)


@pytest.fixture
def folder() -> Iterator[str]:
    path = temporary.make("trial")
    yield path
    temporary.remove(path)


def unjailed(program: Program) -> Mapping[str, Any]:
    """Run a program with nothing but its time, its output and its memory watched by whoever tells how it ended."""
    environment = {**program.environment, "PATH": os.environ["PATH"]}
    with (
        tempfile.TemporaryFile() as out,
        subprocess.Popen(
            program.argv,
            cwd=program.cwd,
            env=environment,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as child,
    ):
        try:
            code = child.wait(1.0 if program.timeout_s >= 1 else program.timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return {"exit_code": None, "ended": "life"}
    return {"exit_code": code, "ended": "exit"}


def jailed(program: Program) -> Mapping[str, Any]:
    """Run a program in the jail of this system, without namespaces: what macOS lacks as well."""
    from openclaw_desktop.workers import program_run

    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(writer, json.dumps(program_run.run(program, False, writer)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    told = b""
    while chunk := os.read(reader, 1 << 16):
        told += chunk
    os.close(reader)
    os.waitpid(pid, 0)
    return json.loads(told)  # type: ignore[no-any-return]


def test_every_act_gets_out_without_a_jail(folder: str) -> None:
    assert command_trial.escapes(POSIX_PROBES, unjailed, folder) == [probe.name for probe in POSIX_PROBES]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_no_act_gets_out_of_this_system_s_jail(folder: str) -> None:
    proof = prove_commands(jailed, "jail", folder)
    assert (proof.escaped, proof.level, proof.layers) == ((), 3, ("jail",))
    assert len(proof.tried) == len(POSIX_PROBES) >= 30


def test_what_got_out_says_the_level(folder: str) -> None:
    def tree_is_open(program: Program) -> Mapping[str, Any]:
        result = {"exit_code": 1, "ended": "exit"}
        if "file" in program.argv[2] and "mine" in program.argv[2]:
            return {**result, "exit_code": 0}
        if program.argv[2].startswith("kill"):
            return {**result, "exit_code": 0}
        expected = next(probe.ended for probe in POSIX_PROBES if probe.line == program.argv[2])
        return {**result, "ended": expected or "exit"}

    proof = prove_commands(tree_is_open, "jail", folder)
    assert (proof.level, proof.escaped, proof.reason) == (2, ("signal the parent",), "not kept: tree")


def test_a_jail_in_which_nothing_works_proves_nothing(folder: str) -> None:
    proof = prove_commands(lambda _program: {"exit_code": 1, "ended": "exit"}, "jail", folder)
    assert (proof.level, proof.tried) == (0, ())
    assert "can't do what it may" in proof.reason


def test_a_jail_that_is_not_set_up_proves_nothing(folder: str) -> None:
    def broken(_program: Program) -> Mapping[str, Any]:
        raise JailError("no sandbox-exec")

    assert prove_commands(broken, "jail", folder).level == 0


@pytest.mark.parametrize("probes", [POSIX_PROBES, WINDOWS_PROBES])
def test_each_act_has_its_name_and_breaks_something(probes: tuple[command_trial.CommandProbe, ...]) -> None:
    assert len({probe.name for probe in probes}) == len(probes)
    assert {promise for probe in probes for promise in probe.breaks} == {"files", "network", "limits", "tree"}
    assert all(probe.breaks for probe in probes)


def test_the_scene_is_cleared_away(folder: str) -> None:
    with command_trial.stage(folder) as scene:
        assert Path(scene.granted, "link").read_bytes() == b"content"
        assert scene.victim_pid == os.getppid()
