"""The jail of a whole program: what it may touch and use, and the order in which a process gives up the rest.

Owns the limits of a program and the system's files that every program needs. Must not know who runs it or why. Tool
worker, in the child.
"""

# Memory counts in this process, and pathlib brings much.
# ruff: noqa: PTH110, PTH112, PTH114, PTH115, PTH116, PTH118, PTH119, PTH120

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass

from openclaw_desktop.workers.sandbox import bpf, capabilities, landlock
from openclaw_desktop.workers.sandbox.jail import JailError, close_descriptors, set_limits
from openclaw_desktop.workers.sandbox.kernel import MACHINE, PR_SET_NO_NEW_PRIVS, SUPPORTED, prctl
from openclaw_desktop.workers.sandbox.program_filter import Network, ready, restrict

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/local/lib")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf", "/usr/share/zoneinfo")
# What a name of the network is looked up with, and who is believed there.
_NETWORK_SETTINGS = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/ssl/certs", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates"),
)
_PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin", "/sbin", "/usr/share")
# Whoever adds, replaces or removes one of all these changes one of these folders.
_FOLDERS = (
    *("/", "/etc", "/etc/ssl", "/usr", "/usr/local", "/usr/share", "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/dev"),
    f"/lib/{MACHINE}-linux-gnu",
)
_SIGNALS_ABI = 6  # from here on Landlock sees to it that signals stay inside


@dataclass(frozen=True, slots=True)
class ProgramJail:
    """What is left to a program. Paths are canonical and absolute.

    `read`, `write`: what it was granted, with all beneath. `run`: more folders and files that it may read and start
    programs from. `any_program`: also the system's programs; else only `run`. `network`: "none"; "proxy", TCP to
    `port` of this machine alone; "full", no jail for the network. `memory_bytes` of all its processes together and
    `processes` are watched; `address_bytes` of each is the kernel's limit, 0 for none. `cpu_s` of each, 0 for none.
    `names`: other names by which granted paths must be found, links on the way to them. `namespaces`: they may be used
    where they work. `landlock_abi` masks the kernel's ABI.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    any_program: bool = False
    network: Network = "none"
    port: int = 0
    memory_bytes: int = 1 << 30
    address_bytes: int = 4 << 30
    cpu_s: int = 0
    file_bytes: int = 1 << 30
    written_bytes: int = 2 << 30
    open_files: int = 1024
    processes: int = 64
    names: tuple[str, ...] = ()
    namespaces: bool = True
    landlock_abi: int = landlock.LATEST_ABI


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the system a program's jail holds: files to `read`, those to `run` too, and devices to use."""

    read: tuple[str, ...]
    run: tuple[str, ...]
    devices: tuple[str, ...]


def existing(paths: Collection[str]) -> tuple[str, ...]:
    """Return the canonical form of those of `paths` that exist, each once."""
    return tuple(dict.fromkeys(os.path.realpath(path) for path in paths if os.path.exists(path)))


def surroundings(jail: ProgramJail) -> Surroundings:
    """Return what of the system `jail` holds; known at once where nothing has changed since the last time."""
    if jail.network == "full" or jail.run:  # those lie anywhere, and whom to ask for names changes with the network
        return _surroundings(jail.any_program, jail.network == "full", jail.run)
    return _known_surroundings(jail.any_program, tuple(_changed_ns(folder) for folder in _FOLDERS))


@functools.lru_cache(maxsize=4)
def _known_surroundings(any_program: bool, _changed: tuple[int, ...]) -> Surroundings:
    return _surroundings(any_program, False, ())


def _surroundings(any_program: bool, network: bool, run: tuple[str, ...]) -> Surroundings:
    read = (*_SETTINGS, *_NETWORK_SETTINGS) if network else _SETTINGS
    devices = existing(_DEVICES)
    if any_program:
        return Surroundings(existing(read), existing((*_LIBRARIES, *_PROGRAMS, *run)), devices)
    return Surroundings(existing((*_LIBRARIES, *read)), existing((*_loaders(), *run)), devices)


def _changed_ns(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def names(jail: ProgramJail, program: str) -> dict[str, str]:
    """Return the links by which the system's files and `program` are found, and where each leads."""
    wanted = (*_SETTINGS, *(_NETWORK_SETTINGS if jail.network == "full" else ()))
    found = {path: os.path.realpath(path) for path in wanted if os.path.islink(path)}
    found |= {path: real for path in jail.names if (real := os.path.realpath(path)) != path}
    program = _in_real_folder(program)
    while os.path.islink(program) and program not in found:  # such as a venv's python, python3 and python3.11
        found[program] = os.readlink(program)
        program = _in_real_folder(os.path.join(os.path.dirname(program), found[program]))
    return found


def _in_real_folder(path: str) -> str:
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) if path else ""


def prepare(jail: ProgramJail, in_namespaces: bool) -> None:
    """Do now, once, what entering `jail` needs in every process that is forked from here; raises OSError."""
    surroundings(jail)
    abi = min(landlock.kernel_abi(), jail.landlock_abi)
    if SUPPORTED and (in_namespaces or abi >= _SIGNALS_ABI):
        ready(jail.network, in_namespaces, abi)


def enter_program(
    jail: ProgramJail, system: Surroundings, private: tuple[str, ...], in_namespaces: bool, keep: Collection[int]
) -> None:
    """Jail this process for good, ready to become a program; raises JailError where any step fails.

    `system`: what of it the jail holds. `private`: folders that are its own. `in_namespaces`: it is alone in them, with
    a root of its own.
    """
    if not SUPPORTED:
        raise JailError(f"there is no jail for programs on {sys.platform} yet")
    try:
        _enter(jail, system, private, in_namespaces, keep)
    except (OSError, ValueError) as error:
        raise JailError(str(error)) from error


def _enter(
    jail: ProgramJail, system: Surroundings, private: tuple[str, ...], in_namespaces: bool, keep: Collection[int]
) -> None:
    close_descriptors(keep)
    set_limits(jail.cpu_s, jail.file_bytes, jail.open_files, jail.address_bytes)
    capabilities.drop()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    abi = min(landlock.kernel_abi(), jail.landlock_abi)
    if not abi or not bpf.available():
        raise JailError("this kernel has no Landlock or no seccomp")
    if jail.network == "proxy" and not in_namespaces:
        raise JailError("without a network of its own, a program can't be held to the proxy")
    grants = [
        *(("read", path) for path in (*system.read, *jail.read)),
        *(("run", path) for path in system.run),
        *(("write and run", path) for path in (*jail.write, *private)),
        *(("device", path) for path in system.devices),
    ]
    if in_namespaces and jail.any_program:  # its own: a script of Python needs neither
        grants += [("write", "/dev/shm"), *([("read", "/proc")] if os.path.exists("/proc/self") else [])]  # noqa: S108
    ports = (jail.port,) if jail.network == "proxy" else ()
    landlock.restrict(grants, abi, ports, any_port=jail.network == "full")
    signals_stay = in_namespaces or abi >= _SIGNALS_ABI
    restrict(jail.network, alone=in_namespaces, signals=signals_stay, abi=abi)


def _loaders() -> list[str]:
    """Return the dynamic loaders: starting any program starts one of them."""
    found = []
    for folder in ("/lib64", "/lib", "/usr/lib", f"/lib/{MACHINE}-linux-gnu"):
        if os.path.isdir(folder):
            found += [entry.path for entry in os.scandir(folder) if entry.name.startswith(("ld-linux", "ld-musl"))]
    return found
