"""The verbs `inbox list / approve / deny` and `audit show / verify`.

Owns their words, and that answers come from a person at a real terminal. Must not know how anything is done.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.cli.asking import confirm, describe, show
from openclaw_desktop.cli.terminal import is_real_terminal
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.walls.views import AuditView, InboxView


async def list_inbox(service: AgentService, arguments: argparse.Namespace) -> int:
    """List what waits for an answer."""
    entries = await service.list_inbox(arguments.all)
    if arguments.json:
        output.print_json({"entries": entries})
    elif entries:
        output.say("\n".join(_describe(entry) for entry in entries) + "\n")
    else:
        output.tell(tr("Nothing waits for an answer."))
    return ExitCode.DONE


async def approve(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show the exact call once more, and do it after a yes."""
    _check_terminal()
    entry = await _find(service, arguments.id)
    if entry.state == "open":
        asked = tr(
            "It wants to use {tool}, and waits since {at}, until {end}:",
            tool=entry.tool,
            at=entry.created_at[:16],
            end=entry.expires_at[:16],
        )
        show([*describe(tr("May the agent do this?"), asked, (entry.call,), entry.call.target, entry.origins)])
        if not await confirm(tr("Do exactly this, once? [y/N] ")):
            raise UserError("not_confirmed", tr("Nothing was done; it still waits."), "", ExitCode.DENIED)
    return _tell_end(arguments, await service.approve_parked(entry.id, entry.call_hash))


async def deny(service: AgentService, arguments: argparse.Namespace) -> int:
    """Say no."""
    _check_terminal()
    ended = await service.deny_parked(arguments.id)
    if arguments.json:
        output.print_json(ended)
    else:
        output.say(tr("Denied; it is not done.") + "\n")
    return ExitCode.DONE


def _check_terminal() -> None:
    if not is_real_terminal():
        raise UserError(
            "no_terminal",
            tr("The inbox is answered by a person: in the window, or at a real terminal."),
            tr("Open a terminal and try again."),
            ExitCode.DENIED,
        )


async def _find(service: AgentService, entry_id: str) -> InboxView:
    found = next((entry for entry in await service.list_inbox(True) if entry.id == entry_id), None)
    if found is None:
        raise UserError(
            "unknown_entry",
            tr("Nothing with the id {id} waits for an answer.", id=visible(entry_id)),
            tr("openclaw-agent inbox list shows what does."),
            ExitCode.USAGE,
        )
    return found


def _tell_end(arguments: argparse.Namespace, entry: InboxView) -> int:
    if arguments.json:
        output.print_json(entry)
    else:
        output.say(f"{entry.state}: {visible_lines(entry.outcome)}\n")
    return {"done": ExitCode.DONE, "denied": ExitCode.DENIED}.get(entry.state, ExitCode.FAILED)


def _describe(entry: InboxView) -> str:
    about = f": {entry.call.target}" if entry.call.target else ""
    lines = [f"{entry.id}  {entry.state}  {entry.tool}{about}"]
    if entry.origins:
        lines.append(tr("    follows from texts that you did not write: {origins}", origins=", ".join(entry.origins)))
    if entry.state == "open":
        lines.append(tr("    since {at}, until {end}", at=entry.created_at[:16], end=entry.expires_at[:16]))
    elif entry.outcome:
        lines.append(f"    {visible(entry.outcome)}")
    return "\n".join(lines)


async def show_audit(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show the last rows of the audit log."""
    rows = await service.show_audit(arguments.last)
    if arguments.json:
        output.print_json({"rows": rows})
    elif rows:
        output.say("\n".join(_describe_row(row) for row in rows) + "\n")
    else:
        output.tell(tr("No tool was called yet."))
    return ExitCode.DONE


def _describe_row(row: AuditView) -> str:
    about = f"  {row.target}" if row.target else ""
    why = f"  ({row.reason})" if row.reason else ""
    return f"{row.id}  {row.at[:19]}  {row.tool}  {row.event}: {row.value}{why}  {row.integrity}{about}"


async def verify_audit(service: AgentService, arguments: argparse.Namespace) -> int:
    """Go through the audit log and name the first row that is not as it was written."""
    verdict = await service.verify_audit()
    if arguments.json:
        output.print_json(verdict)
    elif verdict.broken is None:
        output.say(tr("The audit log is whole: {rows} rows.", rows=verdict.rows) + "\n")
    else:
        output.say(verdict.problem + "\n")
    return ExitCode.DONE if verdict.broken is None else ExitCode.FAILED


VERBS = {
    "inbox list": list_inbox,
    "inbox approve": approve,
    "inbox deny": deny,
    "audit show": show_audit,
    "audit verify": verify_audit,
}
