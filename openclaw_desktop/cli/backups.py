"""The verbs `backup create / list / restore / discard`.

Owns their words. A restore runs here and not in the agent: it needs the memory closed. Must not know how it is done.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.cli.encryption import read_recovery_code
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService, BackupView, RestoreView
from openclaw_desktop.service.status_views import Finding
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


async def list_without_agent(home: Home, arguments: argparse.Namespace, failure: Failure) -> int:
    """List the copies where `failure` keeps the memory itself from being opened: that is when they are needed."""
    from openclaw_desktop.service.memory.closed_home import list_closed

    listed = await list_closed(home)
    output.tell_failure(failure)
    return _show(arguments, listed)


def _show(arguments: argparse.Namespace, backups: tuple[BackupView, ...]) -> int:
    if arguments.json:
        output.print_json({"backups": backups})
    elif backups:
        output.say("\n".join(_describe(backup) for backup in backups) + "\n")
    else:
        output.tell(tr("There is no backup yet. Make one: openclaw-agent backup create"))
    return ExitCode.DONE


def _describe(backup: BackupView) -> str:
    state = ", ".join(filter(None, (tr("whole") if backup.ok else "", backup.note)))
    size = f"{backup.size_bytes / 1_000_000:.1f} MB"
    return f"{backup.name}  {backup.made_at[:19].replace('T', ' ')}  {size}  {backup.reason}  {state}"


async def restore(home: Home, arguments: argparse.Namespace) -> int:
    """Put a copy in the place of the memory, after a word of the user's."""
    question = tr(
        "Put the backup {name} in the place of the present memory, which is kept aside? [y/N] ",
        name=visible(arguments.name),
    )
    if not arguments.yes and not await _is_sure(question):
        raise UserError(
            "not_confirmed",
            tr("Nothing was changed: a restore replaces the present memory."),
            tr("Add --yes if you mean it; what is there now is kept beside the backups."),
            ExitCode.DENIED,
        )
    code = await read_recovery_code() if arguments.code else None
    from openclaw_desktop.service.memory.closed_home import restore_closed

    done = await restore_closed(home, arguments.name, code)
    if arguments.json:
        output.print_json(done)
    else:
        output.say(describe_restore(done) + "\n")
    if code is not None:
        output.tell(tr("Put its key back where it belongs: openclaw-agent memory recover"))
    return ExitCode.DONE


async def discard(home: Home, arguments: argparse.Namespace) -> int:
    """Delete the damaged files that were kept aside, after a word of the user's."""
    question = tr("Delete the damaged files that were kept aside? What only they hold is lost then. [y/N] ")
    if not arguments.yes and not await _is_sure(question):
        raise UserError(
            "not_confirmed",
            tr("Nothing was deleted: what only a damaged file holds is lost with it."),
            tr("Add --yes if you mean it."),
            ExitCode.DENIED,
        )
    from openclaw_desktop.service.memory.closed_home import discard_damaged

    removed = await discard_damaged(home)
    if arguments.json:
        output.print_json({"removed": removed})
    elif removed:
        output.say("\n".join([tr("Deleted:"), *(f"  {visible(path)}" for path in removed)]) + "\n")
    else:
        output.tell(tr("No damaged file was kept aside here."))
    return ExitCode.DONE


async def _is_sure(question: str) -> bool:
    if not is_real_terminal():
        return False
    return (await read_line(question) or "").strip().lower() in ("y", "yes")


def describe_restore(done: RestoreView) -> str:
    """Return what a restore did, in words."""
    lines = [tr("The memory is that of {name} again.", name=done.name)]
    if done.kept:
        lines.append(tr("What was there before is kept as {kept}.", kept=done.kept))
    if done.salvaged:
        lines.append(done.salvaged)
    if done.was_plain:
        lines.append(tr("That backup is not encrypted; the memory is. Delete the backup if nobody may read it."))
    if done.erased:
        lines.append(tr("{count} erased memories stay erased.", count=done.erased))
    return "\n".join(lines)


async def repair_damaged(home: Home) -> Finding:
    """Restore the newest good copy in the place of a damaged file, for `doctor --fix`."""
    from openclaw_desktop.service.memory.closed_home import restore_closed

    done = await restore_closed(home, "latest")
    return Finding("database", "ok", " ".join(describe_restore(done).splitlines()))
