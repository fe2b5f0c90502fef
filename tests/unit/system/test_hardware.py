"""What this machine has to compute with, and why a card that is there cannot be reached."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import psutil
import pytest

from openclaw_desktop.system.hardware import Gpu, GpuFinding, read_hardware, read_watts
from openclaw_desktop.system.hardware import cuda as cuda_module
from openclaw_desktop.system.hardware.cuda import CudaHandler
from openclaw_desktop.system.hardware.hardware import gpu_handlers
from openclaw_desktop.system.hardware.memory_speed import measure_memory_speed
from openclaw_desktop.system.hardware.metal import MetalHandler
from openclaw_desktop.system.hardware.vulkan import LinuxVulkanHandler, WindowsVulkanHandler
from openclaw_desktop.system.hardware.watts import Watts
from openclaw_desktop.system.memory import read_memory

MIB = 1 << 20


def program(folder: Path, script: str) -> str:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def file(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_this_machine(tmp_path: Path) -> None:
    hardware = read_hardware(tmp_path / "not" / "there" / "yet")
    assert hardware.memory_bytes == read_memory().total_bytes
    assert 0 < hardware.available_bytes <= hardware.memory_bytes
    assert 1 <= hardware.cores <= (os.cpu_count() or 1)
    assert hardware.disk_free_bytes > 0
    assert hardware.gpu.gpus or hardware.gpu.reasons, "a card, or why there is none"


def test_findings_are_put_together(tmp_path: Path) -> None:
    class Fixed:
        def __init__(self, finding: GpuFinding) -> None:
            self.find = lambda: finding

    card = Gpu("cuda", "A card")
    hardware = read_hardware(tmp_path, (Fixed(GpuFinding((card,))), Fixed(GpuFinding(reasons=("Why not.",)))))
    assert hardware.gpu == GpuFinding((card,), ("Why not.",))
    assert len(gpu_handlers()) >= 1


def test_nvidia_s_program_names_the_cards(tmp_path: Path) -> None:
    answer = 'echo "NVIDIA H200, 143771"; echo "Odd, named, card, [N/A]"'
    assert CudaHandler(tmp_path, program(tmp_path, answer)).find().gpus == (
        Gpu("cuda", "NVIDIA H200", 143771 * MIB),
        Gpu("cuda", "Odd, named, card"),
    )


def test_a_driver_that_hangs_is_a_reason_and_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_module, "ASK_LIMIT_S", 0.2)
    finding = CudaHandler(tmp_path, program(tmp_path, "exec sleep 60")).find()
    assert not finding.gpus and "does not answer" in finding.reasons[0]


@pytest.mark.parametrize("script", ["exit 9", "echo", "printf '\\377\\376'; exit 1"])
def test_a_program_that_fails_leaves_the_driver_s_files(tmp_path: Path, script: str) -> None:
    file(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX A2000\nIRQ: 1\n")
    finding = CudaHandler(tmp_path, program(tmp_path, script)).find()
    assert finding.gpus == (Gpu("cuda", "NVIDIA RTX A2000"),)


def test_a_card_without_its_driver_is_a_reason(tmp_path: Path) -> None:
    handler = CudaHandler(tmp_path, str(tmp_path / "absent"))
    assert handler.find() == GpuFinding()
    file(tmp_path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    file(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x040300\n")
    assert handler.find() == GpuFinding(), "the card's sound is no graphics"
    file(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")
    assert "driver is not loaded" in handler.find().reasons[0]


def test_vulkan_needs_a_node_a_driver_and_leave(tmp_path: Path) -> None:
    handler = LinuxVulkanHandler(tmp_path, {})
    assert "no GPU device node" in handler.find().reasons[0]
    file(tmp_path, "dev/dri/renderD128")
    file(tmp_path, "sys/class/drm/renderD128/device/vendor", "0x1002\n")
    file(tmp_path, "usr/share/vulkan/icd.d/lvp_icd.x86_64.json")
    assert "(AMD), but no Vulkan driver" in handler.find().reasons[0], "drawing on the processor does not count"
    file(tmp_path, "usr/share/vulkan/icd.d/radeon_icd.x86_64.json")
    assert handler.find().gpus == (Gpu("vulkan", "AMD"),)


def test_a_node_that_may_not_be_opened_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path, "dev/dri/renderD128")
    file(tmp_path, "etc/vulkan/icd.d/intel_icd.json")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "group render" in LinuxVulkanHandler(tmp_path, {}).find().reasons[0]


def test_the_loader_s_own_variables_are_obeyed(tmp_path: Path) -> None:
    file(tmp_path, "dev/dri/renderD128")
    chosen = {"VK_DRIVER_FILES": f"{tmp_path}/my_icd.json"}
    assert LinuxVulkanHandler(tmp_path, chosen).find().gpus == (Gpu("vulkan", "unknown maker"),)


def test_windows_has_vulkan_where_its_loader_is(tmp_path: Path) -> None:
    handler = WindowsVulkanHandler({"SYSTEMROOT": str(tmp_path)})
    assert handler.find().reasons
    file(tmp_path, "System32/vulkan-1.dll")
    assert [gpu.kind for gpu in handler.find().gpus] == ["vulkan"]


def test_an_apple_chip_is_named_and_has_all_memory(tmp_path: Path) -> None:
    asked = 'test "$*" = "-n machdep.cpu.brand_string" && printf "Apple M3 Pro\\033\\n"'
    (gpu,) = MetalHandler("arm64", program(tmp_path, asked)).find().gpus
    assert gpu == Gpu("metal", "Apple M3 Pro", psutil.virtual_memory().total)
    for silent in (program(tmp_path, "exit 1"), str(tmp_path / "absent")):
        assert [gpu.name for gpu in MetalHandler("arm64", silent).find().gpus] == ["Apple"]


def test_a_mac_of_intel_has_no_metal_to_count_on(tmp_path: Path) -> None:
    finding = MetalHandler("x86_64", program(tmp_path, "echo Intel")).find()
    assert finding == GpuFinding(reasons=("Metal is used on Apple's own chips alone.",))


def test_a_battery_tells_the_draw_of_the_machine(tmp_path: Path) -> None:
    file(tmp_path, "sys/class/power_supply/BAT0/status", "Discharging\n")
    file(tmp_path, "sys/class/power_supply/BAT0/power_now", "")
    assert read_watts(tmp_path) is None, "half-written"
    file(tmp_path, "sys/class/power_supply/BAT0/power_now", "12500000\n")
    assert read_watts(tmp_path) == Watts(12.5, "battery")
    file(tmp_path, "sys/class/power_supply/BAT0/status", "Charging\n")
    assert read_watts(tmp_path) is None


def test_a_battery_may_tell_volts_and_amperes(tmp_path: Path) -> None:
    for name, text in {"status": "Discharging", "current_now": "1000000", "voltage_now": "12000000"}.items():
        file(tmp_path, f"sys/class/power_supply/BAT1/{name}", text)
    assert read_watts(tmp_path) == Watts(12.0, "battery")


def test_the_processor_s_counter_is_read_around_some_work(tmp_path: Path) -> None:
    counter = "sys/class/powercap/intel-rapl:0/energy_uj"
    file(tmp_path, counter, "1000000\n")
    file(tmp_path, "sys/class/powercap/intel-rapl:0:0/energy_uj", "5\n")
    watts = read_watts(tmp_path, lambda _: file(tmp_path, counter, "3000000\n"))
    assert watts is not None and watts.source == "rapl" and 0 < watts.watts <= 200
    assert read_watts(tmp_path, lambda _: file(tmp_path, counter, "0\n")) is None, "it began anew"


COUNTER = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


@pytest.mark.skipif(not os.access(COUNTER, os.R_OK), reason="this machine tells nobody what it draws")
def test_this_machine_s_watts() -> None:
    watts = read_watts(wait=lambda _: sum(range(5_000_000)))
    assert watts is not None and 0 < watts.watts < 10_000


def test_memory_moves_at_some_speed() -> None:
    assert 1e8 < measure_memory_speed(1) < 1e13
