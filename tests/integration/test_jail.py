"""The jail against real hostile acts: each succeeds without it (the control) and fails inside, on old kernels too."""

# What runs in the jail makes as few calls as it can.
# ruff: noqa: PTH208, PLW0108

from __future__ import annotations

import ctypes
import functools
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jail_room import ABIS, HAS_JAIL, USERS, in_child, open_folder

from openclaw_desktop.workers.sandbox import jail as jail_module
from openclaw_desktop.workers.sandbox import landlock, seccomp, temporary, tree, trial
from openclaw_desktop.workers.sandbox.jail import Jail, JailError, close_descriptors, enter, layers
from openclaw_desktop.workers.sandbox.probes import PROBES, Probe, Scene, scene
from openclaw_desktop.workers.sandbox.proof import judge, prove

pytestmark = [
    pytest.mark.skipif(not HAS_JAIL, reason="this kernel has no jail to test"),
    # Python 3.12 warns of forks beside threads; none of ours run here, but Qt's plugin may have started one.
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

PROBE = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name.replace(" ", "-"))


def memory_for_this_process() -> int:
    """A limit of address space that leaves a test process, which has Qt in it, some room."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE") + (256 << 20)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def try_probe(probe: Probe, folder: Path, user: str, abi: int | None) -> int:
    memory = memory_for_this_process()

    def attempt() -> int:
        with scene(str(folder), os.getpid(), memory) as stage:
            inside = None if abi is None else Jail((stage.granted,), memory_bytes=memory, landlock_abi=abi)
            if abi is not None and trial.run(lambda: os.listdir(stage.granted), inside) != 0:
                return 253  # a jail that lets nothing work proves nothing
            if abi is not None:
                return 0 if trial.held(probe, stage, inside) else 1
            return trial.run(lambda: probe.act(stage), inside)

    return in_child(attempt, user)


@functools.cache
def user_namespaces() -> bool:
    return subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode == 0


def unavailable(probe: Probe, user: str) -> str | None:
    """Why the control of a probe can't succeed on this machine, if it can't."""
    if probe.root and user != "root":
        return "only root can do this at all"
    setting = {
        "trace the parent": ("/proc/sys/kernel/yama/ptrace_scope", "0"),
        "io_uring": ("/proc/sys/kernel/io_uring_disabled", "0"),
        "unshare": ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
        "clone into a namespace": ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
    }.get(probe.name)
    if probe.name in ("unshare", "clone into a namespace") and not user_namespaces():
        return "the kernel gives nobody a user namespace here, as in a chroot"
    if setting and user != "root" and Path(setting[0]).exists() and Path(setting[0]).read_text().strip() != setting[1]:
        return f"{setting[0]} forbids it to everybody"
    return None


def test_there_are_enough_probes() -> None:
    assert len(PROBES) >= 25
    assert len({probe.name for probe in PROBES}) == len(PROBES)


@pytest.mark.parametrize("user", USERS)
@PROBE
def test_probe_succeeds_without_a_jail(probe: Probe, user: str, folder: Path) -> None:
    if reason := unavailable(probe, user):
        pytest.skip(reason)
    code = try_probe(probe, folder, user, None)
    assert code == 0, os.strerror(code)


@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("user", USERS)
@PROBE
def test_probe_is_held_by_the_jail(probe: Probe, user: str, abi: int, folder: Path) -> None:
    assert try_probe(probe, folder, user, abi) == 0


@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("user", USERS)
def test_level_is_3_with_old_kernels_too(user: str, abi: int) -> None:
    jail = Jail(memory_bytes=memory_for_this_process(), landlock_abi=abi)
    assert in_child(lambda: prove(jail).level, user) == 3
    assert f"landlock {min(abi, landlock.kernel_abi())}" in layers(jail)


def test_level_is_2_without_landlock() -> None:
    proof = prove(Jail(memory_bytes=memory_for_this_process(), landlock_abi=0))
    assert proof.level == 2
    assert proof.reason == "not kept: files"
    assert "read outside" in proof.escaped
    assert proof.layers == ("process", "limits", "seccomp")


def test_level_is_1_or_less_without_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "available", lambda: False)
    proof = prove(Jail(memory_bytes=memory_for_this_process()))
    assert proof.level <= 1
    assert {"udp send", "fork", "io_uring"} & set(proof.escaped)


def test_level_is_0_where_the_jail_cannot_be_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(grants: object, abi: int) -> None:
        raise OSError(7, "refused")

    monkeypatch.setattr(landlock, "restrict", broken)
    proof = prove(Jail(memory_bytes=memory_for_this_process()))
    assert (proof.level, proof.escaped) == (0, ())
    assert proof.reason


def test_proof_leaves_nothing_behind() -> None:
    before = set(os.listdir("/tmp"))
    prove(Jail(memory_bytes=memory_for_this_process()))
    assert not [name for name in set(os.listdir("/tmp")) - before if name.startswith(f"openclaw-proof-{os.getpid()}-")]


def test_a_proof_that_was_cut_short_is_cleared_away_by_the_next(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    reader, writer = os.pipe()
    in_child(lambda: 0 if os.write(writer, temporary.make("proof").encode()) else 1)
    left = Path(os.read(reader, 1000).decode())
    (left / "deep").mkdir()
    (left / "deep/link").symlink_to("/")
    mine = Path(temporary.make("proof"))
    assert (left.exists(), mine.is_dir()) == (False, True)
    temporary.remove(str(mine))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("broken", "level"),
    [((), 3), (("tree",), 2), (("files",), 2), (("network",), 2), (("files", "network"), 1), (("limits",), 0)],
)
def test_levels(broken: tuple[str, ...], level: int) -> None:
    assert judge(("process",), {"act": broken} if broken else {}).level == level


# --- what a grant means


def outcome(act: Callable[[], object], read: tuple[str, ...], **limits: int) -> int:
    return trial.run(act, Jail(read, memory_bytes=memory_for_this_process(), **limits))


def test_a_granted_file_is_read_and_its_neighbour_is_not(folder: Path) -> None:
    for name in ("mine", "other"):
        (folder / name).write_text("text")
    grant = (str(folder / "mine"),)
    assert outcome(lambda: (folder / "mine").read_text(), grant) == 0
    assert outcome(lambda: (folder / "other").read_text(), grant) == 13
    assert outcome(lambda: os.listdir(folder), grant) == 13


def test_a_granted_folder_is_read_to_its_depths(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/deep").write_text("text")
    assert outcome(lambda: (folder / "a/b/deep").read_text(), (str(folder / "a"),)) == 0
    assert outcome(lambda: os.listdir(folder / "a/b"), (str(folder / "a"),)) == 0
    assert outcome(lambda: os.listdir(folder), (str(folder / "a"),)) == 13


def test_no_grant_reads_nothing(folder: Path) -> None:
    (folder / "file").write_text("text")
    assert outcome(lambda: (folder / "file").read_text(), ()) == 13


def swapped_file(folder: Path) -> str:
    (folder / "secret").write_text("secret")
    (folder / "file").symlink_to(folder / "secret")
    return str(folder / "file")


def swapped_parent(folder: Path) -> str:
    (folder / "secrets").mkdir()
    (folder / "secrets/file").write_text("secret")
    (folder / "granted").symlink_to(folder / "secrets")
    return str(folder / "granted/file")


def fifo(folder: Path) -> str:
    os.mkfifo(folder / "fifo")
    return str(folder / "fifo")


BAD_GRANTS: dict[str, Callable[[Path], str]] = {
    "missing": lambda folder: str(folder / "missing"),
    "swapped for a link": swapped_file,
    "parent swapped for a link": swapped_parent,
    "fifo": fifo,
    "device": lambda folder: "/dev/zero",
    "relative": lambda folder: "etc/passwd",
    "dots": lambda folder: f"{folder}/../{folder.name}",
    "double slash": lambda folder: f"/{folder}",
    "magic link": lambda folder: f"/proc/{os.getpid()}/root",
    "zero byte": lambda folder: f"{folder}\0/x",
}


@pytest.mark.parametrize("make", BAD_GRANTS.values(), ids=BAD_GRANTS)
@pytest.mark.parametrize("old_kernel", [False, True], ids=["openat2", "walk"])
def test_a_bad_grant_lets_nothing_run(
    make: Callable[[Path], str], old_kernel: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old_kernel:
        monkeypatch.setattr(landlock, "syscall", without_openat2)
    path = make(folder)
    witness = folder / "ran"

    def attempt() -> int:
        try:
            enter(Jail((path,), memory_bytes=memory_for_this_process()))
        except JailError:
            return 7
        witness.touch()
        return 0

    assert in_child(attempt) == 7
    assert not witness.exists()


def without_openat2(name: str, *arguments: object) -> int:
    from openclaw_desktop.workers.sandbox.kernel import syscall

    if name == "openat2":
        raise OSError(38, "no such call")
    return syscall(name, *arguments)


def test_old_kernels_open_the_same_file(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    new, old = landlock.open_unswapped(str(folder / "a/b")), landlock.walk_unswapped(str(folder / "a/b"))
    assert os.path.samestat(os.fstat(new), os.fstat(old))
    os.close(new)
    os.close(old)


def test_walking_closes_what_it_opened(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in (swapped_file(folder), swapped_parent(folder), str(folder / "no/such")):
        with pytest.raises(OSError):
            landlock.walk_unswapped(path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("step", ["close_descriptors", "_limit", "prctl"])
def test_any_failing_step_fails_the_jail(step: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError(1, "refused")

    monkeypatch.setattr(jail_module, step, broken)
    assert trial.run(lambda: os.listdir(folder), Jail((str(folder),), memory_bytes=memory_for_this_process())) == 254


def test_a_failing_filter_fails_the_jail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "program", lambda _write: b"\xff" * 8)
    assert trial.run(lambda: os.listdir(folder), Jail((str(folder),), memory_bytes=memory_for_this_process())) == 254


def test_only_the_kept_descriptors_stay_open(folder: Path) -> None:
    (folder / "secret").write_text("secret")
    opened = os.open(folder / "secret", os.O_RDONLY)
    kept = os.open(folder / "secret", os.O_RDONLY)

    def attempt() -> int:
        close_descriptors((kept,))
        try:
            os.read(kept, 1)
        except OSError:
            return 1
        try:
            os.read(opened, 1)
        except OSError:
            return 0
        return 2

    assert in_child(attempt) == 0
    os.close(opened)
    os.close(kept)


def test_processor_time_is_limited() -> None:
    def attempt() -> int:
        enter(Jail((), memory_bytes=memory_for_this_process(), cpu_s=1))
        while True:
            pass

    assert in_child(attempt) == -24  # SIGXCPU


def test_a_foreign_call_convention_kills(folder: Path) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("x86_64 has two")
    page = __import__("mmap").mmap(-1, 4096, prot=7)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))

    def jailed() -> int:
        enter(Jail((), memory_bytes=memory_for_this_process()))
        return 1 if call() else 0

    assert in_child(lambda: 1 if call() else 0) in (1, -11)  # -11: a kernel without 32-bit calls
    assert in_child(jailed) in (-31, -11)  # SIGSYS


# --- no strays


def test_children_die_with_their_parent() -> None:
    reader, writer = os.pipe()

    def attempt() -> int:
        ready_reader, ready_writer = os.pipe()
        middle = os.getpid()
        if os.fork() == 0:
            os.close(reader)
            tree.die_with_parent(middle)
            os.write(ready_writer, b"x")
            os.read(ready_reader, 0)
            while True:
                __import__("signal").pause()
        os.read(ready_reader, 1)
        return 0

    assert in_child(attempt) == 0
    os.close(writer)
    assert os.read(reader, 1) == b""  # the pipe ends once the grandchild is gone
    os.close(reader)


def test_double_forked_orphans_are_found_and_ended() -> None:
    reader, writer = os.pipe()

    def attempt() -> int:
        tree.adopt_orphans()
        if (middle := os.fork()) == 0:
            for _ in range(2):
                if os.fork() == 0:
                    os.setsid()
                    os.fork()
                    while True:
                        __import__("signal").pause()
            os._exit(0)
        os.waitpid(middle, 0)
        return tree.kill_strays(set())

    count = in_child(attempt)
    assert 2 <= count <= 4  # those that had forked again when they were found
    os.close(writer)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_known_children_are_spared() -> None:
    def attempt() -> int:
        if (child := os.fork()) == 0:
            while True:
                __import__("signal").pause()
        spared = tree.kill_strays({child}) == 0 and os.waitpid(child, os.WNOHANG) == (0, 0)
        return 0 if spared and tree.kill_strays(()) == 1 else 1

    assert in_child(attempt) == 0


def test_the_scene_is_what_the_probes_expect(folder: Path) -> None:
    with scene(str(folder), os.getpid(), 1) as stage:
        assert isinstance(stage, Scene)
        assert stat.S_ISSOCK(Path(stage.outside, "socket").stat().st_mode)
        assert Path(stage.granted, "link").read_bytes() == b"content"
