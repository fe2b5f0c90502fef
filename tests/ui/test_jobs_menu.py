"""Scheduled jobs in the tray's menu: what waits is said, and a built-in job is one click away."""

from __future__ import annotations

from typing import Any

from scripted_service import ScriptedService
from ui_bench import Bench, on_loop, until

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.service.jobs.views import HeartbeatStatus, JobsStatus
from openclaw_desktop.ui.jobs_menu import JobsMenu
from openclaw_desktop.ui.tray import Tray

WAITING = JobsStatus(
    5, "morning-brief", "2026-11-30T08:00:00+01:00", waiting=3, waits="3 jobs wait for mains",
    heartbeat=HeartbeatStatus(True, "2026-11-29T12:00:00+01:00", "Nothing is new since the beat before.",
                              "2026-11-29T12:30:00+01:00"),
)  # fmt: skip


async def attach(service: ScriptedService) -> tuple[Tray, JobsMenu]:
    tray = Tray()
    jobs = JobsMenu(tray.menu, tray.state_line)
    agent: Any = service
    await jobs.attach(agent)
    return tray, jobs


@on_loop
async def test_the_menu_says_what_waits_and_how_the_heart_beats(bench: Bench) -> None:
    service = ScriptedService()
    tray, jobs = await attach(service)
    assert not jobs.waits.isVisible() and not jobs.heartbeat.isVisible() and not jobs.following.isVisible()
    service.jobs = WAITING
    tray.menu.aboutToShow.emit()
    await until(jobs.waits.isVisible)
    assert jobs.waits.text() == "3 jobs wait for mains" and not jobs.waits.isEnabled()
    assert jobs.following.text().startswith("Next: morning-brief, ")
    assert "Nothing is new" in jobs.heartbeat.text() and jobs.heartbeat.isVisible()
    actions = tray.menu.actions()
    assert actions.index(jobs.waits) < actions.index(tray.state_line)
    service.jobs = JobsStatus(missed=2)
    jobs.refresh()
    await until(lambda: not jobs.waits.isVisible())
    assert jobs.problem.text() == "2 missed runs to look at"
    await jobs.close()


@on_loop
async def test_a_built_in_job_is_switched_by_a_click(bench: Bench) -> None:
    service = ScriptedService()
    _, jobs = await attach(service)
    switch = jobs.switches["morning-brief"]
    assert switch.isCheckable() and not switch.isChecked()
    switch.trigger()
    await until(lambda: "morning-brief" in service.jobs_on)
    await until(switch.isChecked)
    switch.trigger()
    await until(lambda: not service.jobs_on)
    service.jobs_error = UserError("full", "The disk is full.")
    switch.trigger()
    await until(lambda: jobs.problem.text() == "The disk is full.")
    assert not switch.isChecked(), "what was not done does not look done"
    await jobs.close()
