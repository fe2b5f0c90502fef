"""The verbs `backup create / list / restore`.

Owns their words. A restore runs here and not in the agent: it needs the memory closed. Must not know how it is done.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.runtime import list_closed, restore_closed
from openclaw_desktop.service.api import AgentService, BackupView, Finding, RestoreView
from openclaw_desktop.system.paths import Home


async def create_backup(service: AgentService, arguments: argparse.Namespace) -> int:
    """Make a copy now."""
    backup = await service.create_backup()
    if arguments.json:
        output.print_json(backup)
    else:
        output.say(tr("Kept as {path}, and found whole.", path=backup.path) + "\n")
    return ExitCode.DONE


async def list_backups(service: AgentService, arguments: argparse.Namespace) -> int:
    """List the copies through the agent."""
    return _show(arguments, await service.list_backups())


async def list_without_agent(home: Home, arguments: argparse.Namespace) -> int:
    """List the copies where the memory itself can't be opened: that is when they are needed."""
    return _show(arguments, await list_closed(home))


def _show(arguments: argparse.Namespace, backups: tuple[BackupView, ...]) -> int:
    if arguments.json:
        output.print_json({"backups": backups})
    elif backups:
        output.say("\n".join(_describe(backup) for backup in backups) + "\n")
    else:
        output.tell(tr("There is no backup yet. Make one: openclaw-agent backup create"))
    return ExitCode.DONE


def _describe(backup: BackupView) -> str:
    state = tr("whole") if backup.ok else tr("damaged, or of another key")
    size = f"{backup.size_bytes / 1_000_000:.1f} MB"
    return f"{backup.name}  {backup.made_at[:19].replace('T', ' ')}  {size}  {backup.reason}  {state}"


async def restore(home: Home, arguments: argparse.Namespace) -> int:
    """Put a copy in the place of the memory, after a word of the user's."""
    if not arguments.yes and not await _is_sure(arguments.name):
        raise UserError(
            "not_confirmed",
            tr("Nothing was changed: a restore replaces the present memory."),
            tr("Add --yes if you mean it; what is there now is kept beside the backups."),
            ExitCode.DENIED,
        )
    done = await restore_closed(home, arguments.name)
    if arguments.json:
        output.print_json(done)
    else:
        output.say(describe_restore(done) + "\n")
    return ExitCode.DONE


async def _is_sure(name: str) -> bool:
    if not is_real_terminal():
        return False
    answer = await read_line(
        tr("Put the backup {name} in the place of the present memory, which is kept aside? [y/N] ", name=visible(name))
    )
    return (answer or "").strip().lower() in ("y", "yes")


def describe_restore(done: RestoreView) -> str:
    """Return what a restore did, in words."""
    lines = [tr("The memory is that of {name} again.", name=done.name)]
    if done.kept:
        lines.append(tr("What was there before is kept as {kept}.", kept=done.kept))
    if done.erased:
        lines.append(tr("{count} erased memories stay erased.", count=done.erased))
    return "\n".join(lines)


async def repair_damaged(home: Home) -> Finding:
    """Restore the newest good copy in the place of a damaged file, for `doctor --fix`."""
    done = await restore_closed(home, "latest")
    return Finding("database", "ok", " ".join(describe_restore(done).splitlines()))
