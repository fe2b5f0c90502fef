"""`openclaw-agent memory …` and `forget`: memory by hand, in the terminal.

Owns the words, and when a person is asked first. Must not know how anything is done.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from openclaw_desktop.cli import memory_output as words
from openclaw_desktop.cli import output
from openclaw_desktop.cli.terminal import is_real_terminal, read_line
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.memory.api import ErasurePreview, MemoryEdit, MemoryQuery, MemoryView

PAGE = 200


async def forget(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show what an erasure would take and ask a person who is there; then erase, and print the receipt."""
    ids = tuple(dict.fromkeys(arguments.ids))
    asks = not (arguments.yes or arguments.json or arguments.dry_run) and is_real_terminal()
    seen = await service.preview_forget(ids) if arguments.dry_run or arguments.quotes or asks else None
    if seen is not None and arguments.quotes and seen.mentions:
        ids = (*ids, *seen.mention_ids)
        seen = replace(await service.preview_forget(ids), unknown=seen.unknown)
    if arguments.dry_run:
        _print(arguments, seen, words.describe_erasure(seen) if seen else "")
        return ExitCode.FAILED if seen is not None and seen.unknown else ExitCode.DONE
    if asks and seen is not None and not await _erase_anyway(seen):
        output.tell(tr("Nothing was erased."))
        return ExitCode.DENIED
    receipt = await service.forget(ids)
    _print(arguments, {"forgotten": receipt.forgotten, "receipt": receipt}, words.describe_receipt(receipt, len(ids)))
    if receipt.pending:
        output.tell(receipt.pending)
    if receipt.forgotten < len(ids):
        output.tell(tr("Not every id was known; recall shows them."))
        return ExitCode.FAILED
    return ExitCode.DONE


async def _erase_anyway(seen: ErasurePreview) -> bool:
    if not seen.going and not any(seen.counts.values()):
        return True  # there is nothing to lose, and the answer says so
    output.tell(words.describe_erasure(seen))
    return await _agreed(tr("Erase all of this, for good? [y/N] "))


async def show_stats(service: AgentService, arguments: argparse.Namespace) -> int:
    """Say what is kept."""
    stats = await service.memory_stats()
    _print(arguments, stats, words.describe_stats(stats))
    return ExitCode.DONE


async def list_memories(service: AgentService, arguments: argparse.Namespace) -> int:
    """List memories, newest first."""
    query = MemoryQuery(arguments.tier, arguments.kind, arguments.since, arguments.contains, arguments.all)
    found: list[MemoryView] = []
    offset: int | None = 0
    total = 0
    while offset is not None and len(found) < arguments.n:
        wanted = min(PAGE, arguments.n - len(found))
        page = await service.list_memories(replace(query, limit=wanted, offset=offset))
        found += page.memories
        offset, total = page.next_offset, page.total
    if arguments.json:
        output.print_json({"memories": found, "total": total})
    elif found:
        output.say("\n".join(words.describe_memory(memory) for memory in found) + "\n")
        if total > len(found):
            output.tell(tr("{shown} of {total}; -n shows more.", shown=len(found), total=total))
    else:
        output.tell(tr("Nothing like that is kept."))
    return ExitCode.DONE


async def show_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show one memory with all that belongs to it."""
    detail = await service.show_memory(arguments.id)
    _print(arguments, detail, words.describe_detail(detail))
    return ExitCode.DONE


async def edit_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Change a memory."""
    edit = MemoryEdit(arguments.text, arguments.importance, arguments.valid_from, arguments.valid_to, arguments.expires)
    return await _edit(service, arguments, edit)


async def pin_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Pin a memory: it never expires, and counts as important."""
    return await _edit(service, arguments, MemoryEdit(pinned=True))


async def unpin_memory(service: AgentService, arguments: argparse.Namespace) -> int:
    """Unpin a memory."""
    return await _edit(service, arguments, MemoryEdit(pinned=False))


async def _edit(service: AgentService, arguments: argparse.Namespace, edit: MemoryEdit) -> int:
    run = await service.edit_memory(arguments.id, edit)
    undo = tr("Changed. openclaw-agent memory undo {run} takes it back.", run=run.id)
    changes = (await service.show_memory_run(run.id)).changes
    if ended := sum(change.action == "superseded" for change in changes):
        undo += "\n" + tr("It ended {count} that said otherwise; openclaw-agent memory runs {run} shows it.",
                          count=ended, run=run.id)  # fmt: skip
    _print(arguments, {"run": run, "memory": (await service.show_memory(arguments.id)).memory}, undo)
    return ExitCode.DONE


async def list_runs(service: AgentService, arguments: argparse.Namespace) -> int:
    """List what changed memories, or show one run with its changes."""
    if arguments.run is not None:
        detail = await service.show_memory_run(arguments.run)
        _print(arguments, detail, words.describe_run_detail(detail))
        return ExitCode.DONE
    runs = await service.memory_runs(arguments.n)
    if not runs and not arguments.json:
        output.tell(tr("Nothing was changed in the last 90 days."))
    else:
        _print(arguments, {"runs": runs}, "\n".join(words.describe_run(run) for run in runs))
    return ExitCode.DONE


async def undo_run(service: AgentService, arguments: argparse.Namespace) -> int:
    """Take a run back, the last one where none is named."""
    run = await service.undo_memory_run(arguments.run)
    sentence = tr("Run {run} is taken back: {count} changes.", run=run.id, count=run.changes)
    _print(arguments, run, sentence)
    if not arguments.json:
        output.tell(tr("What it had done:"))
        output.tell(words.describe_run_detail(await service.show_memory_run(run.id)))
    return ExitCode.DONE


async def export_memories(service: AgentService, arguments: argparse.Namespace) -> int:
    """Write all memories to a file, or to a folder of Markdown files."""
    done = await service.export_memories(_whole_path(arguments.path), arguments.format, arguments.force)
    _print(arguments, done, words.describe_export(done))
    return ExitCode.DONE


async def import_memories(service: AgentService, arguments: argparse.Namespace) -> int:
    """Show what an import would bring, and import it on the user's word."""
    path = _whole_path(arguments.path)
    seen = await service.preview_import(path, arguments.source, arguments.mine)
    if not arguments.json:
        output.say(words.describe_import(seen, arguments.mine) + "\n")
    if not seen.new:
        if arguments.json:
            output.print_json({"preview": seen, "imported": None})
        else:
            output.tell(tr("There is nothing new in it."))
        return ExitCode.DONE
    agreed = arguments.yes
    if not agreed and not arguments.json and is_real_terminal():
        agreed = await _agreed(tr("Import it? [y/N] "))
        if not agreed:
            output.tell(tr("Nothing was imported."))
            return ExitCode.DENIED
    if not agreed:
        output.tell(tr("Nothing was imported yet: add --yes to import it."))
        if arguments.json:
            output.print_json({"preview": seen, "imported": None})
        return ExitCode.DONE
    done = await service.import_memories(path, seen.form, arguments.mine)
    sentence = tr(
        "Imported {count}. openclaw-agent memory undo {run} takes it back.", count=done.added, run=done.run_id
    )
    _print(arguments, {"preview": seen, "imported": done}, sentence)
    return ExitCode.DONE


async def tidy_memories(service: AgentService, arguments: argparse.Namespace) -> int:
    """Let memories age now, and those end whose end has come."""
    done = await service.tidy_memories(arguments.yes)
    _print(arguments, done, words.describe_tidy(done))
    return ExitCode.DONE


async def _agreed(question: str) -> bool:
    answer = (await read_line(question) or "").strip().lower()
    return answer in (tr("y"), tr("yes"))


def _print(arguments: argparse.Namespace, document: object, sentence: str) -> None:
    if arguments.json:
        output.print_json(document)
    else:
        output.say(sentence + "\n")


def _whole_path(path: str) -> str:
    """Return `path` absolute: the agent may run in another folder. Raises UserError where there is none."""
    if not path.strip():
        raise UserError("no_path", tr("There is no path."), tr("Name a file or folder."), ExitCode.USAGE)
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError:  # "~nobody": the agent says that nothing is there
        return path


VERBS = {
    "forget": forget,
    "memory forget": forget,
    "memory stats": show_stats,
    "memory list": list_memories,
    "memory show": show_memory,
    "memory edit": edit_memory,
    "memory pin": pin_memory,
    "memory unpin": unpin_memory,
    "memory runs": list_runs,
    "memory undo": undo_run,
    "memory export": export_memories,
    "memory import": import_memories,
    "memory tidy": tidy_memories,
}
