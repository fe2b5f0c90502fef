"""A process that consolidates the file that it is given, to be killed at any moment: `python … FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from openclaw_desktop.core.clock import SystemClock
from openclaw_desktop.core.protocols import Urgency
from openclaw_desktop.memory.consolidation import consolidator
from openclaw_desktop.storage.database import Database


class Always:
    def may_run(self, kind: str, urgency: Urgency) -> bool:
        print("step", flush=True)  # the parent counts these
        return True


async def main() -> None:
    consolidator.BATCH_TURNS = 5
    database = await Database.open(Path(sys.argv[1]))
    await consolidator.Consolidator(database, Always(), SystemClock()).run("asked")
    await database.close()


asyncio.run(main())
