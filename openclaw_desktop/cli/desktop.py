"""`openclaw-desktop`: the tray program.

Owns the way from the command line to the tray: one instance, a screen, the runtime behind the window. Qt is imported
once it is clear that there is a screen; the runtime once the icon shows.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from openclaw_desktop import __version__

if TYPE_CHECKING:
    from openclaw_desktop.system.paths import Home
    from openclaw_desktop.ui.application import Front, Rescue


def main() -> int:
    """Run the program and return its exit code."""
    if sys.argv[1:2] == ["worker"]:
        from openclaw_desktop.cli.worker import run_worker

        return run_worker(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="openclaw-desktop", description="Your personal agent, in the tray.", allow_abbrev=False
    )
    parser.add_argument("--hidden", action="store_true", help="start without opening the chat")
    parser.add_argument("--toggle-chat", action="store_true", help="show or hide the chat of the running agent")
    parser.add_argument("--home", type=Path, metavar="DIR", help="keep everything under this folder")
    parser.add_argument("--version", action="version", version=f"openclaw-desktop {__version__}")
    arguments = parser.parse_args()
    os.umask(0o077)  # what we write is the user's alone
    return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from openclaw_desktop.core.errors import ExitCode, UserError
    from openclaw_desktop.core.text import tr
    from openclaw_desktop.system.paths import find_home

    try:
        home = find_home(arguments.home, os.environ)
    except UserError as error:
        sys.stderr.write(error.failure.text + "\n")
        return error.failure.exit_code
    if home.socket.exists() and _reach(home, "toggle" if arguments.toggle_chat else "show"):
        return ExitCode.DONE
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        sys.stderr.write(
            tr("There is no display here, so no tray. Run the agent without a screen: openclaw-agent serve") + "\n"
        )
        return ExitCode.FAILED
    try:
        from openclaw_desktop.ui.application import run_desktop
    except ImportError as error:
        sys.stderr.write(
            tr(
                "The window libraries are missing ({reason}). Install the desktop extra, or run: openclaw-agent serve",
                reason=error,
            )
            + "\n"
        )
        return ExitCode.FAILED
    return run_desktop(
        lambda: _build(home),
        make_rescue=lambda: _make_rescue(home),
        hidden=arguments.hidden,
        show_first=arguments.toggle_chat,
    )


def _reach(home: Home, action: str) -> bool:
    """Ask a running tray for its window; False where none listens (a headless agent may: then we attach to it)."""
    import asyncio

    from openclaw_desktop.core.errors import UserError
    from openclaw_desktop.service.remote import RemoteService

    async def reach() -> bool:
        remote = await RemoteService.connect(home.socket)
        if remote is None:
            return False
        try:
            return await remote.request_window("toggle" if action == "toggle" else "show")
        except UserError:
            return False
        finally:
            await remote.close()

    return asyncio.run(reach())


def _make_rescue(home: Home) -> Rescue:
    from openclaw_desktop.cli.rescue import HomeRescue

    return HomeRescue(home, lambda code: _build(home, code))


async def _build(home: Home, code: str | None = None) -> Front:
    """Attach to a running agent, or become it, by the recovery code where there is one; called once the icon shows."""
    from openclaw_desktop.cli.logs import log_to_file
    from openclaw_desktop.runtime import attach_or_start
    from openclaw_desktop.system.paths import prepare
    from openclaw_desktop.system.service_notify import ServiceNotifier, watchdog_interval_s
    from openclaw_desktop.ui.application import Front

    prepare(home)
    log_to_file(home)
    agent = await attach_or_start(home, "tray", "tray", code)
    desktop, vitals = agent.desktop, agent.vitals
    if vitals is not None:
        vitals.start(ServiceNotifier(os.environ), watchdog_interval_s(os.environ))

    async def stop() -> None:
        if vitals is not None:
            await vitals.stop()
        await agent.stop()

    return Front(
        service=agent.service,
        shutdown=stop,
        register_hotkey=desktop.register_hotkey if desktop else None,
        activate=desktop.activate if desktop else None,
        attached=agent.attached,
    )


if __name__ == "__main__":
    raise SystemExit(main())
