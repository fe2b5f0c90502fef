"""What the model cost, in the terminal: `model ledger` and its lines in `status`.

Owns the words. Must not know how anything is counted.
"""

from __future__ import annotations

import argparse

from openclaw_desktop.cli import output
from openclaw_desktop.core.errors import ExitCode
from openclaw_desktop.core.text import tr
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.status_views import LedgerSums, LedgerView, Status


async def show_ledger(service: AgentService, arguments: argparse.Namespace) -> int:
    """Print the ledger of the last days."""
    lines = await service.ledger(arguments.days)
    if arguments.json:
        output.print_json({"days": arguments.days, "lines": lines})
    elif lines:
        output.say("\n".join(describe_line(line) for line in lines) + "\n")
    else:
        output.tell(tr("No model was asked anything in that time."))
    return ExitCode.DONE


def describe_line(line: LedgerView) -> str:
    """Return one line: what for, by which model, and its sums."""
    purpose = line.job or line.lane
    turns = tr(" in {count} turns", count=line.turns) if line.turns > 1 else ""
    return f"{line.day}  {purpose:12} {line.model or tr('(no model)'):22} {describe_sums(line.sums)}{turns}"


def describe_sums(sums: LedgerSums) -> str:
    """Return sums in words."""
    return tr(
        "{read} tokens in ({cached} % known), {written} out, {seconds} s, about {wh} Wh (estimated)",
        read=f"{sums.prompt_tokens:,}",
        cached=_percent(sums.cached_tokens, sums.prompt_tokens),
        written=f"{sums.completion_tokens:,}",
        seconds=f"{sums.seconds:,.0f}",
        wh=f"{sums.wh_estimated:.3f}",
    )


def describe_usage(status: Status) -> list[str]:
    """Return the lines of `status`: today's sums, what background work may still spend, and the caches."""
    lines = []
    if (ledger := status.ledger) is not None:
        lines.append(f"today      {describe_sums(ledger.today)}")
        left, limit = f"{ledger.background_left:,}", f"{ledger.background_limit:,}"
        lines.append("           " + tr("{left} of {limit} tokens left for background work", left=left, limit=limit))
    asked = {name: count for name, count in status.caches.items() if count.hits + count.misses}
    if asked:
        rates = (f"{name} {_percent(count.hits, count.hits + count.misses)} %" for name, count in asked.items())
        lines.append("caches     " + tr("found there: {rates}", rates=", ".join(rates)))
    return lines


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
