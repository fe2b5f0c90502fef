"""What a doctor looks at in the agent's parts: file and copies, secrets, workers, what is granted, what waits.

Owns these checks and their repairs. Must not know what a part does. Loop; what blocks runs in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openclaw_desktop import __version__
from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import Fetch, WebRequest
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.inference.client import ENVIRONMENT, ModelClient
from openclaw_desktop.memory.store import MemoryStore
from openclaw_desktop.security.grants import GrantStore
from openclaw_desktop.security.secrets import SecretKeeper
from openclaw_desktop.service.accounts.desk import AccountDesk
from openclaw_desktop.service.memory.backups import BackupDesk
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.service.walls.desk import WallDesk
from openclaw_desktop.storage.database import Database
from openclaw_desktop.storage.migrations import schema_files
from openclaw_desktop.tools.skills.shelf import Shelf
from openclaw_desktop.workers.calls import CallFailed
from openclaw_desktop.workers.process import WorkerDied, WorkerProcess
from openclaw_desktop.workers.tool_host import ToolHost

LOG_BYTES = 64 << 20
OLD_COPY = timedelta(days=3)
START_S = 20.0
# An address that no request may reach: where clouds keep a machine's own keys.
_NEVER = "https://169.254.169.254/"
REFUSALS = ("forbidden_address", "private_address")
NAMED = 3


@dataclass(frozen=True, slots=True)
class PartChecks:
    """The parts that are looked at. `launch`: looks at what starts the agent, and blocks."""

    database: Database
    memories: MemoryStore
    client: ModelClient
    tool_host: ToolHost
    fetch: Fetch
    grants: GrantStore
    secrets: SecretKeeper
    backups: BackupDesk
    walls: WallDesk
    accounts: AccountDesk
    shelf: Shelf
    launch: Callable[[bool], Iterable[Finding]]

    async def newest(self) -> str | None:
        """Return when the newest memory was kept."""
        rows = await self.database.rows("select max(created_at) from memories")
        return str(rows[0][0]) if rows and rows[0][0] is not None else None

    async def check_log(self, repair: bool) -> Iterable[Finding]:
        """Look whether the file's log is folded in."""
        log = self.database.path.with_name(self.database.path.name + "-wal")
        before = _size_of(log)
        if before > LOG_BYTES and repair:
            await self.database.erase_traces()
            if _size_of(log) < before:
                sentence = tr("The memory's log is folded in: {mb} MB.", mb=before // 1_000_000)
                return [Finding("wal", "ok", sentence, repaired=True)]
        if before > LOG_BYTES:
            sentence = tr("The memory's log has grown to {mb} MB.", mb=before // 1_000_000)
            return [Finding("wal", "warning", sentence, tr("openclaw-agent doctor --fix folds it in."))]
        return [Finding("wal", "ok", tr("The memory's log is small ({kb} kB).", kb=before // 1000))]

    async def check_schema(self, repair: bool) -> Iterable[Finding]:
        """Look whether program and file are of one version."""
        version = int((await self.database.rows("pragma user_version"))[0][0])
        newest = len(schema_files())
        sentence = tr(
            "Version {program}; the memory has form {form} of {newest}.",
            program=__version__,
            form=version,
            newest=newest,
        )
        return [Finding("version", "ok" if version == newest else "error", sentence)]

    async def check_backups(self, repair: bool) -> Iterable[Finding]:
        """Look at the copies and at the age of the newest."""
        found = self.backups.check()
        age = self.backups.age_of_newest(datetime.now(UTC))
        if found.level != "ok" or age is None or age < OLD_COPY:
            return [found]
        newest = await self.newest()
        if newest is None or _moment(newest) < datetime.now(UTC) - age:
            return [found]  # nothing was kept since
        if repair:
            view = await self.backups.create()
            return [Finding("backups", "ok", tr("A backup was made: {name}.", name=view.name), repaired=True)]
        sentence = tr("The newest backup is {days} days old, and things were kept since.", days=age.days)
        return [Finding("backups", "warning", sentence, tr("Make one now: openclaw-agent backup create"))]

    async def check_secrets(self, repair: bool) -> Iterable[Finding]:
        """Look whether the keyring answers, where it keeps something of ours."""
        kept = self.secrets.list()
        if any(secret.store == "keyring" for secret in kept):
            try:
                await self.secrets.check("keyring")
            except UserError as error:
                return [Finding("secrets", "warning", error.failure.sentence, error.failure.advice)]
        return [Finding("secrets", "ok", tr("Secrets that are kept: {count}.", count=len(kept)))]

    async def check_model_worker(self, repair: bool) -> Iterable[Finding]:
        """Start the model's process, without a model, unless it runs."""
        if self.client.pid is not None:
            return [Finding("engine", "ok", tr("The model's process runs."))]
        worker = None
        try:
            async with asyncio.timeout(START_S):
                worker = await WorkerProcess.start("inference", environment=ENVIRONMENT)
                await worker.send({"id": 1, "op": "tune", "threads": 0, "nice": 0})
                await worker.receive()
        except (OSError, TimeoutError, WorkerDied) as error:
            reason = error.detail.strip().splitlines()[-1:] if isinstance(error, WorkerDied) else [type(error).__name__]
            sentence = tr("The model's process does not start: {reason}.", reason=visible("".join(reason))[:200])
            return [Finding("engine", "error", sentence, tr("Install OpenCLaw Desktop again; nothing kept is lost."))]
        finally:
            if worker is not None:
                await worker.stop()
        return [Finding("engine", "ok", tr("The model's process starts."))]

    async def check_meaning(self, repair: bool) -> Iterable[Finding]:
        """Look whether memories can be found by meaning; nothing is sent to another machine for that."""
        engines = self.memories.vectors.engines
        here = next((engine for engine in engines if not getattr(engine, "leaves_machine", False)), None)
        if here is None and engines:
            return [Finding("meaning", "ok", tr("Another machine makes the vectors of memories."))]
        if here is None:
            return [Finding("meaning", "ok", tr("Memories are found by words alone, as the settings say."))]
        try:
            made = await here(["doctor"])
        except UserError as error:
            return [Finding("meaning", "warning", error.failure.sentence, error.failure.advice)]
        if len(made) == 1 and made[0]:
            return [Finding("meaning", "ok", tr("Memories are found by meaning ({engine}).", engine=here.engine))]
        return [Finding("meaning", "warning", tr("The engine {engine} makes no vectors.", engine=here.engine))]

    async def check_tools(self, repair: bool) -> Iterable[Finding]:
        """Start the process that runs tools."""
        try:
            await self.tool_host.start()
        except CallFailed as failure:
            return [Finding("tools", "error", failure.message, tr("Tools that read files don't run until it does."))]
        again = self.tool_host.restarts
        if again:
            return [
                Finding("tools", "ok", tr("The process of the tools runs; it was started again {n} times.", n=again))
            ]
        return [Finding("tools", "ok", tr("The process of the tools runs."))]

    async def check_broker(self, repair: bool) -> Iterable[Finding]:
        """Try an address that must be refused; nothing is sent."""
        try:
            await self.fetch(WebRequest(_NEVER, timeout_s=2.0), ("*",))
        except UserError as error:
            if error.failure.code in REFUSALS:
                return [Finding("network", "ok", tr("The way to the network refuses addresses of machines nearby."))]
            sentence = tr("The way to the network can't be tried: {code}.", code=error.failure.code)
            return [Finding("network", "warning", sentence)]
        sentence = tr("The way to the network let an address through that it must refuse.")
        return [Finding("network", "error", sentence, tr("Don't grant network:fetch; report this, please."))]

    async def check_accounts(self, repair: bool) -> Iterable[Finding]:
        """Log in to each account."""
        names = [account.name for account in self.accounts.list()]

        async def check(name: str) -> Finding:
            try:
                await self.accounts.check(name)
            except UserError as error:
                return Finding("accounts", "warning", error.failure.sentence, error.failure.advice)
            return Finding("accounts", "ok", tr("The account {name} answers.", name=visible(name)))

        return await asyncio.gather(*map(check, names))

    async def check_skills(self, repair: bool) -> Iterable[Finding]:
        """Look whether every skill is as it was approved."""
        skills = await asyncio.to_thread(self.shelf.skills)
        changed = [skill.name for skill in skills if skill.changes]
        if not changed:
            return [Finding("skills", "ok", tr("{count} skills are as they were approved.", count=len(skills)))]
        return [
            Finding(
                "skills",
                "warning",
                tr("These skills were changed and are off: {names}.", names=_named(changed)),
                tr("Look at one: openclaw-agent skill approve {name}", name=changed[0]),
            )
        ]

    async def check_grants(self, repair: bool) -> Iterable[Finding]:
        """Look whether what was granted is there; nothing is taken back: its disk may be away."""
        grants = await self.grants.list()
        places = [grant for grant in grants if grant.grant.capability.startswith("file:")]
        gone = await asyncio.to_thread(lambda: [grant for grant in places if not Path(grant.grant.scope).exists()])
        if not gone:
            return [Finding("grants", "ok", tr("Grants: {count}. All that they name is there.", count=len(grants)))]
        return [
            Finding(
                "grants",
                "warning",
                tr("Granted, but not there: {names}.", names=_named([visible(grant.grant.scope) for grant in gone])),
                tr("Take it back: openclaw-agent grant remove {id}", id=gone[0].id),
            )
        ]

    async def check_audit(self, repair: bool) -> Iterable[Finding]:
        """Go through the chain of decisions."""
        verdict = await self.walls.verify_audit()
        if not verdict.problem:
            return [Finding("audit", "ok", tr("The audit log is as it was written ({rows} rows).", rows=verdict.rows))]
        return [Finding("audit", "error", verdict.problem, tr("See openclaw-agent audit verify"))]

    async def check_inbox(self, repair: bool) -> Iterable[Finding]:
        """Count what waits, and end what has waited too long."""
        await self.walls.tell_expired()
        waiting = await self.walls.pending()
        if not waiting:
            return [Finding("inbox", "ok", tr("Nothing waits for your answer."))]
        advice = tr("See openclaw-agent inbox list")
        return [Finding("inbox", "ok", tr("Calls that wait for your answer: {count}.", count=waiting), advice)]

    async def check_launch(self, repair: bool) -> Iterable[Finding]:
        """Look at what starts the agent."""
        return await asyncio.to_thread(lambda: list(self.launch(repair)))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _named(names: list[str]) -> str:
    more = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return tr("{names} and {count} more", names=shown, count=more) if more > 0 else shown
