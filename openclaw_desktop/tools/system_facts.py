"""What this machine says of itself: power, disk, memory, processor, system, time.

Owns the words. The figures come from psutil and the standard library; nothing here asks the network. Names that others
chose (of the machine, of disks) are not told. Loop; the reading runs in a thread.
"""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr
from openclaw_desktop.system.battery import read_power

TOPICS = ("battery", "disk", "memory", "processor", "system", "uptime", "time")
_GB = 1_000_000_000


class SystemFactsTool:
    """Tells what the machine says of itself."""

    spec = ToolSpec(
        "system_facts",
        "facts about this computer: battery, disk, memory, processor, system, uptime, local time",
        {
            "type": "object",
            "properties": {"topic": {"enum": [*TOPICS, "all"]}},
            "additionalProperties": False,
        },
        "read",
    )

    def __init__(self, home: Path, version: str) -> None:
        self._home = home
        self._version = version

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the facts, one a line."""
        topic = call.arguments.get("topic", "all")
        chosen = TOPICS if topic == "all" else (topic,)
        found = [await asyncio.to_thread(self._tell, name) for name in chosen]
        receipt = Receipt("system.read", tr("asked the system"), call.id)
        data = dict(zip(chosen, (figures for _, figures in found), strict=True))
        return ToolResult("\n".join(text for text, _ in found), Label("system", "private"), (receipt,), data)

    def _tell(self, topic: str) -> tuple[str, dict[str, Any]]:
        tellers: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {
            "battery": _battery, "disk": self._disk, "memory": _memory, "processor": _processor, "system": self._system,
            "uptime": _uptime, "time": _time,
        }  # fmt: skip
        try:
            return tellers[topic]()
        except (OSError, psutil.Error, RuntimeError, NotImplementedError, TypeError) as error:
            return tr("{topic}: the system does not say ({reason})", topic=topic, reason=type(error).__name__), {}

    def _disk(self) -> tuple[str, dict[str, Any]]:
        usage = shutil.disk_usage(self._home)
        text = tr(
            "Disk of your home folder: {free} GB free of {total} GB",
            free=f"{usage.free / _GB:.1f}", total=f"{usage.total / _GB:.1f}",
        )  # fmt: skip
        return text, {"free_bytes": usage.free, "total_bytes": usage.total}

    def _system(self) -> tuple[str, dict[str, Any]]:
        name = f"{platform.system()} {platform.release()}"
        text = tr("System: {system}; OpenCLaw Desktop {version}", system=name, version=self._version)
        return text, {"system": name, "version": self._version}


def _battery() -> tuple[str, dict[str, Any]]:
    power = read_power()
    if power.battery_percent is None:
        return tr("Battery: there is none, or it says nothing"), {"percent": None, "source": power.source}
    state = tr("on mains") if power.source == "mains" else tr("on battery")
    text = tr("Battery: {percent} %, {state}", percent=f"{power.battery_percent:.0f}", state=state)
    return text, {"percent": power.battery_percent, "source": power.source}


def _memory() -> tuple[str, dict[str, Any]]:
    memory = psutil.virtual_memory()
    text = tr(
        "Memory: {free} GB available of {total} GB",
        free=f"{memory.available / _GB:.1f}", total=f"{memory.total / _GB:.1f}",
    )  # fmt: skip
    return text, {"available_bytes": memory.available, "total_bytes": memory.total}


def _processor() -> tuple[str, dict[str, Any]]:
    cores, load = psutil.cpu_count() or 1, psutil.getloadavg()[0]
    return tr("Processor: {cores} cores, load {load}", cores=cores, load=f"{load:.2f}"), {"cores": cores, "load": load}


def _uptime() -> tuple[str, dict[str, Any]]:
    seconds = max(0, int(time.time() - psutil.boot_time()))
    days, rest = divmod(seconds, 86_400)
    text = tr(
        "Running since: {days} days, {hours} hours and {minutes} minutes",
        days=days,
        hours=rest // 3600,
        minutes=rest % 3600 // 60,
    )
    return text, {"uptime_s": seconds}


def _time() -> tuple[str, dict[str, Any]]:
    now = time.strftime("%Y-%m-%d %H:%M %Z")
    return tr("Local time: {time}", time=now), {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z")}


_TOPIC_OF = {"battery": "battery", "charge": "battery", "disk": "disk", "disk space": "disk",
             "space": "disk", "storage": "disk",
             "memory": "memory", "ram": "memory", "time": "time", "uptime": "uptime"}  # fmt: skip
PLAIN = (
    PlainForm(
        re.compile(
            r"how much (?P<topic>disk space|disk|storage|space|ram|battery|charge)(?: is| do I have)?"
            r"(?: left| free| available)[?.!]*",
            re.I,
        ),
        "system_facts",
        lambda match: {"topic": _TOPIC_OF[match["topic"].lower()]},
    ),
    PlainForm(
        re.compile(
            r"what(?:'s| is) (?:the time(?: now| right now)?|my (?P<topic>battery|uptime)(?: level)?)[?.!]*"
            r"|what time is it(?: now)?[?.!]*",
            re.I,
        ),
        "system_facts",
        lambda match: {"topic": _TOPIC_OF[(match["topic"] or "time").lower()]},
    ),
)
