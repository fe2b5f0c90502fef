"""The servers of MCP: which of their tools are on offer, and when each of them runs.

Owns starting with the first call, ending when idle, starting again after a pause that grows, and that a list of tools
which changed is off until somebody approves it. Must not know what is said to a server. Loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openclaw_desktop.core.clock import Clock, SystemClock
from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import Tool
from openclaw_desktop.core.tasks import TaskSet
from openclaw_desktop.core.text import tr
from openclaw_desktop.tools.mcp.book import McpBook
from openclaw_desktop.tools.mcp.form import Server
from openclaw_desktop.tools.mcp.link import SENTENCES, Answer, Link, LinkEnded, Ways, open_link
from openclaw_desktop.tools.mcp.offers import Offer, fingerprint
from openclaw_desktop.tools.mcp.tool import McpTool
from openclaw_desktop.workers.supervisor import Death, deaths

log = logging.getLogger(__name__)

IDLE_S = 600.0
# The first time it is started again at once; then after 2, 4, 8 … seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0


@dataclass(slots=True)
class _Life:
    """What is known of one server's process. `failures` in a row; `problem` and `detail`: of the last one."""

    link: Link | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    failures: int = 0
    not_before_s: float = 0.0
    problem: str = ""
    detail: str = ""
    calls: int = 0
    idle: asyncio.TimerHandle | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How a server is. `problem`: a sentence, "" where all is well; `detail`: the end of what it wrote to stderr."""

    running: bool
    problem: str
    detail: str


class McpServers:
    """`core.protocols.ToolProvider` over the servers of a book."""

    def __init__(self, book: McpBook, ways: Ways, clock: Clock | None = None, idle_s: float = IDLE_S) -> None:
        self.book = book
        self._ways = ways
        self._clock = clock or SystemClock()
        self._idle_s = idle_s
        self._lives: dict[str, _Life] = {}
        self._tasks = TaskSet()
        self._made: tuple[Mapping[str, Server], tuple[Tool, ...]] = ({}, ())

    def tools(self) -> Sequence[Tool]:
        """Return the approved tools of the servers that are on; no server is started for that."""
        try:
            servers = self.book.servers()
        except UserError as error:
            log.warning("no MCP server is used: %s", error.failure.code)
            return ()
        if servers is not self._made[0]:
            made = [
                McpTool(server, offer, self.call)
                for server in servers.values()
                if server.on and server.tools is not None and server.offered is None
                for offer in server.tools
                if not offer.problem and offer.name not in server.off
            ]
            self._made = (servers, tuple(made))
        return self._made[1]

    async def call(self, name: str, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> Answer:
        """Call a tool of a running server, started where need be; raises UserError, without a word of the server's."""
        life = self._life(name)
        link = await self.running(name)
        life.calls += 1
        if life.idle is not None:
            life.idle.cancel()
        try:
            answer = await link.call(tool, arguments, timeout_s)
        except LinkEnded as ended:
            await link.close()
            if ended.code == "died":  # its own words stay out of what is told and written
                deaths.note(Death("mcp", 1, "", life.failures + 1))
            raise self._failed(name, ended, tr("{server} went away during the call.", server=name)) from None
        except TimeoutError:
            await link.close()
            sentence = tr("{server} took longer than {s} seconds and was stopped.", server=name, s=f"{timeout_s:g}")
            raise self._failed(name, LinkEnded("timeout"), sentence) from None
        finally:
            life.calls -= 1
            self._rest(life)
        life.failures, life.problem, life.detail = 0, "", ""
        return answer

    async def running(self, name: str) -> Link:
        """Return the link to a server that is on and approved, started where need be; raises UserError."""
        life = self._life(name)
        async with life.lock:
            server = self.book.get(name)
            if not server.on:
                raise UserError("mcp_off", tr("The MCP server {server} is off.", server=name), "", ExitCode.DENIED)
            if life.link is not None and life.link.running and life.link.server.process == server.process:
                self._check(server, life.link.offers)
                return life.link
            await self._drop(life)
            wait_s = life.not_before_s - self._clock.monotonic_s()
            if wait_s > 0:
                raise UserError(
                    "mcp_paused",
                    tr("{server} failed {count} times in a row; it is tried again in {seconds} seconds. {why}",
                       server=name, count=life.failures, seconds=int(wait_s) + 1, why=life.problem),
                    tr("See openclaw-agent mcp show {server}", server=name),
                )  # fmt: skip
            link = await self._open(server, life)
            life.link = link
            self._rest(life)
            self._check(server, link.offers)
            return link

    async def look(self, server: Server) -> tuple[str, tuple[Offer, ...]]:
        """Start `server` for a look alone; return its title and its tools. Raises UserError."""
        try:
            link = await open_link(server, self._ways)
        except LinkEnded as ended:
            life = self._life(server.name)
            life.problem, life.detail = SENTENCES.get(ended.code, SENTENCES["died"]), ended.detail
            raise _not_there(server.name, ended) from None
        try:
            return link.title, link.offers
        finally:
            await link.close()

    async def try_out(self) -> None:
        """Start every server that is on, so that `health` knows how each is."""
        names = [name for name, server in self.book.servers().items() if server.on and server.tools is not None]
        for ended in await asyncio.gather(*map(self.running, names), return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, UserError):
                raise ended

    def health(self, server: Server) -> Health:
        """Say how a server is, as far as is known."""
        life = self._life(server.name)
        running = life.link is not None and life.link.running
        if server.offered is not None:
            waits = tr("Its tools wait for your approval: openclaw-agent mcp approve {server}", server=server.name)
            return Health(running, waits, "")
        if server.tools is None:
            unseen = tr("Its tools were not seen yet: openclaw-agent mcp approve {server}", server=server.name)
            return Health(running, life.problem or unseen, life.detail)
        return Health(running, life.problem, life.detail)

    async def end(self, name: str) -> None:
        """End a server's process, and forget how it failed."""
        life = self._life(name)
        async with life.lock:
            await self._drop(life)
            # It stays in the list: who waits for its lock may start it again, and that one must be found too.
            life.failures, life.not_before_s, life.problem, life.detail = 0, 0.0, "", ""

    async def stop(self) -> None:
        """End all of them."""
        for name in list(self._lives):
            await self.end(name)
        await self._tasks.stop()

    async def _open(self, server: Server, life: _Life) -> Link:
        try:
            link = await open_link(server, self._ways)
        except LinkEnded as ended:
            self._note(life, ended)
            raise _not_there(server.name, ended) from None
        except UserError as error:
            life.problem, life.detail = error.failure.text, ""
            raise
        life.problem, life.detail = "", ""
        link.on_change = lambda changed: self._changed(changed.server.name, changed.offers)
        return link

    def _check(self, server: Server, offers: tuple[Offer, ...]) -> None:
        """Raise UserError where a server's tools are not those that were approved; they are off from then on."""
        if server.tools is not None and fingerprint(server.tools) == fingerprint(offers) and server.offered is None:
            return
        self._changed(server.name, offers)
        raise UserError(
            "mcp_changed",
            tr("The tools of {server} are not those that you allowed, so they are off.", server=server.name),
            tr("See what changed, and allow it or not: openclaw-agent mcp approve {server}", server=server.name),
            ExitCode.DENIED,
        )

    def _changed(self, name: str, offers: tuple[Offer, ...]) -> None:
        def note(server: Server) -> Server:
            same = server.tools is not None and fingerprint(server.tools) == fingerprint(offers)
            return replace(server, offered=None if same else offers)

        try:
            if self.book.get(name).offered != offers:
                self.book.change(name, note)
        except UserError as error:
            log.warning("that the tools of %s changed was not noted: %s", name, error.failure.code)

    def _failed(self, name: str, ended: LinkEnded, sentence: str) -> UserError:
        life = self._life(name)
        self._note(life, ended)
        return UserError("mcp_gone", f"{sentence} {SENTENCES.get(ended.code, '')}".strip())

    def _note(self, life: _Life, ended: LinkEnded) -> None:
        if ended.code == "closed":
            return
        life.failures += 1
        if life.failures > 1:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (life.failures - 2))
            life.not_before_s = self._clock.monotonic_s() + pause_s
        life.problem, life.detail = SENTENCES.get(ended.code, SENTENCES["died"]), ended.detail

    def _rest(self, life: _Life) -> None:
        """End a server that nobody has called for a while."""
        if life.idle is not None:
            life.idle.cancel()
        if life.calls == 0 and life.link is not None and life.link.running:
            loop = asyncio.get_running_loop()
            life.idle = loop.call_later(
                self._idle_s, lambda: self._tasks.start(self._end_idle(life), "idle MCP server")
            )

    async def _end_idle(self, life: _Life) -> None:
        async with life.lock:
            if life.calls == 0:
                await self._drop(life)

    async def _drop(self, life: _Life) -> None:
        if life.idle is not None:
            life.idle.cancel()
        if life.link is not None:
            link, life.link = life.link, None
            await link.close()

    def _life(self, name: str) -> _Life:
        return self._lives.setdefault(name, _Life())


def _not_there(name: str, ended: LinkEnded) -> UserError:
    # What it says of itself is for a person: `mcp show` has it.
    return UserError(
        "mcp_down",
        tr("{server} could not be started. {why}", server=name, why=SENTENCES.get(ended.code, SENTENCES["died"])),
        tr("See openclaw-agent mcp show {server}", server=name),
    )
