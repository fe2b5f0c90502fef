# The raw call is the act: pathlib would only stand in its way.
# ruff: noqa: PTH101, PTH104, PTH108, PTH123, PTH208, S103, S108
"""Hostile acts beyond the usual: the kernel's rarer doors, those that are newer than our lists, and ways around.

Owns the list. The rest is as in `probes`. Linux. Tool worker, in children.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import itertools
import os
import resource
import signal
import socket
import stat
import struct
import sys

from openclaw_desktop.workers.sandbox.kernel import syscall
from openclaw_desktop.workers.sandbox.probes import Probe, Scene

if sys.platform != "linux":
    raise ImportError("these acts are Linux's")

_HERE = -100  # AT_FDCWD
_AT_EMPTY_PATH, _AT_SYMLINK_FOLLOW = 0x1000, 0x400
_OPEN_TREE_CLONE = 1
_IPC_CREATE, _IPC_REMOVE = 0o1000, 0
_F_SETLEASE = 1024
_CLONE_NEWUTS, _CLONE_NEWNS = 0x04000000, 0x20000
_CAP_SYS_ADMIN, _CAPABILITY_VERSION_3 = 21, 0x20080522
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
_MSG_FASTOPEN = 0x20000000


def _readable(scene: Scene) -> int:
    return os.open(f"{scene.granted}/file", os.O_RDONLY)


def _file(scene: Scene) -> bytes:
    return os.fsencode(f"{scene.granted}/file")


def _touch_and_remove(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)


def _reopen_for_writing(scene: Scene) -> None:
    os.close(os.open(f"/proc/self/fd/{_readable(scene)}", os.O_WRONLY))


def _has_attributes(path: str, *, read: bool) -> None:
    try:
        if read:
            os.getxattr(path, "user.openclaw")
        else:
            os.listxattr(path)
    except OSError as error:  # none to be had, whether the jail or the file system says so
        raise PermissionError(1, str(error)) if error.errno == errno.ENOTSUP else error from None


def _set_attribute_anew(scene: Scene) -> None:
    value = ctypes.create_string_buffer(b"x")
    arguments = struct.pack("=QII", ctypes.addressof(value), 1, 0)
    syscall("setxattrat", _HERE, _file(scene), 0, b"user.openclaw", arguments, len(arguments))


def _set_flags_anew(scene: Scene) -> None:
    attributes = ctypes.create_string_buffer(24)
    syscall("file_getattr", _HERE, _file(scene), attributes, 24, 0)
    syscall("file_setattr", _HERE, _file(scene), attributes, 24, 0)


def _list_mounts(_scene: Scene) -> None:
    request = struct.pack("=IIQQ", 24, 0, 0xFFFFFFFFFFFFFFFF, 0)
    syscall("listmount", request, ctypes.create_string_buffer(512), 64, 0)


def _name_handle(scene: Scene) -> None:
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount = ctypes.byref(ctypes.c_int())
    syscall("name_to_handle_at", _HERE, os.fsencode(f"{scene.outside}/secret"), handle, mount, 0)


def _run_by_descriptor(_scene: Scene) -> None:
    program = os.open(next(path for path in _LOADERS if os.path.exists(path)), os.O_RDONLY)  # noqa: PTH110
    words = (ctypes.c_char_p * 4)(b"ld", b"--verify", b"/bin/sh", None)
    variables = (ctypes.c_char_p * 1)(None)
    syscall("execveat", program, b"", words, variables, _AT_EMPTY_PATH)


def _link_open_file(scene: Scene) -> None:
    opened, name = f"/proc/self/fd/{_readable(scene)}", f"{scene.writable}/open{os.getpid()}"
    syscall("linkat", _HERE, os.fsencode(opened), _HERE, os.fsencode(name), _AT_SYMLINK_FOLLOW)


def _write_memory(scene: Scene) -> None:
    own = ctypes.create_string_buffer(1)
    here, there = (struct.pack("=2Q", address, 1) for address in (ctypes.addressof(own), scene.buffer))
    syscall("process_vm_writev", scene.victim_pid, here, 1, there, 1, 0)


def _trace_a_child(_scene: Scene) -> None:
    if (pid := os.fork()) == 0:
        signal.pause()
    try:
        syscall("ptrace", 0x4206, pid, 0, 0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _share_semaphores(_scene: Scene) -> None:
    syscall("semctl", syscall("semget", 0, 1, _IPC_CREATE | 0o600), 0, _IPC_REMOVE, 0)


def _count_events(_scene: Scene) -> None:
    # A clock in software, of oneself, without the kernel's part.
    attributes = struct.pack("=IIQQQQQ", 1, 64, 0, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(16)
    os.close(syscall("perf_event_open", attributes, 0, -1, -1, 0))


def _queue_signal(scene: Scene) -> None:
    information = struct.pack("=iii", 0, 0, -1) + bytes(116)  # SI_QUEUE
    syscall("rt_sigqueueinfo", scene.victim_pid, 0, information)


def _take_capabilities(_scene: Scene) -> None:
    held = ctypes.create_string_buffer(24)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    syscall("capget", header, held)
    _, permitted, _ = struct.unpack_from("=3I", held)
    wanted = permitted | 1 << _CAP_SYS_ADMIN
    high = struct.unpack_from("=3I", held, 12)
    syscall("capset", header, struct.pack("=6I", wanted, wanted, 0, high[1], high[1], 0))


def _lift_size_of_files(_scene: Scene) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError as error:  # what Python makes of EPERM here
        raise PermissionError(1, str(error)) from None


def _slow_the_group(_scene: Scene) -> None:
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    os.setpriority(os.PRIO_PGRP, 0, os.getpriority(os.PRIO_PGRP, 0))


def _signal_the_group(stage: Scene) -> None:
    # A group whose first process stands outside our view of processes has the number 0, which would name our own.
    os.kill(-os.getpgid(stage.victim_pid) or stage.victim_pid, 0)


def _schedule_the_parent(scene: Scene) -> None:
    os.sched_setscheduler(scene.victim_pid, os.SCHED_OTHER, os.sched_param(0))


def _any_family(_scene: Scene) -> None:
    last = OSError(errno.EPERM, "none")
    for family, kind in itertools.product(range(46), (1, 2, 3, 5)):
        try:
            socket.socket(family, kind, 0).close()
        except OSError as error:
            # EPERM everywhere, or a family that the kernel lacks: then there is nothing to open.
            last = error if error.errno == errno.EPERM else last
        else:
            return
    raise last


def _open_family(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def _connect_with_data(scene: Scene) -> None:
    with socket.socket() as peer:
        peer.sendto(b"x", _MSG_FASTOPEN, ("127.0.0.1", scene.tcp_port))


def _listen_by_name(_scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0openclaw-{os.getpid()}")


def _make_own(scene: Scene, kind: int) -> None:
    os.mknod(f"{scene.writable}/node{os.getpid()}", 0o600 | kind)


def _become_set_user_id(scene: Scene) -> None:
    path = f"{scene.writable}/later{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o700))
    os.chmod(path, 0o4755)


def _make_terminal(_scene: Scene) -> None:
    for descriptor in os.openpty():
        os.close(descriptor)


def _make_nameless(scene: Scene) -> None:
    os.close(os.open(scene.granted, os.O_TMPFILE | os.O_RDWR, 0o600))


def _join_keyring(_scene: Scene) -> None:
    syscall("keyctl", 1, None)


def _enter_parent(scene: Scene) -> None:
    syscall("setns", os.pidfd_open(scene.victim_pid), _CLONE_NEWUTS)


def _lease(scene: Scene) -> None:
    fcntl.fcntl(_readable(scene), _F_SETLEASE, fcntl.F_RDLCK)


def _read_log(_scene: Scene) -> None:
    syscall("syslog", 3, ctypes.create_string_buffer(64), 64)


def _change_name_of_domain(_scene: Scene) -> None:
    with contextlib.closing(open("/proc/sys/kernel/domainname", "rb")) as file:
        name = file.read().strip()
    syscall("setdomainname", name, len(name))


def _proc(scene: Scene, name: str) -> str:
    return f"/proc/{scene.victim_pid}/{name}"


FURTHER_PROBES: tuple[Probe, ...] = (
    Probe("write an inherited descriptor", ("files",), lambda s: os.pwrite(s.open_secret, b"c", 0)),
    Probe("reopen a file for writing", ("files",), _reopen_for_writing),
    Probe("change permissions through /proc", ("files",), lambda s: os.chmod(f"/proc/self/fd/{_readable(s)}", 0o666)),
    Probe("change permissions anew", ("files",), lambda s: syscall("fchmodat2", _HERE, _file(s), 0o666, 0)),
    Probe("change the owner by descriptor", ("files",), lambda s: os.fchown(_readable(s), os.getuid(), os.getgid())),
    Probe("set an attribute by descriptor", ("files",), lambda s: os.setxattr(_readable(s), "user.openclaw", b"x")),
    Probe("set an attribute anew", ("files",), _set_attribute_anew),
    Probe("set a file's flags anew", ("files",), _set_flags_anew),
    Probe("read an attribute outside", ("files",), lambda s: _has_attributes(f"{s.outside}/secret", read=True)),
    Probe("list the attributes outside", ("files",), lambda s: _has_attributes(f"{s.outside}/secret", read=False)),
    Probe("name a file's handle", ("files",), _name_handle),
    Probe("lease a file", ("files",), _lease),
    Probe("make a nameless file", ("files",), _make_nameless),
    Probe("link an open file", ("files",), _link_open_file),
    Probe("make a fifo of its own", ("files",), lambda s: _make_own(s, stat.S_IFIFO)),
    Probe("make a socket file of its own", ("files",), lambda s: _make_own(s, stat.S_IFSOCK)),
    Probe("make a file set-user-id later", ("files",), _become_set_user_id),
    Probe("write into /dev/shm", ("files",), lambda _: _touch_and_remove(f"/dev/shm/openclaw-{os.getpid()}")),
    Probe("write into /tmp", ("files",), lambda _: _touch_and_remove(f"/tmp/openclaw-act-{os.getpid()}")),
    Probe("run a file by descriptor", ("tree",), _run_by_descriptor),
    Probe("secret memory", ("tree",), lambda _: os.close(syscall("memfd_secret", 0))),
    Probe("list the parent's root", ("files",), lambda s: os.listdir(_proc(s, "root"))),
    Probe("list the parent's descriptors", ("files",), lambda s: os.listdir(_proc(s, "fd"))),
    Probe("open the parent's descriptor", ("files",), lambda s: open(_proc(s, f"fd/{s.open_secret}"), "rb").close()),
    Probe("read the parent's map of memory", ("files",), lambda s: open(_proc(s, "maps"), "rb").close()),
    Probe("open the parent's memory to write", ("files",), lambda s: os.close(os.open(_proc(s, "mem"), os.O_RDWR))),
    Probe("write the parent's memory", ("files",), _write_memory),
    Probe("compare with the parent", ("files",), lambda s: syscall("kcmp", os.getpid(), s.victim_pid, 1, 0, 0)),
    Probe(
        "ask for the parent's pages", ("files",), lambda s: syscall("move_pages", s.victim_pid, 0, None, None, None, 0)
    ),
    Probe("trace a child", ("tree",), _trace_a_child),
    Probe("be traced", ("tree",), lambda _: syscall("ptrace", 0, 0, 0, 0)),
    Probe("watch with fanotify", ("files",), lambda _: os.close(syscall("fanotify_init", 0x200, 0))),
    Probe("list the mounts", ("files",), _list_mounts),
    Probe(
        "clone a tree of mounts",
        ("files",),
        lambda s: syscall("open_tree", _HERE, os.fsencode(s.granted), _OPEN_TREE_CLONE),
        root=True,
    ),
    Probe("make a file system", ("files",), lambda _: os.close(syscall("fsopen", b"tmpfs", 0)), root=True),
    Probe("leave the mounts", ("files",), lambda _: syscall("unshare", _CLONE_NEWNS), root=True),
    Probe("enter the parent's namespace", ("files",), _enter_parent, root=True),
    Probe("ask for quotas", ("files",), lambda _: syscall("quotactl", 0x800001 << 8, None, 0, None)),
    Probe("system V semaphores", ("files",), _share_semaphores),
    Probe("join a keyring", ("files",), _join_keyring),
    Probe("count events", ("files",), _count_events),
    Probe("read the kernel's log", ("files",), _read_log, root=True),
    Probe("read the kernel's messages", ("files",), lambda _: open("/dev/kmsg", "rb").close(), root=True),
    Probe("list the kernel's settings", ("files",), lambda _: os.listdir("/proc/sys/kernel")),
    Probe(
        "open a setting of the kernel",
        ("files",),
        lambda _: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
        root=True,
    ),
    Probe("open a file system in userland", ("files",), lambda _: os.close(os.open("/dev/fuse", os.O_RDWR)), root=True),
    Probe("rename the domain", ("files",), _change_name_of_domain, root=True),
    Probe("set the clock", ("files",), lambda _: syscall("settimeofday", None, None), root=True),
    Probe("reach the ports of the machine", ("files",), lambda _: syscall("ioperm", 0x80, 1, 1), root=True),
    Probe("read the table of descriptors", ("tree",), lambda _: syscall("modify_ldt", 0, bytes(16), 16)),
    Probe("turn off random addresses", ("tree",), lambda _: syscall("personality", 0x0040000)),
    Probe("take capabilities back", ("files",), _take_capabilities, root=True),
    Probe("lift the limit of a file's size", ("limits",), _lift_size_of_files, root=True),
    Probe("make a terminal", ("files",), _make_terminal),
    Probe("slow a whole group down", ("tree",), _slow_the_group),
    Probe("schedule the parent", ("tree",), _schedule_the_parent),
    Probe("the parent's turn at the disk", ("tree",), lambda s: syscall("ioprio_set", 1, s.victim_pid, 2 << 13 | 4)),
    Probe("signal the parent's group", ("tree",), _signal_the_group),
    Probe("signal the parent's thread", ("tree",), lambda s: syscall("tgkill", s.victim_pid, s.victim_pid, 0)),
    Probe("queue a signal for the parent", ("tree",), _queue_signal),
    Probe("a socket of any family", ("network",), _any_family),
    Probe("ipv6 over tcp", ("network",), lambda _: _open_family(socket.AF_INET6, socket.SOCK_STREAM)),
    Probe("multipath tcp", ("network",), lambda _: _open_family(socket.AF_INET, socket.SOCK_STREAM, 262)),
    Probe("sctp", ("network",), lambda _: _open_family(socket.AF_INET, socket.SOCK_STREAM, 132)),
    Probe("ping", ("network",), lambda _: _open_family(socket.AF_INET, socket.SOCK_DGRAM, 1)),
    Probe("vsock", ("network",), lambda _: _open_family(40, socket.SOCK_STREAM)),
    Probe("sockets of the kernel's ciphers", ("network",), lambda _: _open_family(38, socket.SOCK_SEQPACKET)),
    Probe("smc", ("network",), lambda _: _open_family(43, socket.SOCK_STREAM)),
    Probe("xdp", ("network",), lambda _: _open_family(44, socket.SOCK_RAW), root=True),
    Probe("data with the first packet", ("network",), _connect_with_data),
    Probe("listen by name", ("network",), _listen_by_name),
    Probe("take the read-only folder away", ("files",), lambda s: os.rename(s.granted, f"{s.writable}/taken")),
)
