# Paths here are Windows's own, as its calls want them.
# ruff: noqa: PTH112, PTH113, PTH118
"""The keeper of a program on Windows: an AppContainer, which reaches what it was let into, in a Job Object.

Owns one program for its whole life, and the rights that its container was given on the user's folders, which it takes
back. Must not know why it runs. Windows. Agent process, in a thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.programs import Ended, Program, ProgramResult
from openclaw_desktop.workers.sandbox import windows_values as values
from openclaw_desktop.workers.sandbox.jail import JailError

if sys.platform != "win32":
    raise ImportError("Job Objects are Windows's")

import msvcrt

LOOK_EVERY_S = 0.02
_CHUNK_BYTES = 1 << 16
_STILL_RUNNING = 259
_WAIT_MS = 20
_RIGHTS_TIMEOUT_S = 120.0  # a large folder's are changed file by file
_kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)
_userenv: Any = ctypes.WinDLL("userenv", use_last_error=True)
_advapi: Any = ctypes.WinDLL("advapi32", use_last_error=True)
for _function in (_kernel.CreateJobObjectW, _kernel.LocalFree, _kernel.GetCurrentProcess):
    _function.restype = ctypes.c_void_p


def run(program: Program, stop: threading.Event) -> ProgramResult:
    """Run `program` to its end, or until `stop` is set; raises CallFailed `jail` or `not_started`."""
    try:
        with _container(program) as (sid, private), _job(program) as job:
            return _run(program, stop, sid, private, job)
    except (JailError, OSError) as error:
        raise CallFailed("jail", str(error)) from error


@contextlib.contextmanager
def _container(program: Program) -> Iterator[tuple[ctypes.c_void_p, str]]:
    """Make a container that may do what the jail says, and leave nothing of it behind."""
    name = values.container_name(secrets.token_hex(8))
    sid = ctypes.c_void_p()
    made = _userenv.CreateAppContainerProfile(name, name, name, None, 0, ctypes.byref(sid))
    if made != 0:
        raise OSError(f"no container: 0x{made & 0xFFFFFFFF:08X}")
    system = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32")
    private = text = ""
    given: list[tuple[str, str]] = []
    try:
        private = os.path.realpath(tempfile.mkdtemp(prefix="openclaw-run-"))
        text = _sid_text(sid)
        for path, rights in values.grants(program.jail, private):
            given.append((path, rights))  # first: half a grant is taken back too
            _icacls(values.grant_words(system, path, text, rights, os.path.isdir(path)))
        yield sid, private
    finally:
        for path in values.changed_paths(given):
            with contextlib.suppress(OSError, JailError):
                _icacls(values.revoke_words(system, path, text))
        _userenv.DeleteAppContainerProfile(name)
        _advapi.FreeSid(sid)
        if private:
            shutil.rmtree(private, ignore_errors=True)


def _sid_text(sid: ctypes.c_void_p) -> str:
    text = ctypes.c_wchar_p()
    if not _advapi.ConvertSidToStringSidW(sid, ctypes.byref(text)):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        return str(text.value)
    finally:
        _kernel.LocalFree(text)


def _icacls(words: list[str]) -> None:
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            check=False,
            creationflags=subprocess.CREATE_NO_WINDOW,
            timeout=_RIGHTS_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"the rights of {words[1]} took too long to change") from None
    if done.returncode:
        raise OSError(f"the rights of {words[1]} could not be changed")


@contextlib.contextmanager
def _job(program: Program) -> Iterator[ctypes.c_void_p]:
    """Make a job with the limits of the jail; its end ends every process in it."""
    job = ctypes.c_void_p(_kernel.CreateJobObjectW(None, None))
    if not job:
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        extended, ui = values.limits(program.jail), ctypes.c_uint32(values.ALL_UI_LIMITS)
        for kind, told in ((values.INFORMATION_EXTENDED, extended), (values.INFORMATION_UI, ui)):
            if not _kernel.SetInformationJobObject(job, kind, ctypes.byref(told), ctypes.sizeof(told)):
                raise ctypes.WinError(ctypes.get_last_error())
        yield job
    finally:
        _kernel.TerminateJobObject(job, 1)
        _kernel.CloseHandle(job)


def _run(
    program: Program, stop: threading.Event, sid: ctypes.c_void_p, private: str, job: ctypes.c_void_p
) -> ProgramResult:
    if not os.path.isfile(program.argv[0]):
        raise CallFailed("not_started", f"No such program: {program.argv[0]}")
    streams = _Streams(program)
    try:
        process = _start(program, sid, private, job, streams)
    except BaseException:
        streams.close_ours()
        raise
    finally:
        streams.close_theirs()
    ended: Ended = "exit"
    try:
        streams.begin()
        ended = _watch(program, stop, process, streams)
        code = ctypes.c_uint32(_STILL_RUNNING)
        _kernel.GetExitCodeProcess(ctypes.c_void_p(process), ctypes.byref(code))
        _kernel.TerminateJobObject(job, 1)  # whoever is left holds the pipes open
    finally:
        _kernel.CloseHandle(ctypes.c_void_p(process))
    out, err, cut = streams.finish()
    if cut and ended == "exit":
        ended = "output"
    return ProgramResult(code.value if ended == "exit" else None, out, err, cut, ended, False)


def _watch(program: Program, stop: threading.Event, process: int, streams: _Streams) -> Ended:
    deadline_s = time.monotonic() + (program.timeout_s or 1e9)
    free = {path: shutil.disk_usage(path).free for path in program.jail.write}
    while True:
        if _kernel.WaitForSingleObject(ctypes.c_void_p(process), _WAIT_MS) == 0:
            return "exit"
        if stop.is_set():
            return "life"
        if streams.full.is_set():
            return "output"
        if time.monotonic() >= deadline_s:
            return "time"
        if any(was - shutil.disk_usage(path).free > program.jail.written_bytes for path, was in free.items()):
            return "disk"


class _Streams:
    """The pipes of a program: its ends are inherited, ours are read by a thread each."""

    def __init__(self, program: Program) -> None:
        self._input = program.stdin.encode("utf-8", "surrogateescape")
        self._limit = program.output_limit_bytes
        self.full = threading.Event()
        self.texts = [bytearray(), bytearray()]
        (stdin, self._stdin), (self._stdout, stdout), (self._stderr, stderr) = os.pipe(), os.pipe(), os.pipe()
        self._theirs = (stdin, stdout, stderr)
        for descriptor in self._theirs:
            os.set_inheritable(descriptor, True)
        self.handles = tuple(msvcrt.get_osfhandle(descriptor) for descriptor in self._theirs)
        self._threads: list[threading.Thread] = []

    def close_theirs(self) -> None:
        """Close the program's ends, which it has by now."""
        for descriptor in self._theirs:
            os.close(descriptor)

    def close_ours(self) -> None:
        """Close our own ends, where no program came to be."""
        for descriptor in (self._stdin, self._stdout, self._stderr):
            os.close(descriptor)

    def begin(self) -> None:
        """Begin to write its stdin and to read what it says."""
        self._threads = [
            threading.Thread(target=self._feed, daemon=True),
            threading.Thread(target=self._read, args=(self._stdout, 0), daemon=True),
            threading.Thread(target=self._read, args=(self._stderr, 1), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> tuple[str, str, bool]:
        """Return what it said on both streams, and whether it said more than is wanted."""
        for thread in self._threads:
            thread.join(5.0)
        out, err = (bytes(text[: self._limit]).decode("utf-8", "replace") for text in self.texts)
        return out, err, self.full.is_set()

    def _feed(self) -> None:
        with contextlib.suppress(OSError), os.fdopen(self._stdin, "wb") as file:
            file.write(self._input)

    def _read(self, descriptor: int, which: int) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(descriptor, _CHUNK_BYTES):
                self.texts[which] += chunk
                if len(self.texts[which]) > self._limit:
                    self.full.set()
                    break
        os.close(descriptor)


def _start(program: Program, sid: ctypes.c_void_p, private: str, job: ctypes.c_void_p, streams: _Streams) -> int:
    """Start the program in its container and its job; return its handle."""
    line = ctypes.create_unicode_buffer(values.command_line(program.argv))
    base = {
        name: os.environ[name]
        for name in ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATH", "PATHEXT")
        if name in os.environ
    }
    block = values.environment_block({**base, **program.environment, "TEMP": private, "TMP": private})
    capabilities, kept = _capabilities(values.capabilities(program.jail))
    security = values.SecurityCapabilities(sid, capabilities, len(capabilities), 0)
    handles = (ctypes.c_void_p * 3)(*streams.handles)
    jobs = (ctypes.c_void_p * 1)(job)
    attributes = (
        (values.ATTRIBUTE_SECURITY, security),
        (values.ATTRIBUTE_HANDLES, handles),
        (values.ATTRIBUTE_JOBS, jobs),
    )
    try:
        with _attribute_list(attributes) as listed:
            startup = values.StartupInfo(size=ctypes.sizeof(values.StartupInfo), flags=values.USE_STD_HANDLES)
            startup.stdin, startup.stdout, startup.stderr = streams.handles
            startup.attributes = listed
            told = values.ProcessInformation()
            started = _kernel.CreateProcessW(
                program.argv[0], line, None, None, True, values.CREATION_FLAGS, ctypes.create_unicode_buffer(block),
                program.cwd or private, ctypes.byref(startup), ctypes.byref(told),
            )  # fmt: skip
            error = ctypes.get_last_error()
    finally:
        for capability in kept:
            _kernel.LocalFree(capability)
    if not started:
        raise CallFailed("not_started", ctypes.FormatError(error))
    _kernel.CloseHandle(ctypes.c_void_p(told.thread))
    return int(told.process)


def _capabilities(sids: tuple[str, ...]) -> tuple[Any, list[ctypes.c_void_p]]:
    found = (values.SidAndAttributes * max(1, len(sids)))()
    kept: list[ctypes.c_void_p] = []
    for place, text in enumerate(sids):
        sid = ctypes.c_void_p()
        if not _advapi.ConvertStringSidToSidW(text, ctypes.byref(sid)):
            raise ctypes.WinError(ctypes.get_last_error())
        kept.append(sid)
        found[place] = values.SidAndAttributes(sid, values.SE_GROUP_ENABLED)
    return found, kept


@contextlib.contextmanager
def _attribute_list(attributes: tuple[tuple[int, Any], ...]) -> Iterator[ctypes.c_void_p]:
    size = ctypes.c_size_t()
    _kernel.InitializeProcThreadAttributeList(None, len(attributes), 0, ctypes.byref(size))
    room = ctypes.create_string_buffer(size.value)
    listed = ctypes.cast(room, ctypes.c_void_p)
    if not _kernel.InitializeProcThreadAttributeList(listed, len(attributes), 0, ctypes.byref(size)):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        for kind, value in attributes:
            told = ctypes.byref(value), ctypes.c_size_t(ctypes.sizeof(value))
            if not _kernel.UpdateProcThreadAttribute(listed, 0, ctypes.c_size_t(kind), *told, None, None):
                raise ctypes.WinError(ctypes.get_last_error())
        yield listed
    finally:
        _kernel.DeleteProcThreadAttributeList(listed)
