"""The product as it is, but that its loop hangs for good once a file appears; every other thread goes on.

python stalling_agent.py FLAG-FILE [--fast] serve --home DIR     --fast: the watcher looks every second
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from openclaw_desktop.cli import agent, serve
from openclaw_desktop.service.lifecycle import vitals, watchdog
from openclaw_desktop.system.paths import Home

flag = Path(sys.argv[1])
words = sys.argv[2:]
if words[0] == "--fast":
    words = words[1:]
    vitals.BEAT_S = 0.05

    class Quick(watchdog.Watcher):
        def __init__(self, *parts: object) -> None:
            super().__init__(*parts, look_s=1.0, grace_s=1.0)  # type: ignore[arg-type]

    vitals.Watcher = Quick  # type: ignore[misc]
original = serve.serve


async def serve_and_hang(home: Home) -> int:
    async def hang() -> None:
        while not flag.exists():
            await asyncio.sleep(0.02)
        flag.unlink()
        time.sleep(3600)

    hanging = asyncio.get_running_loop().create_task(hang())
    try:
        return await original(home)
    finally:
        hanging.cancel()


serve.serve = serve_and_hang
sys.argv = ["openclaw-agent", *words]
raise SystemExit(agent.main())
