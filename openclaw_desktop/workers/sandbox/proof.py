"""The level that this machine's jail has proved, not the one that it promises.

Owns the levels: 3 files + network + limits + tree; 2 files or network; 1 a process of its own with limits; 0 nothing.
Tool worker, in a child of its own, so that what the self-test needs does not stay in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from openclaw_desktop.workers.sandbox.jail import Jail, JailError, layers

# The acts are imported where they are tried: whoever reads a proof needs none of them.
if TYPE_CHECKING:
    from openclaw_desktop.workers.sandbox.command_trial import Run

FULL_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """What the self-test showed: level, layers in force, why the level is not 3, and the probes that got out.

    `tried`: the names of all probes, where they could be tried at all.
    """

    level: int
    layers: tuple[str, ...]
    reason: str
    escaped: tuple[str, ...]
    tried: tuple[str, ...] = ()


def prove(jail: Jail) -> Proof:
    """Try every hostile act in a function's jail with the limits of `jail`, and return what that proves; 0.1 s."""
    names = layers(jail)
    if sys.platform == "linux":
        from openclaw_desktop.workers.sandbox import trial
        from openclaw_desktop.workers.sandbox.probes import PROBES

        try:
            proof = judge(names, {probe.name: probe.breaks for probe in trial.escapes(jail)})
            return replace(proof, tried=tuple(probe.name for probe in PROBES))
        except JailError as error:
            return Proof(0, names, str(error), ())
        except OSError as error:
            return Proof(0, names, f"the self-test could not run: {error}", ())
    else:
        return Proof(1 if names else 0, names, f"no jail for {sys.platform} yet", ())


def prove_programs(abi: int, allow_namespaces: bool) -> Proof:
    """Try every hostile act in the jail of a program, and return what that proves; takes about 0.3 s."""
    if sys.platform == "linux":
        from openclaw_desktop.workers.keeper import namespaces_work
        from openclaw_desktop.workers.sandbox.program_trial import PROGRAM_PROBES, program_escapes, walls

        names = ("namespaces",) if allow_namespaces and namespaces_work() else ()
        try:
            escaped = program_escapes(abi, allow_namespaces)
        except JailError as error:
            return Proof(0, names, f"no jail for programs: {error}", ())
        except OSError as error:
            return Proof(0, names, f"the self-test of programs could not run: {error}", ())
        broken: dict[str, tuple[str, ...]] = {probe.name: probe.breaks for probe in PROGRAM_PROBES}
        broken |= {name: ("files", "tree") for name in walls(bool(names)).values()}
        proof = judge(names, {name: broken.get(name, ("tree",)) for name in escaped})
        tried = (*(probe.name for probe in PROGRAM_PROBES), *walls(bool(names)).values())
        return replace(proof, tried=tuple(_in_program(name) for name in tried))
    else:
        return Proof(0, (), f"no jail for programs on {sys.platform}", ())


def prove_commands(run: Run, layer: str, folder: str) -> Proof:
    """Try this platform's commands by `run`, and return what that proves of the jail that `layer` makes.

    `folder` is empty, canonical and ours; it is left full.
    """
    from openclaw_desktop.workers.sandbox.command_trial import program_escapes_by_command, promises

    try:
        escaped = program_escapes_by_command(run, folder)
    except (JailError, OSError) as error:
        return Proof(0, (), f"no jail for programs: {error}", ())
    broken = promises()
    proof = judge((layer,), {name: broken[name] for name in escaped})
    return replace(proof, tried=tuple(_in_program(name) for name in broken))


def both(function: Proof, program: Proof) -> Proof:
    """Return what two proofs show together: the lower level, and all that was tried.

    Where there is no jail for programs none is run, and the level is at most 2.
    """
    return Proof(
        min(function.level, program.level if program.tried else FULL_LEVEL - 1),
        (*function.layers, *program.layers),
        "; ".join(reason for reason in (function.reason, program.reason) if reason),
        (*function.escaped, *(_in_program(name) for name in program.escaped)),
        (*function.tried, *program.tried),
    )


def _in_program(name: str) -> str:
    return f"{name} (program)"


def judge(layers_in_force: tuple[str, ...], escaped: Mapping[str, Iterable[str]]) -> Proof:
    """Return the proof that follows when these acts got out, each with the promises that it broke."""
    broken = sorted({promise for promises in escaped.values() for promise in promises})
    if not broken:
        level = FULL_LEVEL
    elif "limits" in broken:
        level = 0
    else:
        level = 1 if {"files", "network"} <= set(broken) else 2
    reason = f"not kept: {', '.join(broken)}" if broken else ""
    return Proof(level, layers_in_force, reason, tuple(escaped))
