"""The level that this machine's jail has proved, not the one that it promises.

Owns the levels: 3 files + network + limits + tree; 2 files or network; 1 a process of its own with limits; 0 nothing.
Tool worker, in a child of its own, so that what the self-test needs does not stay in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openclaw_desktop.workers.sandbox.jail import Jail, JailError, layers

if sys.platform == "linux":
    from openclaw_desktop.workers.sandbox import trial

FULL_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """What the self-test showed: level, layers in force, why the level is not 3, and the probes that got out."""

    level: int
    layers: tuple[str, ...]
    reason: str
    escaped: tuple[str, ...]


def prove(jail: Jail) -> Proof:
    """Try every hostile act in a jail with the limits of `jail`, and return what that proves; takes about 0.1 s."""
    names = layers(jail)
    if sys.platform == "linux":
        try:
            return judge(names, {probe.name: probe.breaks for probe in trial.escapes(jail)})
        except JailError as error:
            return Proof(0, names, str(error), ())
        except OSError as error:
            return Proof(0, names, f"the self-test could not run: {error}", ())
    else:
        return Proof(1 if names else 0, names, f"no jail for {sys.platform} yet", ())


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
