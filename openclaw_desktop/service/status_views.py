"""What the agent says of itself: its status, what it cost, what the doctor found.

Owns these values alone. Must not know who looks at them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from openclaw_desktop.core.events import ModelState
from openclaw_desktop.core.power import PowerLevel, Presence
from openclaw_desktop.service.jobs.views import HeartbeatStatus
from openclaw_desktop.service.mcp.views import McpStatus
from openclaw_desktop.service.memory.key_views import KeyPlace
from openclaw_desktop.service.notices.views import NotificationsStatus
from openclaw_desktop.service.walls.views import InboxStatus


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of `doctor`: what was looked at, whether it is well, and what to do if not.

    `repaired`: it was not, and is now.
    """

    check: str
    level: Literal["ok", "warning", "error"]
    sentence: str
    advice: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The model in use. `name` is None where no model is present.

    `ladder`: how it runs with less than it was meant to, since its worker died `deaths` times; "" where it lacks
    nothing. `endpoint`: the URL of the server that has it. `leaves_machine`: what it is asked goes to another machine.
    """

    name: str | None
    state: ModelState
    path: str | None
    context_tokens: int
    tokens_per_s: float | None
    ladder: str = ""
    deaths: int = 0
    endpoint: str = ""
    leaves_machine: bool = False


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """Counts by tier and the size of the one file. `vectors_leave_machine`: another machine makes the vectors.

    `key`: what holds the file's key ("none" where it is not encrypted), `key_reason`: why that is so. `warning`: how
    near it is to its limit or the disk's.
    """

    count: dict[str, int]
    db_bytes: int
    encrypted: bool
    vectors_leave_machine: bool = False
    key: KeyPlace = "none"
    key_reason: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class PowerStatus:
    """What feeds the machine and how long nobody has touched it. None: this machine does not tell.

    `level`: how much it can spare; `sentence`: what follows of level and presence, "" where nothing does.
    """

    source: Literal["mains", "battery", "unknown"]
    battery_percent: float | None
    idle_s: float | None
    level: PowerLevel = "full"
    presence: Presence = "active"
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """Memory by process role and processor use of all of them since the start.

    `level`: what is given up where the machine is short of something ("normal": nothing); `sentence`: why.
    """

    rss_bytes: dict[str, int]
    cpu_percent: float
    last_error: str | None
    level: Literal["normal", "no_background", "no_caches", "no_model"] = "normal"
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    """The job that comes next, else the next housekeeping, and how the runs of jobs stand.

    `missed`, `unknown`: not yet looked at. `waits`: why those wait that do, a sentence; "" where none does.
    """

    next_job: str | None
    next_run: str | None
    missed: int = 0
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    waits: str = ""
    heartbeat: HeartbeatStatus = HeartbeatStatus()


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The level that the start-up self-test proved (0-3), the layers in force, and why it is not higher."""

    level: int
    layers: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LedgerSums:
    """What some completions took together. `wh_estimated`: processor seconds at the watts that the settings assume."""

    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    cpu_seconds: float
    wh_estimated: float


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The sums of one day, lane, job and model. `turns`: of how many; 0 for jobs, and where they were folded."""

    day: str
    lane: str
    job: str
    model: str
    turns: int
    sums: LedgerSums


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """Today's sums, and how many tokens background work may still spend until `resets_at`."""

    today: LedgerSums
    background_limit: int
    background_left: int
    resets_at: str


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """How often a cache had what was asked for, since the agent's start."""

    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class Status:
    """What runs and how well. `mode`, `pid` and `uptime_s` are None where no agent is running."""

    version: str
    pid: int | None
    uptime_s: float | None
    mode: Literal["tray", "serve"] | None
    home: str
    model: ModelStatus
    memory: MemoryStatus
    power: PowerStatus
    health: HealthStatus
    scheduler: SchedulerStatus
    sandbox: SandboxStatus
    hotkey: str
    ledger: LedgerStatus | None = None
    caches: dict[str, CacheStatus] = field(default_factory=dict)
    inbox: InboxStatus = InboxStatus()
    mcp: McpStatus = field(default_factory=McpStatus)
    notifications: NotificationsStatus = NotificationsStatus()
