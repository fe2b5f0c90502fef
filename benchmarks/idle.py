"""What the tray costs while nobody uses it: processor time and wake-ups of all our processes.

What has its own hour is not idleness: a copy of the memory, which is due an hour after the last one and two minutes
after a first start, is made before. It costs some 40 wake-ups, 0.01/s over its hour.

The popup was shown once and is hidden; the model that it had read the beginning of a prompt is at rest. A wake-up is a
voluntary context switch of any thread: each time that one goes back to sleep. CPU time is in nanoseconds, from the
scheduler.
"""

from __future__ import annotations

import time

from benchmarks import desk, popup, processes
from benchmarks.results import MET, MISSED, Options, Row
from benchmarks.screen import Screen

CPU_BAR_PERCENT, WAKES_BAR_PER_S = 0.05, 0.3
SETTLE_S = 20
# Work that the start and the popup left ends, such as a model's reading: until so little is used in so long.
QUIET_S, QUIET_CPU_S, LONGEST_S = 5, 0.01, 300


def measure(options: Options) -> list[Row]:
    """Leave the tray alone for a while and return what it did all the same."""
    seconds = 30 if options.quick else 120
    with desk.desktop(options) as session:
        home = desk.warm_home(session.folder / "measured", session.env)
        desk.command_line(home, session.env, "backup", "create")
        tray = session.start(desk.TRAY, "--hidden", "--home", home)
        desk.wait_until_settled(home, session.env)
        screen = Screen(session.name)
        screen.wait_until_quiet()
        popup.learn(screen)
        popup.hide(screen)
        screen.close()
        # The only waits by the clock: what the start left to do ends, then idleness itself is watched.
        time.sleep(SETTLE_S)
        _wait_until_quiet(tray.pid)
        members = processes.family(tray.pid)
        before, started_s = processes.usage(members), time.monotonic()
        time.sleep(seconds)
        after, taken_s = processes.usage(processes.family(tray.pid)), time.monotonic() - started_s
        session.stop(tray)
    _print_threads(before, after)
    grown = processes.growth(before, after)
    cpu_percent = 100 * sum(cpu_s for _, cpu_s in grown.values()) / taken_s
    wakes_per_s = sum(wakes for wakes, _ in grown.values()) / taken_s
    cpu_each = ", ".join(f"{role} {100 * cpu_s / taken_s:.4f} %" for role, (_, cpu_s) in grown.items())
    wakes_each = ", ".join(f"{role} {wakes / taken_s:.3f}/s" for role, (wakes, _) in grown.items())
    return [
        Row(
            "idle processor time",
            f"<= {CPU_BAR_PERCENT} %",
            f"{cpu_percent:.4f} % over {taken_s:.0f} s ({cpu_each})",
            MET if cpu_percent <= CPU_BAR_PERCENT else MISSED,
            1,
        ),
        Row(
            "idle wake-ups",
            f"<= {WAKES_BAR_PER_S}/s",
            f"{wakes_per_s:.3f}/s over {taken_s:.0f} s ({wakes_each})",
            MET if wakes_per_s <= WAKES_BAR_PER_S else MISSED,
            1,
        ),
    ]


def _wait_until_quiet(pid: int) -> None:
    deadline_s = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline_s:
        before = processes.usage(processes.family(pid))
        time.sleep(QUIET_S)
        grown = processes.growth(before, processes.usage(processes.family(pid)))
        if sum(cpu_s for _, cpu_s in grown.values()) <= QUIET_CPU_S:
            return


def _print_threads(before: dict[int, processes.Usage], after: dict[int, processes.Usage]) -> None:
    """Print who woke up, for the case that the bar is missed."""
    for pid, now in after.items():
        then = before.get(pid, processes.Usage(now.role))
        for thread, count in now.switches.items():
            wakes = count - then.switches.get(thread, 0)
            cpu_ms = 1000 * (now.cpu_s[thread] - then.cpu_s.get(thread, 0.0))
            if wakes or cpu_ms:
                who = f"{now.role} {pid} thread {thread} ({now.names[thread]})"
                print(f"   {who}: {wakes} wake-ups, {cpu_ms:.2f} ms")
