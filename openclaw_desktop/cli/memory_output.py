"""What the memory verbs print for people.

Owns the form of it. Text that was said is shown with nothing hidden in it.
"""

from __future__ import annotations

from typing import Any

from openclaw_desktop.core.text import tr, visible, visible_lines
from openclaw_desktop.service.memory.api import (
    ChangeView,
    ErasurePreview,
    ErasureView,
    ExportView,
    ImportPreview,
    MemoryDetail,
    MemoryStats,
    MemoryView,
    RunDetail,
    RunView,
    TidyView,
)

LINE_CHARS = 160
# What goes with memories, by the kinds of a receipt.
_ALONG = {
    "messages": tr("messages of your chats"), "extracts": tr("extracts of long chats"), "vectors": tr("vectors"),
    "neighbours": tr("texts kept beside others"), "changes": tr("entries of the history of changes"),
    "scratch": tr("results kept for a while"), "notices": tr("notices"), "calls": tr("calls of tools"),
}  # fmt: skip


_NAMES = _ALONG | {"copies": tr("backups written anew"), "removed": tr("removed before")}


def describe_stats(stats: MemoryStats) -> str:
    """Return the counts as lines."""
    lines = [tr("{total} memories in {size} KiB", total=f"{stats.total:,}", size=f"{stats.db_bytes // 1024:,}")]
    for tier, kinds in stats.count.items():
        inside = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items())) or tr("none")
        lines.append(f"  {tier:7} {inside}")
    if stats.oldest is not None and stats.newest is not None:
        lines.append(tr("from {oldest} to {newest}", oldest=stats.oldest[:10], newest=stats.newest[:10]))
    lines.append(
        tr(
            "{facts} % are facts; {pinned} pinned, {superseded} superseded, {expired} expired, {untrusted} not trusted",
            facts=f"{100 * stats.facts_share:.0f}", pinned=stats.pinned, superseded=stats.superseded,
            expired=stats.expired, untrusted=stats.untrusted,
        )
    )  # fmt: skip
    for limit in stats.limits:
        share = round(100 * limit.used / limit.limit) if limit.limit else 0
        lines.append(f"{limit.name}: {limit.used:,} / {limit.limit:,} {limit.unit} ({share} %)")
    if stats.unfinished:
        lines.append(tr("An erasure is not done yet: the files are written anew when the machine is idle."))
    return "\n".join(lines)


def describe_memory(memory: MemoryView) -> str:
    """Return one memory as a line."""
    marks = "".join(
        mark
        for mark, holds in (
            ("*", memory.pinned),
            ("!", memory.label.integrity == "untrusted"),
            ("~", memory.superseded_by is not None),
        )
        if holds
    )
    return f"{memory.id}  {memory.created_at[:10]}  {memory.tier:6} {memory.kind:7} {marks:2} {_line(memory.text)}"


def describe_detail(detail: MemoryDetail) -> str:
    """Return one memory with all that belongs to it."""
    memory = detail.memory
    label = memory.label
    lines = [
        visible_lines(memory.text),
        "",
        *(visible(sentence) for sentence in detail.why),
        "",
        f"id          {memory.id}",
        f"tier, kind  {memory.tier}, {memory.kind}" + (f" ({visible(memory.speaker)})" if memory.speaker else ""),
        f"created     {memory.created_at}",
        f"stored      {memory.observed_at}",
        *_given("valid from  ", memory.valid_from),
        *_given("valid to    ", memory.valid_to),
        *_given("expires     ", memory.expires_at),
        f"importance  {memory.importance:g}, confidence {memory.confidence:g}" + (", pinned" if memory.pinned else ""),
        f"used        {memory.access_count} times"
        + (f", last {memory.last_access_at}" if memory.last_access_at else ""),
        f"label       {label.integrity}, {label.confidentiality} ({visible(', '.join(label.origins))})",
        f"source      {visible(memory.source)}",
        *_given("session     ", memory.session_id),
        *_given("turn        ", memory.turn_id),
        *_given("replaced by ", memory.superseded_by),
    ]
    for title, kind, listed in (
        (tr("made of:"), "sources", [describe_memory(one) for one in detail.sources]),
        (tr("made of it:"), "derived", [describe_memory(one) for one in detail.derived]),
        (tr("took the place of:"), "supersedes", [describe_memory(one) for one in detail.supersedes]),
        (tr("changes:"), "changes", [describe_change(change) for change in detail.changes]),
    ):
        if more := detail.more.get(kind):
            listed.append(tr("and {count} more", count=f"{more:,}"))
        lines += ["", title, *(f"  {line}" for line in listed)] if listed else []
    return "\n".join(lines)


def describe_run(run: RunView) -> str:
    """Return one run as a line."""
    end = ""
    if run.undone_at:
        end = "  " + tr("taken back {time}", time=run.undone_at[:16])
    elif run.finished_at is None:
        end = "  " + tr("not done yet")
    return f"{run.id:5}  {run.started_at[:16]}  {run.kind:13} {run.changes:5}  {visible(run.note)}{end}".rstrip()


def describe_run_detail(detail: RunDetail) -> str:
    """Return a run and its changes."""
    lines = [describe_run(detail.run), *(f"  {change.memory_id}  {_change(change)}" for change in detail.changes)]
    if detail.more:
        lines.append("  " + tr("and {count} more", count=detail.more))
    return "\n".join(lines)


def describe_change(change: ChangeView) -> str:
    """Return one change of a memory as a line."""
    return tr("run {run}: {change}", run=change.run_id, change=_change(change))


def describe_erasure(seen: ErasurePreview) -> str:
    """Return what an erasure would take, and what it would leave."""
    lines = []
    if seen.going:
        lines.append(tr("This goes, from the index of words and from the caches too:"))
        lines += [f"  {one.id}  {one.created_at[:10]}  {_line(one.text)}  ({one.why})" for one in seen.going]
    if seen.more:
        lines.append("  " + tr("and {count} more", count=seen.more))
    if along := [f"{seen.counts[kind]:,} {name}" for kind, name in _ALONG.items() if seen.counts.get(kind)]:
        lines.append(tr("With it go: {what}.", what=", ".join(along)))
    if removed := seen.counts.get("removed"):
        lines.append(tr("{count} removed before go from the history of changes.", count=removed))
    if seen.read_again:
        lines.append(tr("{count} memories stay and are read again for what else they tell.", count=seen.read_again))
    if seen.copies:
        lines.append(tr("{count} backups are searched, and written anew without it.", count=seen.copies))
    if seen.mentions:
        lines.append(tr("This speaks of it too and stays (--quotes erases it as well):"))
        lines += [f"  {one.id}  {one.created_at[:10]}  {_line(one.text)}  ({one.why})" for one in seen.mentions]
        if (more := len(seen.mention_ids) - len(seen.mentions)) > 0:
            lines.append("  " + tr("and {count} more", count=more))
    if seen.unknown:
        lines.append(tr("Not known: {ids}", ids=visible(", ".join(seen.unknown))))
    return "\n".join(lines)


def describe_receipt(receipt: ErasureView, asked: int) -> str:
    """Return the receipt, which holds no word of what was erased."""
    lines = [tr("Erased {count} of {asked}.", count=receipt.forgotten, asked=asked)]
    if receipt.counts:
        counts = ", ".join(f"{number:,} {_NAMES.get(kind, kind)}" for kind, number in receipt.counts.items())
        lines.append(tr("Receipt {id}, {time}: {counts}", id=receipt.id, time=receipt.erased_at, counts=counts))
    return "\n".join(lines)


def describe_export(done: ExportView) -> str:
    """Return what was written, and what was not."""
    lines = [
        tr("{count} memories are in {path} ({size} KiB). Keep it safe: it is not encrypted.",
           count=f"{done.memories:,}", path=visible(done.path), size=f"{done.size_bytes // 1024 + 1:,}")
    ]  # fmt: skip
    if done.withheld:
        lines.append(
            tr("{count} facts that are not trusted were withheld: other programs would act on them. "
               "--format json writes them too.", count=f"{done.withheld:,}")
        )  # fmt: skip
    if others := done.left_out - done.withheld:
        lines.append(
            tr("{count} were left out: summaries, and what was replaced. --format json writes them too.",
               count=f"{others:,}")
        )  # fmt: skip
    if done.removed:
        lines.append(tr("{count} files of an earlier export were removed.", count=f"{done.removed:,}"))
    return "\n".join(lines)


def describe_import(seen: ImportPreview, mine: bool = False) -> str:
    """Return what an import would bring; `mine`: as the user's own words."""
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in seen.kinds.items())
    lines = [
        tr("{path} ({form}): {new} new of {total}.", path=visible(seen.path), form=seen.form, new=f"{seen.new:,}",
           total=f"{seen.total:,}"),
    ]  # fmt: skip
    if kinds:
        lines.append(f"  {kinds}")
    if seen.known:
        lines.append("  " + tr("{count} are there already, and stay as they are.", count=f"{seen.known:,}"))
    if seen.known and mine:
        lines.append("  " + tr("To have those as your own words too, take their import back first: memory undo RUN."))
    if seen.erased:
        lines.append("  " + tr("{count} were erased here once and stay erased.", count=f"{seen.erased:,}"))
    if seen.oldest is not None and seen.newest is not None:
        lines.append("  " + tr("from {oldest} to {newest}", oldest=seen.oldest[:10], newest=seen.newest[:10]))
    if seen.labels:
        trusted, other = seen.labels.get("user", 0), seen.labels.get("untrusted", 0)
        lines.append("  " + tr("{mine} count as your own words, {other} as not trusted.", mine=trusted, other=other))
    lines += [f"  {note}" for note in seen.notes]
    lines += [f"  - {_line(text)}" for text in seen.first]
    return "\n".join(lines)


def describe_tidy(done: TidyView) -> str:
    """Return what a look at the tiers did."""
    lines = [
        tr("{moved} turns are no longer recent, {archived} chats are archived, {ended} memories have ended.",
           moved=done.moved, archived=done.archived, ended=done.ended)
    ]  # fmt: skip
    if done.waiting:
        lines.append(
            tr("{count} more have come to their end: many at once, or since the clock moved far. If it is right: --yes",
               count=done.waiting)
        )  # fmt: skip
    return "\n".join(lines)


def _change(change: ChangeView) -> str:
    if change.before is None:
        return f"{change.action}  {_line(str((change.after or {}).get('text', '')))}".rstrip()
    if change.after is None:
        return f"{change.action}  {_line(str(change.before.get('text', '')))}".rstrip()
    after = change.after
    parts = [f"{name}: {_value(before)} -> {_value(after.get(name))}" for name, before in change.before.items()]
    return f"{change.action}  {'; '.join(parts)}"


def _value(value: Any) -> str:
    return tr("none") if value is None else _line(str(value))


def _given(name: str, value: str | None) -> list[str]:
    return [name + visible(value)] if value else []


def _line(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= LINE_CHARS else line[:LINE_CHARS].rstrip() + "…"
