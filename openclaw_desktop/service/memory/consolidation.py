"""Consolidation by hand, and the loaded model's part in it.

Owns what a front end gets to know of a run, and when a model is asked: only one that is loaded on this machine. Loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from openclaw_desktop.agent.side_jobs import extract_facts, score_importance
from openclaw_desktop.core.protocols import Complete, OfferedFact
from openclaw_desktop.core.sentences import Passage
from openclaw_desktop.memory.consolidation.consolidator import Consolidator, Minds
from openclaw_desktop.service.api import ConsolidationView


async def consolidate(consolidator: Consolidator) -> ConsolidationView:
    """Run now, because the user asked for it; raises UserError."""
    report = await consolidator.run("asked")
    if report.missing:
        made = await consolidator.run("pressure")
        changes = dict(Counter(report.changes) + Counter(made.changes))
        report = replace(made, read=report.read, changes=changes, run_id=made.run_id or report.run_id)
    return ConsolidationView(
        report.read, report.changes, report.unread, report.run_id, report.stopped,
        report.missing.of_limit, report.missing.of_disk,
    )  # fmt: skip


def loaded_minds(complete: Complete, is_loaded: Callable[[], bool]) -> Minds:
    """Return what the loaded model gives; `is_loaded` False: nothing, for background work loads none."""

    async def extract(passages: Sequence[Passage]) -> list[OfferedFact]:
        if not is_loaded():
            return []
        return [OfferedFact(fact.text, fact.source.turn_id) for fact in await extract_facts(complete, passages)]

    async def score(passage: Passage) -> float | None:
        return await score_importance(complete, passage) if is_loaded() else None

    return Minds(extract, score)
