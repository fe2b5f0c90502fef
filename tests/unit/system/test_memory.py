"""How much memory there is: the machine's, or what the control groups above this process leave of it."""

from pathlib import Path

import psutil
import pytest

from openclaw_desktop.system.memory import Memory, read_memory

MIB = 1 << 20


@pytest.fixture
def own_group(tmp_path: Path) -> Path:
    path = tmp_path / "cgroup"
    path.write_text("1:name=systemd:/x\n0::/user.slice/agent.service\n")
    return path


def limit(group: Path, most: str, used: int, cached: int) -> None:
    group.mkdir(parents=True, exist_ok=True)
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")


def test_without_a_limit_it_is_the_machine_s(tmp_path: Path, own_group: Path) -> None:
    limit(tmp_path / "groups/user.slice/agent.service", "max", 50 * MIB, 0)
    for group in (own_group, tmp_path / "none"):
        memory = read_memory(group, tmp_path / "groups")
        assert memory.total_bytes == psutil.virtual_memory().total
        assert 0 < memory.available_bytes <= memory.total_bytes


def test_the_narrowest_limit_counts_and_cached_files_are_free(tmp_path: Path, own_group: Path) -> None:
    groups = tmp_path / "groups"
    limit(groups / "user.slice/agent.service", str(64 * MIB), 40 * MIB, 10 * MIB)
    assert read_memory(own_group, groups) == Memory(64 * MIB, 34 * MIB)
    limit(groups / "user.slice", str(48 * MIB), 47 * MIB, 0)
    assert read_memory(own_group, groups) == Memory(48 * MIB, MIB)
    limit(groups / "user.slice", str(48 * MIB), 50 * MIB, 0)
    assert read_memory(own_group, groups).available_bytes == 0


def test_groups_of_the_first_version_count_too_and_in_a_container_its_own_is_the_root(tmp_path: Path) -> None:
    own_group, groups = tmp_path / "cgroup", tmp_path / "groups"
    own_group.write_text("4:cpu,memory:/docker/31ac\n0::/init.scope\n")
    first = {"memory.usage_in_bytes": 40 * MIB, "memory.limit_in_bytes": 64 * MIB}
    for place, values in {"memory": first, "memory/docker/31ac": first | {"memory.limit_in_bytes": 1 << 62}}.items():
        (groups / place).mkdir(parents=True)
        for name, value in values.items():
            (groups / place / name).write_text(f"{value}\n")
        (groups / place / "memory.stat").write_text(f"inactive_file 7\ntotal_inactive_file {4 * MIB}\n")
    assert read_memory(own_group, groups) == Memory(64 * MIB, 28 * MIB)


def test_files_that_say_something_else_are_no_limit(tmp_path: Path, own_group: Path) -> None:
    group = tmp_path / "groups/user.slice/agent.service"
    limit(group, str(MIB), 0, 0)
    (group / "memory.stat").unlink()
    assert read_memory(own_group, tmp_path / "groups").total_bytes == psutil.virtual_memory().total


def test_this_machine_s_is_read() -> None:
    assert 0 < read_memory().available_bytes <= read_memory().total_bytes
