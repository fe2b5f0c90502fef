"""The jail of a program on Windows as values: structures, flags, names and words that its calls are made with.

Owns how a `ProgramJail` becomes a Job Object's limits, an AppContainer's capabilities and grants, and how words become
one command line. Must not know how a program is started. Pure, on every platform. Protocol: winnt.h, userenv.h and
processthreadsapi.h on 64-bit Windows, and the rules of CommandLineToArgvW.
"""

from __future__ import annotations

import ctypes
import ntpath
from collections.abc import Iterable, Mapping, Sequence

from openclaw_desktop.workers.sandbox.jail import JailError
from openclaw_desktop.workers.sandbox.program_jail import ProgramJail

# JOB_OBJECT_LIMIT_: PROCESS_TIME, ACTIVE_PROCESS, JOB_MEMORY, DIE_ON_UNHANDLED_EXCEPTION, KILL_ON_JOB_CLOSE. Not
# BREAKAWAY_OK nor SILENT_BREAKAWAY_OK: nobody leaves.
LIMIT_PROCESS_TIME, LIMIT_ACTIVE_PROCESS, LIMIT_JOB_MEMORY = 0x2, 0x8, 0x200
LIMIT_DIE_ON_EXCEPTION, LIMIT_KILL_ON_CLOSE = 0x400, 0x2000
# JOB_OBJECT_UILIMIT_, all eight: handles, clipboard both ways, settings, display, atoms, desktops, the session's end.
ALL_UI_LIMITS = 0xFF
INFORMATION_BASIC, INFORMATION_UI, INFORMATION_EXTENDED = 1, 4, 9

ATTRIBUTE_HANDLES, ATTRIBUTE_SECURITY, ATTRIBUTE_JOBS = 0x20002, 0x20009, 0x2000D
# EXTENDED_STARTUPINFO_PRESENT, CREATE_UNICODE_ENVIRONMENT, CREATE_NO_WINDOW, BELOW_NORMAL_PRIORITY_CLASS
CREATION_FLAGS = 0x80000 | 0x400 | 0x08000000 | 0x4000
USE_STD_HANDLES = 0x100
SE_GROUP_ENABLED = 4

# internetClient and privateNetworkClientServer. Without them an AppContainer reaches no address, not even this machine.
_NETWORK_CAPABILITIES = ("S-1-15-3-1", "S-1-15-3-3")
_LONGEST_LINE = 32_767
# CreateProcess runs these by cmd.exe, which reads their words by rules of its own: what is quoted here isn't there.
_SCRIPTS = (".bat", ".cmd")


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("process_time_100ns", ctypes.c_int64),
        ("job_time_100ns", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum_working_set", ctypes.c_size_t),
        ("maximum_working_set", ctypes.c_size_t),
        ("active_processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority_class", ctypes.c_uint32),
        ("scheduling_class", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", BasicLimits),
        ("io_counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class BasicAccounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION."""

    _fields_ = (
        ("times_100ns", ctypes.c_int64 * 4),
        ("page_faults", ctypes.c_uint32),
        ("processes", ctypes.c_uint32),
        ("active_processes", ctypes.c_uint32),
        ("terminated_processes", ctypes.c_uint32),
    )


class SidAndAttributes(ctypes.Structure):
    """SID_AND_ATTRIBUTES."""

    _fields_ = (("sid", ctypes.c_void_p), ("attributes", ctypes.c_uint32))


class SecurityCapabilities(ctypes.Structure):
    """SECURITY_CAPABILITIES."""

    _fields_ = (
        ("container", ctypes.c_void_p),
        ("capabilities", ctypes.POINTER(SidAndAttributes)),
        ("count", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    )


class StartupInfo(ctypes.Structure):
    """STARTUPINFOEXW."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("reserved", ctypes.c_wchar_p),
        ("desktop", ctypes.c_wchar_p),
        ("title", ctypes.c_wchar_p),
        ("places", ctypes.c_uint32 * 7),
        ("flags", ctypes.c_uint32),
        ("show", ctypes.c_uint16),
        ("more_reserved", ctypes.c_uint16),
        ("still_more_reserved", ctypes.c_void_p),
        ("stdin", ctypes.c_void_p),
        ("stdout", ctypes.c_void_p),
        ("stderr", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
    )


class ProcessInformation(ctypes.Structure):
    """PROCESS_INFORMATION."""

    _fields_ = (
        ("process", ctypes.c_void_p),
        ("thread", ctypes.c_void_p),
        ("process_id", ctypes.c_uint32),
        ("thread_id", ctypes.c_uint32),
    )


class SecurityAttributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (("size", ctypes.c_uint32), ("descriptor", ctypes.c_void_p), ("inherit", ctypes.c_int32))


def limits(jail: ProgramJail) -> ExtendedLimits:
    """Return what the job of `jail` may use: all of it together, ended when the job is let go of."""
    told = ExtendedLimits()
    told.basic.flags = LIMIT_ACTIVE_PROCESS | LIMIT_JOB_MEMORY | LIMIT_DIE_ON_EXCEPTION | LIMIT_KILL_ON_CLOSE
    told.basic.active_processes = jail.processes
    told.job_memory = jail.memory_bytes
    if jail.cpu_s:
        told.basic.flags |= LIMIT_PROCESS_TIME
        told.basic.process_time_100ns = jail.cpu_s * 10_000_000
    return told


def capabilities(jail: ProgramJail) -> tuple[str, ...]:
    """Return the capabilities of the container, as SIDs; raises JailError for a network that it can't hold."""
    if jail.network == "proxy":
        raise JailError("without a network of its own, a program can't be held to the proxy")
    return _NETWORK_CAPABILITIES if jail.network == "full" else ()


def container_name(token: str) -> str:
    """Return the name of a container for one program; `token` is random and of hexadecimal digits."""
    return f"openclaw-{token}"


def grants(jail: ProgramJail, private: str) -> list[tuple[str, str]]:
    """Return each path that the container is let into, with the rights of icacls: read and run, or modify."""
    read = [(path, "RX") for path in dict.fromkeys((*jail.read, *jail.run)) if path not in jail.write]
    return [*read, *((path, "M") for path in dict.fromkeys((*jail.write, private)))]


def grant_words(system: str, path: str, sid: str, rights: str, folder: bool) -> list[str]:
    """Return the words that let `sid` into `path`; `system` is the folder of the system's programs."""
    inherited = "(OI)(CI)" if folder else ""
    return [ntpath.join(system, "icacls.exe"), _canonical(path), "/grant", f"*{sid}:{inherited}({rights})", "/q"]


def revoke_words(system: str, path: str, sid: str) -> list[str]:
    """Return the words that take the right of `grant_words` back."""
    return [ntpath.join(system, "icacls.exe"), _canonical(path), "/remove:g", f"*{sid}", "/q"]


def command_line(argv: Sequence[str]) -> str:
    """Return the one line that Windows splits into `argv` again; raises JailError where none would."""
    if not argv or not ntpath.isabs(_canonical(argv[0])) or '"' in argv[0]:
        raise JailError("a program is named by its whole path")
    if argv[0].rstrip(". ").lower().endswith(_SCRIPTS):
        raise JailError("scripts of the command prompt read their words by other rules, so none is run")
    line = " ".join([f'"{argv[0]}"', *map(quoted, argv[1:])])
    if "\0" in line or len(line) >= _LONGEST_LINE:
        raise JailError("the command is too long, or holds a zero byte")
    return line


def quoted(word: str) -> str:
    """Return `word` as CommandLineToArgvW and the C library read it: backslashes count before a quote alone."""
    if word and not any(letter in word for letter in ' \t\n\v"'):
        return word
    found, slashes = [], 0
    for letter in word:
        if letter == "\\":
            slashes += 1
            continue
        found.append("\\" * (2 * slashes + 1 if letter == '"' else slashes) + letter)
        slashes = 0
    return '"' + "".join(found) + "\\" * (2 * slashes) + '"'


def environment_block(variables: Mapping[str, str]) -> str:
    """Return the variables as one block: sorted as Windows wants it, each ended by a zero, all by one more."""
    texts = [text for pair in variables.items() for text in pair]
    if any("\0" in text for text in texts) or any("=" in name or not name for name in variables):
        raise JailError("a variable of the environment has no proper name or value")
    lines = [f"{name}={variables[name]}" for name in sorted(variables, key=str.upper)]
    return "".join(f"{line}\0" for line in lines) + "\0"


def changed_paths(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the paths of `grants`, the last first: rights are taken back in that order."""
    return [path for path, _ in pairs][::-1]


def _canonical(path: str) -> str:
    # Neither a name that means another (8.3 is left to whoever resolved it), nor a device or a stream.
    drive, rest = ntpath.splitdrive(path)
    odd = any(letter in rest for letter in ':*?"<>|\0')
    if len(drive) != 2 or not rest.startswith("\\") or ntpath.normpath(path) != path or odd:
        raise JailError(f"not a canonical path: {path!r}")
    return path
