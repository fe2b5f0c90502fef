"""Running hostile acts in the jail of a program, and seeing that nothing of it outlives its end.

Owns how acts are tried there: by the jailed process itself, each in a child of its own. Must not know what a result is
worth (`proof` does). Linux. Tool worker, in a child.
"""

# ruff: noqa: PTH116, PTH123

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator, Sequence

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.keeper import Keeper, namespaces_work
from openclaw_desktop.workers.programs import Program
from openclaw_desktop.workers.sandbox import capabilities, temporary, trial
from openclaw_desktop.workers.sandbox.further_probes import FURTHER_PROBES
from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.kernel import prctl
from openclaw_desktop.workers.sandbox.more_probes import MORE_PROBES
from openclaw_desktop.workers.sandbox.probes import PROBES, Probe, Scene, scene
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

if sys.platform != "linux":
    raise ImportError("trials of the jail run on Linux alone")

PROGRAM_PROBES: tuple[Probe, ...] = (
    *(probe for probe in PROBES if probe.programs),
    *MORE_PROBES,
    *FURTHER_PROBES,
)
# How a root says no that does not hold what was asked for.
ABSENCES = frozenset({errno.ENOENT, errno.ESRCH, errno.EROFS, errno.ENOTTY})
_PR_GET_NO_NEW_PRIVS = 39
_TIMEOUT_S = 60.0
# The pages of this process count once in each act's child, and it isn't this watched limit that is tried here.
_MEMORY_BYTES = 1 << 40


def program_escapes(abi: int, allow_namespaces: bool, probes: Sequence[Probe] = PROGRAM_PROBES) -> list[str]:
    """Try every act in a program's jail and return the names of those that got out.

    Raises JailError where the jail can't be set up, OSError where the scene can't.
    """
    folder = temporary.make("proof")
    in_namespaces = allow_namespaces and namespaces_work()
    outside = _walls()
    try:
        with scene(folder, os.getpid(), 8 << 30) as stage:
            jail = ProgramJail((stage.granted,), (stage.writable,), memory_bytes=_MEMORY_BYTES, landlock_abi=abi)
            codes, inside, strays = _try(jail, in_namespaces, stage, probes)
        refusals = trial.REFUSALS | ABSENCES
        return [
            *(name for name, code in codes.items() if code not in refusals),
            *(name for kind, name in walls(in_namespaces).items() if not _stands(kind, inside, outside)),
            *(["outlive the end"] if strays else []),
        ]
    finally:
        temporary.remove(folder)


def walls(in_namespaces: bool) -> dict[str, str]:
    """Return what is looked at in the jail beside the acts, and the name that it goes by where it does not hold."""
    found = {"new privileges": "gain privileges by a program", "capabilities": "hold a capability over more than files"}
    if in_namespaces:
        kinds = ("mnt", "pid", "net", "ipc", "uts", *(("user",) if os.geteuid() else ()))
        found |= {kind: f"share the system's {kind} namespace" for kind in kinds}
    return found


def _walls() -> dict[str, int]:
    """Return this process's namespaces by their numbers, whether it may gain privileges, and its capabilities."""
    found = {"new privileges": prctl(_PR_GET_NO_NEW_PRIVS, 0), "capabilities": capabilities.effective()}
    for kind in ("mnt", "pid", "net", "ipc", "uts", "user"):
        with contextlib.suppress(OSError):
            found[kind] = os.stat(f"/proc/self/ns/{kind}").st_ino
    return found


def _stands(kind: str, inside: dict[str, int], outside: dict[str, int]) -> bool:
    if kind == "new privileges":
        return inside[kind] == 1
    if kind == "capabilities":
        return inside[kind] & ~capabilities.FILES == 0
    return kind in inside and kind in outside and inside[kind] != outside[kind]


def _try(
    jail: ProgramJail, in_namespaces: bool, stage: Scene, probes: Sequence[Probe]
) -> tuple[dict[str, int], dict[str, int], bool]:
    """Return the errno of each act, 0 for a success, the walls seen from inside, and whether anything outlived it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    (out, out_end), (life, life_end) = os.pipe(), os.pipe()

    def act() -> None:
        codes = {probe.name: trial.run(lambda: probe.act(stage), None) for probe in probes}  # noqa: B023 - run at once
        with open(f"{stage.granted}/file", "rb") as file:  # it must still be read, or the refusals prove nothing
            file.read(1)
        os.close(os.open(f"{stage.writable}/new", os.O_CREAT | os.O_WRONLY, 0o600))
        if os.fork() == 0:
            with contextlib.suppress(PermissionError):
                os.setsid()
            if os.fork() == 0:
                while True:  # whoever ends the program must end this one too
                    os.read(2, 1)
            os._exit(0)
        os.write(1, json.dumps([codes, _walls()]).encode())

    program = Program((), jail, timeout_s=_TIMEOUT_S, output_limit_bytes=1 << 16)
    with _closing(nowhere, out, life):
        try:
            keeper = Keeper(program, in_namespaces, (nowhere, out_end, life_end), body=act)
        except CallFailed as failure:
            raise JailError(failure.message) from failure
        finally:
            os.close(out_end)
            os.close(life_end)
        told = {out: bytearray()}
        ended = keeper.watch(told)
        keeper.finish()
        os.set_blocking(out, False)
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(out, 1 << 16):
                told[out] += chunk
        if ended != "exit" or not told[out]:
            raise JailError(f"the acts did not come to their end: {ended}")
        os.set_blocking(life, False)
        try:
            strays = os.read(life, 1) != b""
        except BlockingIOError:
            strays = True
        codes, inside = json.loads(told[out])
        return codes, inside, strays


@contextlib.contextmanager
def _closing(*descriptors: int) -> Iterator[None]:
    try:
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
