"""A program's jail against hostile acts: as root and as a user, on old kernels, with namespaces and without."""

# What runs in the jail makes as few calls as it can.

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the jail is Linux's", allow_module_level=True)

from jail_room import ABIS, HAS_JAIL, USERS, in_child, open_folder

from openclaw_desktop.workers.keeper import namespaces_work
from openclaw_desktop.workers.sandbox import capabilities, landlock, namespaces, program_filter, trial
from openclaw_desktop.workers.sandbox.further_probes import FURTHER_PROBES
from openclaw_desktop.workers.sandbox.jail import Jail
from openclaw_desktop.workers.sandbox.more_probes import MORE_PROBES
from openclaw_desktop.workers.sandbox.probes import PROBES, Probe, scene
from openclaw_desktop.workers.sandbox.program_trial import PROGRAM_PROBES, program_escapes
from openclaw_desktop.workers.sandbox.proof import Proof, both, prove_programs

pytestmark = [
    pytest.mark.skipif(not HAS_JAIL, reason="this kernel has no jail to test"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

# What no machine need have, or may forbid to everybody: the act then proves nothing here.
FORBIDDEN = {"fault for others", "packet socket", "raw socket", "clone into a network", "change a file's flags"}
FORBIDDEN |= {"set an attribute", "rename the host", "read the kernel's symbols"}
# What a kernel may lack or be told to refuse to everybody, and what a file system may not know.
FORBIDDEN |= {"set an attribute by descriptor", "set an attribute anew", "set a file's flags anew"}
FORBIDDEN |= {"list the mounts", "read an attribute outside", "list the attributes outside"}
FORBIDDEN |= {"change permissions anew", "ask for quotas", "secret memory", "compare with the parent"}
FORBIDDEN |= {"ask for the parent's pages", "watch with fanotify", "count events", "read the kernel's log"}
FORBIDDEN |= {"read the kernel's messages", "open a setting of the kernel", "open a file system in userland"}
FORBIDDEN |= {"rename the domain", "set the clock", "reach the ports of the machine"}
FORBIDDEN |= {"read the table of descriptors", "take capabilities back", "ipv6 over tcp", "multipath tcp", "sctp"}
FORBIDDEN |= {"ping", "vsock", "sockets of the kernel's ciphers", "smc", "xdp", "data with the first packet"}
FORBIDDEN |= {"leave the mounts", "name a file's handle", "make a nameless file", "make a terminal"}
FORBIDDEN |= {"clone a tree of mounts", "be traced", "make a file system", "write the parent's memory"}
FORBIDDEN |= {"trace a child", "run a file by descriptor"}
BEYOND = (*MORE_PROBES, *FURTHER_PROBES)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("probe", MORE_PROBES, ids=lambda probe: probe.name.replace(" ", "-"))
def test_act_succeeds_without_a_jail(probe: Probe, user: str, folder: Path) -> None:
    if probe.root and user != "root":
        pytest.skip("only root can do this at all")

    def attempt() -> int:
        with scene(str(folder), os.getpid(), 1 << 30) as stage:
            return trial.run(lambda: probe.act(stage), None)

    code = in_child(attempt, user)
    if code and probe.name in FORBIDDEN:
        pytest.skip(f"this machine forbids it: {os.strerror(code)}")
    assert code == 0, os.strerror(code)


@pytest.mark.parametrize("user", USERS)
def test_further_acts_succeed_without_a_jail(user: str, folder: Path) -> None:
    reader, writer = os.pipe()

    def attempt() -> int:
        for number, probe in enumerate(FURTHER_PROBES):
            (folder / str(number)).mkdir()
            with scene(str(folder / str(number)), os.getpid(), 1 << 30) as stage:
                code = trial.run(lambda: probe.act(stage), None)  # noqa: B023 - run at once
            if code and not (probe.name in FORBIDDEN or (probe.root and user != "root")):
                os.write(writer, f"{probe.name}: {os.strerror(code)}; ".encode())
        return 0

    code = in_child(attempt, user)
    os.close(writer)
    failed = os.read(reader, 10_000).decode()
    os.close(reader)
    assert (code, failed) == (0, "")


@pytest.mark.parametrize("allow_namespaces", [True, False], ids=["namespaces", "plain"])
@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("user", USERS)
def test_no_act_gets_out_of_a_program_s_jail(user: str, abi: int, allow_namespaces: bool) -> None:
    reader, writer = os.pipe()

    def attempt() -> int:
        os.write(writer, ", ".join(program_escapes(abi, allow_namespaces)).encode())
        return 0

    code = in_child(attempt, user)
    os.close(writer)
    escaped = os.read(reader, 10_000).decode()
    os.close(reader)
    assert (code, escaped) == (0, "")


@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("user", USERS)
def test_a_function_s_jail_holds_those_acts_too(user: str, abi: int, folder: Path) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * os.sysconf("SC_PAGE_SIZE") + (256 << 20)
    reader, writer = os.pipe()

    def attempt() -> int:
        with scene(str(folder), os.getpid(), memory) as stage:
            inside = Jail((stage.granted,), memory_bytes=memory, landlock_abi=abi)
            assert trial.run(lambda: os.listdir(stage.granted), inside) == 0  # noqa: PTH208 - the act itself
            escaped = [probe.name for probe in BEYOND if not trial.held(probe, stage, inside)]
        os.write(writer, ", ".join(escaped).encode())
        return 0

    code = in_child(attempt, user)
    os.close(writer)
    escaped = os.read(reader, 10_000).decode()
    os.close(reader)
    assert (code, escaped) == (0, "")


def test_there_are_more_than_enough_acts() -> None:
    assert len(PROGRAM_PROBES) >= 150
    names = [probe.name for probe in (*PROBES, *BEYOND)]
    assert len(set(names)) == len(names)


def proved(break_it: Callable[[], None], allow_namespaces: bool = False) -> tuple[int, str]:
    """Return level and escapes of the jail of programs after `break_it`, in a child."""
    reader, writer = os.pipe()

    def attempt() -> int:
        break_it()
        proof = prove_programs(landlock.LATEST_ABI, allow_namespaces)
        os.write(writer, f"{proof.reason} {' '.join(proof.escaped)}".encode())
        return proof.level

    level = in_child(attempt, "self")
    os.close(writer)
    told = os.read(reader, 10_000).decode()
    os.close(reader)
    return level, told


def test_a_filter_with_a_hole_is_found() -> None:
    def widen() -> None:
        program_filter._REFUSED = tuple(  # type: ignore[misc]
            name for name in program_filter._REFUSED if name not in ("shmget", "shmctl", "inotify_init1")
        )
        program_filter._METADATA = ()  # type: ignore[misc]

    level, told = proved(widen)
    assert level == 2
    assert "system V shared memory" in told
    assert "change times by descriptor" in told


def test_a_landlock_that_grants_too_much_is_found() -> None:
    original = landlock.restrict

    def lax(grants: list[tuple[str, str]], *rest: object, **named: object) -> None:
        original([*grants, ("read", "/etc")], *rest, **named)  # type: ignore[arg-type]

    def widen() -> None:
        landlock.restrict = lax  # type: ignore[assignment]

    level, told = proved(widen)
    assert level == 2
    assert "read the users' list" in told


def test_an_open_network_is_found() -> None:
    def widen() -> None:
        program_filter._network = lambda _network: []  # type: ignore[assignment]

    level, told = proved(widen)
    assert level == 2
    assert "udp send" in told
    assert "unix connect by path" in told


@pytest.mark.parametrize(("flag", "kind"), [("_NEWIPC", "ipc"), ("_NEWUTS", "uts")])
def test_a_namespace_that_is_shared_is_found(flag: str, kind: str) -> None:
    if not namespaces_work():
        pytest.skip("this machine forbids namespaces")
    level, told = proved(lambda: setattr(namespaces, flag, 0), allow_namespaces=True)
    assert level == 2
    assert told.endswith(f"share the system's {kind} namespace")


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else has a capability")
def test_capabilities_that_are_kept_are_found() -> None:
    level, told = proved(lambda: setattr(capabilities, "drop", lambda: None))
    assert level < 3
    assert "hold a capability over more than files" in told


def test_the_machine_s_own_limit_of_processes_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "_HAS_OWN_LIMIT", False)  # a kernel before 6.14 has but one for everybody
    opened: list[object] = []
    monkeypatch.setattr("builtins.open", lambda *words, **_more: opened.append(words))
    assert not namespaces._limit_processes("/proc/sys/kernel/pid_max")
    assert opened == []


def test_a_kernel_without_landlock_runs_no_program() -> None:
    def widen() -> None:
        landlock.kernel_abi = lambda: 0  # type: ignore[assignment]

    level, told = proved(widen)
    assert level == 0
    assert "no Landlock" in told


def test_two_proofs_together_are_as_good_as_the_worse() -> None:
    together = both(Proof(3, ("landlock 7",), "", (), ("a",)), Proof(2, ("namespaces",), "why", ("b",), ("b",)))
    assert (together.level, together.reason, together.escaped) == (2, "why", ("b (program)",))
    assert together.layers == ("landlock 7", "namespaces")
    assert both(Proof(3, (), "", (), ("a",)), Proof(0, (), "no jail", ())).level == 2


def test_this_machine_says_whether_it_lets_namespaces_work() -> None:
    allowed = subprocess.run(["unshare", "-rmpn", "--fork", "true"], capture_output=True, check=False).returncode == 0
    assert not namespaces_work() or allowed
