"""The bench of the notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from notice_bench import NoticeBench, make_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[NoticeBench]:
    """A notifier without quiet hours, six interruptions an hour."""
    made, close = await make_bench(tmp_path)
    yield made
    await close()
