"""`openclaw-agent memory consolidate`: what was said is read for facts now.

Owns the words for what a run did.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService, ConsolidationView


async def consolidate(service: AgentService, arguments: argparse.Namespace) -> int:
    """Consolidate, and say what changed."""
    done = await service.consolidate_memories()
    if arguments.json:
        output.print_json(done)
    else:
        output.say("\n".join(describe(done)) + "\n")
    return ExitCode.DONE


def describe(done: ConsolidationView) -> list[str]:
    """Return what a run did, in lines for people."""
    words = {
        "added": tr("facts added"),
        "merged": tr("said again"),
        "superseded": tr("no longer so"),
        "dated": tr("dated by their own words"),
        "retiered": tr("moved to another tier"),
        "dropped": tr("facts dropped, what was said stays"),
        "held": tr("facts due to go by age, too many at once: if the clock is right, openclaw-agent memory tidy --yes"),
        "summarised": tr("old chats summed up"),
        "runs": tr("old runs dropped from the history"),
    }
    lines = [tr("Read {count} memories.", count=done.read)]
    lines += [f"  {done.changes[action]}  {text}" for action, text in words.items() if done.changes.get(action)]
    if not done.changes:
        lines.append(tr("Nothing changed."))
    if done.run_id is not None:
        lines.append(
            tr(
                "openclaw-agent memory runs {run} shows each change, memory undo {run} takes them back.",
                run=done.run_id,
            )
        )
    if done.stopped == "disk":
        lines.append(tr("It stopped because the disk is full. Free some space and try again."))
    if done.missing_bytes:
        over = _megabytes(done.missing_bytes)
        lines.append(
            tr("The memory is {count} MB over its limit: raise memory.limit_mb, or forget something.", count=over)
        )
    if done.missing_disk_bytes:
        lacking = _megabytes(done.missing_disk_bytes)
        lines.append(tr("The disk lacks {count} MB of what must stay free: free some space on it.", count=lacking))
    return lines


def _megabytes(count: int) -> int:
    return -(-count // 1_000_000)
