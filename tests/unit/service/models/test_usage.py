"""What the model cost, as `status` and `model ledger` show it."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from openclaw_desktop.cli.ledger import describe_usage, show_ledger
from openclaw_desktop.cli.parser import build_parser
from openclaw_desktop.core.cache import Cache, CacheCounts
from openclaw_desktop.inference.ledger import Ledger
from openclaw_desktop.inference.records import CompletionRecord
from openclaw_desktop.service.models.usage import UsageDesk
from openclaw_desktop.service.status_views import LedgerView
from openclaw_desktop.storage.database import Database


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 11, 23, 12, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0


class Service:
    """The one command that the verb needs."""

    def __init__(self, usage: UsageDesk) -> None:
        self.ledger = usage.lines


class Shown:
    """The two parts of a status that are described here."""

    def __init__(self, ledger: object, caches: object) -> None:
        self.ledger, self.caches = ledger, caches


async def test_the_ledger_is_shown_in_words_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = await Database.open(tmp_path / "a.db")
    ledger = Ledger(database, Noon(), 10, 1000, ZoneInfo("Asia/Tokyo"))
    cache: Cache[str, int] = Cache(2)
    caches: dict[str, Cache[Any, Any]] = {"embeddings": cache, "answers": Cache[str, str](1)}
    usage = UsageDesk(ledger, caches, lambda: {"schemas": CacheCounts(9, 1)})
    for turn in ("t1", "t2"):
        ledger.note(CompletionRecord("qwen", "chat", 500, 375, 10, 1, 2, 1.7, 18, 2, 4096, 0, turn_id=turn))
    ledger.note(CompletionRecord("qwen", "background", 300, 0, 20, 1, 2, 3, 36, 2, 4096, 0, job="score"))
    cache.put("a", 1)
    for key in ("a", "a", "b"):
        cache.get(key)

    today = await usage.today()
    assert (today.background_limit, today.background_left) == (1000, 680)
    assert today.resets_at == "2026-11-24T00:00:00+09:00"
    assert (today.today.calls, today.today.wh_estimated) == (3, 0.2)
    assert describe_usage(Shown(today, usage.caches())) == [  # type: ignore[arg-type]
        "today      1,300 tokens in (58 % known), 40 out, 6 s, about 0.200 Wh (estimated)",
        "           680 of 1,000 tokens left for background work",
        "caches     found there: embeddings 67 %, schemas 90 %",
    ]

    await usage.clear_caches()
    assert len(cache) == 0
    assert usage.caches()["embeddings"].hits == 2, "what it spared is not forgotten"

    arguments = build_parser().parse_args(["model", "ledger", "--days", "7"])
    assert await show_ledger(Service(usage), arguments) == 0  # type: ignore[arg-type]
    chat, score = capsys.readouterr().out.splitlines()
    assert chat.split()[:3] == ["2026-11-23", "chat", "qwen"] and chat.endswith(" in 2 turns")
    assert score.split()[:3] == ["2026-11-23", "score", "qwen"]
    assert await show_ledger(Service(usage), argparse.Namespace(days=7, json=True)) == 0  # type: ignore[arg-type]
    printed = msgspec.json.decode(capsys.readouterr().out)
    assert msgspec.convert(printed["lines"], tuple[LedgerView, ...]) == await usage.lines(7)
    await database.close()


async def test_an_empty_ledger_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = await Database.open(tmp_path / "a.db")
    usage = UsageDesk(Ledger(database, Noon(), 10, 1000), {})
    assert await show_ledger(Service(usage), argparse.Namespace(days=1, json=False)) == 0  # type: ignore[arg-type]
    assert "No model was asked" in capsys.readouterr().err
    assert (await usage.today()).today.calls == 0
    await database.close()


@pytest.mark.parametrize("days", ["0", "-1", "1001", "x"])
def test_days_that_make_no_sense_are_a_wrong_use(days: str) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["model", "ledger", "--days", days])
    assert ended.value.code == 2
