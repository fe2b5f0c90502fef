"""`openclaw-agent service install / remove / status`: what starts the agent by itself.

Owns the words for it. It needs no running agent. Must not know how an entry is written.
"""

from __future__ import annotations

import argparse
import os
import sys

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.lifecycle.launch import LaunchDesk, Launched, LaunchKind, LaunchView
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.system.paths import Home, prepare

TITLES = {"service": tr("service of yours"), "system": tr("service of this machine"), "tray": tr("tray at login")}


async def run(home: Home, arguments: argparse.Namespace) -> int:
    """Do one of the three."""
    desk = LaunchDesk(home)
    match arguments.action:
        case "install":
            return await _install(home, desk, arguments)
        case "remove":
            return _remove(desk, arguments)
        case _:
            return _status(desk, arguments)


def wanted_kind(*, system: bool, tray: bool) -> LaunchKind:
    """Return which way is asked for; elsewhere than on Linux there is the tray alone."""
    if system:
        return "system"
    return "tray" if tray or sys.platform != "linux" else "service"


async def install(home: Home, desk: LaunchDesk, kind: LaunchKind, *, start: bool = True) -> tuple[Launched, list[str]]:
    """Install that way and start the service unless an agent runs; return what was done, with sentences on it."""
    if kind != "system":
        prepare(home)  # a home that can't be used is told now, not at the next login
    done = desk.install(kind)
    lines = [tr("{what} is installed: {place}", what=TITLES[kind], place=done.place)]
    lines += [tr("{what} is taken away: one thing starts the agent.", what=TITLES[other]) for other in done.replaced]
    if kind == "tray":
        return done, [*lines, tr("It starts the next time you log in.")]
    running = None if kind == "system" else await RemoteService.connect(home.socket)
    if running is not None:
        await running.close()
        return done, [*lines, tr("An agent is running now; the service takes over at the next login.")]
    if start:
        (desk.system if kind == "system" else desk.service).start()
        lines.append(tr("It is started."))
    if kind == "service":
        lines.append(tr("It runs while you are logged in. To run it from the machine's start: loginctl enable-linger"))
    return done, lines


async def _install(home: Home, desk: LaunchDesk, arguments: argparse.Namespace) -> int:
    kind = wanted_kind(system=arguments.system, tray=arguments.tray)
    done, lines = await install(home, desk, kind, start=not arguments.no_start)
    if arguments.json:
        output.print_json(done)
    else:
        output.say("\n".join(lines) + "\n")
    return ExitCode.DONE


def _remove(desk: LaunchDesk, arguments: argparse.Namespace) -> int:
    kinds: tuple[LaunchKind, ...] = ("system",) if arguments.system else ("service", "tray")
    removed = [kind for kind in kinds if kind in desk.installed() and desk.remove(kind)]
    if not removed and not arguments.system and "system" in desk.installed():
        raise UserError(
            "needs_root",
            tr("What starts an agent here belongs to the machine."),
            tr("sudo openclaw-agent service remove --system"),
            ExitCode.DENIED,
        )
    if arguments.json:
        output.print_json({"removed": removed})
    elif removed:
        output.say("\n".join(tr("{what} is taken away.", what=TITLES[kind]) for kind in removed) + "\n")
    else:
        output.say(tr("Nothing starts the agent by itself.") + "\n")
    return ExitCode.DONE


def _status(desk: LaunchDesk, arguments: argparse.Namespace) -> int:
    views = desk.views()
    if arguments.json:
        output.print_json({"ways": views})
    else:
        output.say("\n".join(_line(view) for view in views) + "\n")
    return ExitCode.DONE


def _line(view: LaunchView) -> str:
    if not view.installed:
        return tr("{what}: no", what=TITLES[view.kind])
    words = [tr("yes")]
    words += [tr("running") if view.active else tr("not running")] if view.active is not None else []
    words += [view.problem] if view.problem else []
    return tr("{what}: {words} ({place})", what=TITLES[view.kind], words=", ".join(words), place=view.place)


def default_kind(desk: LaunchDesk) -> LaunchKind | None:
    """Return the way that suits this session: the tray where there is a screen, else the service; None: neither."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return "tray"
    return "service" if desk.service.reachable() else None
