"""`openclaw-agent serve`: the same runtime on plain asyncio, without Qt, for a service manager.

Owns the process's signals and what systemd is told. Must not know the parts.
"""

from __future__ import annotations

import asyncio
import os
import signal

from openclaw_desktop.cli.logs import is_journal, log_to_file
from openclaw_desktop.cli.terminal import on_interrupt
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.runtime import attach_or_start
from openclaw_desktop.system.paths import Home
from openclaw_desktop.system.service_notify import ServiceNotifier, watchdog_interval_s


async def serve(home: Home) -> int:
    """Run until SIGTERM or SIGINT; raises UserError where an agent runs for this home already."""
    agent = await attach_or_start(home, "serve", "serve")
    if agent.attached:
        await agent.stop()
        raise UserError(
            "already_running",
            tr("An agent is running for this home already."),
            tr("Talk to it with openclaw-agent ask, or see openclaw-agent status."),
        )
    if not is_journal(os.environ):
        log_to_file(home)
    notifier = ServiceNotifier(os.environ)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        on_interrupt(number, ended.set)
    notifier.ready()
    if agent.vitals is not None:
        agent.vitals.start(notifier, watchdog_interval_s(os.environ))
    try:
        await ended.wait()
    finally:
        if agent.vitals is not None:
            await agent.vitals.stop()
        notifier.stopping()
        await agent.stop()
    return ExitCode.DONE
