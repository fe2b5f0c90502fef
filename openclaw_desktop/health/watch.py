"""The watch over the machine: its level, its user's presence, what is given up, and so what may run now.

Owns the present level, when it is looked at, and who hears of a change. It is `core.protocols.Conditions`, which all
background work asks. Where changes are told it sleeps until they are; where they are not, it looks every 30 seconds
while there is a battery, else every five minutes. Must not know what the work is. Loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo

from openclaw_desktop.core.clock import Clock
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import SYSTEM
from openclaw_desktop.core.notices import Notice, Notify, Priority
from openclaw_desktop.core.power import LevelChanged, PowerLevel, Presence, Woke
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.health import levels
from openclaw_desktop.health.degradation import Cause, Degradation, advise, degrade, explain
from openclaw_desktop.health.levels import ALLOWANCES, Allowance, Reading
from openclaw_desktop.health.machine import Machine
from openclaw_desktop.health.metrics import FINE_S
from openclaw_desktop.health.rhythm import Rhythm

log = logging.getLogger(__name__)

# Whoever asks more often than that gets the last answer.
FRESH_S = 1.0
# With a source of idle time: how soon it is seen that somebody came back, and that nobody is there any more.
BACK_LOOK_S, GONE_LOOK_S = 60.0, 300.0
STRAINED_LOOK_S = 60.0
# So soon after a look that failed.
FAILED_LOOK_S = 60.0
LONGEST_PAUSE_S = 3600.0
# A bus that is not there is tried again with a look, so seldom.
RECONNECT_S = 300.0
# Wall time that passed beside the loop's own clock: the machine slept.
JUMP_S = 30.0


async def _no_record() -> None:
    """Record nothing."""


class HealthWatch:
    """Watches one machine. `zone`: the user's, None for the machine's own."""

    def __init__(
        self,
        machine: Machine,
        clock: Clock,
        publish: Callable[[LevelChanged | Woke], object],
        rhythm: Rhythm | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._machine = machine
        self.clock = clock
        self._publish = publish
        self._zone = zone
        self._tasks = TaskSet()
        self._news = asyncio.Event()
        self._touched_s = clock.monotonic_s()
        self._looked: tuple[float, float] | None = None
        self._wakes = machine.session.wakes
        self._recorded_s = self._connected_s = clock.monotonic_s()
        self._ran = False
        self._reading = Reading(machine.power(), None, 0.0)
        self._power: PowerLevel = levels.power_level(self._reading.power, "full")
        self._presence: Presence = "active"
        self._step: tuple[Degradation, Cause] = ("normal", "")
        self._changed: list[Callable[[], None]] = []
        self.rhythm = rhythm or Rhythm()
        # Late: the parts that these are of are built with the watch in hand.
        self.is_busy: Callable[[], bool] = lambda: False
        self.notify: Notify | None = None
        self.record: Callable[[], Awaitable[object]] = _no_record
        self.lag_s = 0.0
        # A command alone looks once and has nothing to keep of it.
        self.began = False

    # --- what others ask ------------------------------------------------------------------------------------------

    @property
    def power(self) -> PowerLevel:
        """How much the machine can spare."""
        self._freshen()
        return self._power

    @property
    def presence(self) -> Presence:
        """Whether somebody is at it."""
        self._freshen()
        return self._presence

    @property
    def reading(self) -> Reading:
        """What the level was found from."""
        self._freshen()
        return self._reading

    @property
    def degradation(self) -> tuple[Degradation, Cause]:
        """What is given up, and for want of what."""
        return self._step

    @property
    def allowance(self) -> Allowance:
        """What may run at this level."""
        return ALLOWANCES[self.power]

    @property
    def sentence(self) -> str:
        """What to say of power and presence; "" where there is nothing to say."""
        return levels.describe(self._power, self._presence, self._reading.power.battery_percent)

    def may_run(self, kind: str, urgency: Urgency) -> bool:
        """True where work of this kind disturbs nobody by now."""
        return not self.why_not(kind, urgency)

    def why_not(self, kind: str, urgency: Urgency) -> str:
        """Return for what such work waits, as words after "waits"; "" where it may run."""
        if urgency == "now":
            return ""
        self._freshen()
        strained = self._step[0] != "normal"
        return levels.reason_to_wait(urgency, self._power, self._presence, strained, busy=self.is_busy())

    def touch(self) -> None:
        """Note that the user has just used the agent, by whatever way."""
        self._touched_s = self.clock.monotonic_s()
        self._ran = True
        if self._presence != "active":
            self.look()
            self._news.set()

    def note_ran(self) -> None:
        """Note that something ran: there is something to record."""
        self._ran = True

    def note_news(self) -> None:
        """Have it looked at now."""
        self._news.set()

    def when_changed(self, hear: Callable[[], None]) -> None:
        """Have `hear` called after each change of level, presence or degradation, and once when the watch begins."""
        self._changed.append(hear)

    # --- watching -------------------------------------------------------------------------------------------------

    async def work(self, wait: Callable[[asyncio.Event, float], Awaitable[None]] | None = None) -> None:
        """Watch until cancelled. `wait`: ends with the event, or after so many seconds of the loop's own clock."""
        wait, self.began = wait or _wait, True
        try:
            await self._load_rhythm()
            await self._connect()
            self._tell_changed()
            while True:
                self._news.clear()
                pause_s = await self._look_well()
                due_s = self.clock.monotonic_s() + pause_s
                await wait(self._news, pause_s)
                if not self._news.is_set():
                    self.lag_s = max(0.0, self.clock.monotonic_s() - due_s)
                if self.clock.monotonic_s() - self._connected_s >= RECONNECT_S:
                    self._connected_s = self.clock.monotonic_s()
                    await self._connect()
        finally:
            await self._tasks.stop()
            await self._machine.close()

    async def _look_well(self) -> float:
        """Look, record, and return when to look again; whatever one reading does, all who work go by the next."""
        try:
            await self._machine.refresh()
            self.look()
            await self._record()
            return self.pause_s()
        except Exception:
            log.exception("the machine could not be looked at")
            return FAILED_LOOK_S

    async def _connect(self) -> None:
        try:
            await self._machine.connect(self._news.set)
        except Exception:
            # A service of the desktop's that answers what nobody expects; it is tried again.
            log.exception("what tells of changes could not be heard")

    async def save(self) -> None:
        """Write what was noted of the user's rhythm."""
        try:
            await self.rhythm.save()
        except UserError as error:
            log.warning("the rhythm was not written: %s", error)

    def pause_s(self) -> float:
        """Return when to look again at the latest, in seconds, if nothing is told before."""
        reading, pauses = self._reading, [LONGEST_PAUSE_S]
        if not self._machine.tells_power:
            battery = reading.power.source != "mains" or reading.power.battery_percent is not None
            pauses.append(ALLOWANCES[self._power].battery_look_s if battery else levels.NO_BATTERY_LOOK_S)
        if reading.idle_s is not None:
            pauses.append(GONE_LOOK_S if self._presence == "active" else BACK_LOOK_S)
        elif self._presence != "away":
            until_s = self._idle_after_s() if self._presence == "active" else levels.AWAY_S
            pauses.append(max(FRESH_S, until_s - reading.asked_s))
        if self._step[0] != "normal":
            pauses.append(STRAINED_LOOK_S)
        return min(pauses)

    def look(self) -> None:
        """Read the machine, and tell who must know what changed."""
        now_s, wall_s = self.clock.monotonic_s(), self.clock.now().timestamp()
        looked, self._looked = self._looked, (now_s, wall_s)
        slept_s = 0.0 if looked is None else (wall_s - looked[1]) - (now_s - looked[0])
        woke = self._machine.session.wakes > self._wakes
        self._wakes = self._machine.session.wakes
        self._reading = self._read(now_s)
        power = levels.power_level(self._reading.power, self._power)
        presence = levels.presence_of(self._reading, self._idle_after_s())
        step = self._degrade()
        self.rhythm.note(self._local_now(), presence == "active")
        before = (self._power, self._presence, self._step)
        self._power, self._presence, self._step = power, presence, step
        if woke or slept_s > JUMP_S:
            self._publish(Woke(max(0.0, slept_s)))
        if before[:2] != (power, presence):
            log.info("power %s, user %s", power, presence)
            self._publish(LevelChanged(power, presence, self.sentence))
        if before != (power, presence, step):
            self._ran = True
            self._announce(*before)
            self._tell_changed()

    def _read(self, now_s: float) -> Reading:
        session = self._machine.session
        return Reading(
            self._machine.power(), self._machine.idle_s(), now_s - self._touched_s, session.locked, session.in_front,
            session.asleep, session.idle,
        )  # fmt: skip

    def _degrade(self) -> tuple[Degradation, Cause]:
        try:
            return degrade(self._machine.pressure(), self._step[0])
        except OSError as error:
            log.debug("the machine does not tell what it is short of: %s", error)
            return self._step

    def _freshen(self) -> None:
        if self._looked is None or self.clock.monotonic_s() - self._looked[0] >= FRESH_S:
            self.look()

    def _idle_after_s(self) -> float:
        return levels.idle_after_s(self.rhythm.chance(self._local_now()))

    def _local_now(self) -> datetime:
        return self.clock.now().astimezone(self._zone)

    def _tell_changed(self) -> None:
        for hear in self._changed:
            try:
                hear()
            except Exception:
                log.exception("a change of level was not followed")

    # --- telling the user -----------------------------------------------------------------------------------------

    def _announce(self, power: PowerLevel, _presence: Presence, step: tuple[Degradation, Cause]) -> None:
        """Tell the user what changed since this power and step, where it changes what they can expect."""
        if self._step[0] != step[0]:
            log.log(logging.INFO if self._step[0] == "normal" else logging.WARNING, "%s", explain(*self._step))
            body = f"{explain(*self._step)} {advise(self._step[1])}".strip()
            priority: Priority = "low" if self._step[0] in ("normal", "no_background") else "normal"
            self._notify("health", tr("How the machine does"), body, priority)
        if self._power != power and self._power in ("low", "critical"):
            priority = "high" if self._power == "critical" else "normal"
            self._notify("power", tr("Battery"), self.sentence, priority)

    def _notify(self, key: str, title: str, body: str, priority: Priority) -> None:
        if self.notify is None:
            return
        notice = Notice(
            "machine", title, body, SYSTEM, priority, tr("It changes what the agent does by itself."), f"health.{key}"
        )
        self._tasks.start(self._tell(self.notify, notice), "tell of a level")

    @staticmethod
    async def _tell(notify: Notify, notice: Notice) -> None:
        try:
            await notify(notice)
        except UserError as error:
            log.warning("a level was not told: %s", error)

    # --- what is kept ---------------------------------------------------------------------------------------------

    async def _load_rhythm(self) -> None:
        try:
            await self.rhythm.load()
        except UserError as error:
            log.warning("the rhythm can't be read: %s", error)

    async def _record(self) -> None:
        """Record how things are, at most once in ten minutes, and only where something ran since."""
        now_s = self.clock.monotonic_s()
        if not self._ran or now_s - self._recorded_s < FINE_S:
            return
        self._ran, self._recorded_s = False, now_s
        await self.save()
        try:
            await self.record()
        except (UserError, OSError) as error:
            log.warning("nothing was recorded: %s", error)


async def _wait(news: asyncio.Event, pause_s: float) -> None:
    try:
        async with asyncio.timeout(pause_s):
            await news.wait()
    except TimeoutError:
        return
