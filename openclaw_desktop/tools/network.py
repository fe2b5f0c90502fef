"""The network as one agent's tools have it: the broker, the worker that reads foreign bytes, the tools for the web.

Owns how these are put together from the settings. Must not know what is fetched. Loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.protocols import PlainForm, Secrets, Tool
from openclaw_desktop.security.broker.dialling import Dialler
from openclaw_desktop.security.broker.fetching import Broker
from openclaw_desktop.security.broker.hosts import clean_scope
from openclaw_desktop.storage.settings import Settings, load_settings
from openclaw_desktop.tools import web, web_search
from openclaw_desktop.tools.parsers import ParserHost

PLAIN: tuple[PlainForm, ...] = (*web.PLAIN, *web_search.PLAIN)


@dataclass(frozen=True, slots=True)
class Network:
    """`dialler` for raw streams, `fetch` for requests, `parsers` for what comes back; `tools` are those for the web."""

    dialler: Dialler
    fetch: Broker
    parsers: ParserHost
    tools: tuple[Tool, ...]

    async def stop(self) -> None:
        """End the parsers, if they run."""
        await self.parsers.stop()


def make_network(settings: Settings, secrets: Secrets, grants: web.Grants, settings_file: Path) -> Network:
    """Return the network of an agent; nothing is opened or started before the first call.

    Who searches is looked up in `settings_file` with each search: it is chosen when the first one found nobody.
    """

    def choose() -> web_search.SearchChoice:
        chosen = load_settings(settings_file).web_search
        return web_search.SearchChoice(chosen.provider, chosen.url, chosen.secret)

    dialler = Dialler(secrets, private_hosts=private_hosts(settings.network.private_hosts))
    fetch, parsers = Broker(dialler), ParserHost()
    tools = (web.FetchPageTool(fetch, parsers, grants), web_search.WebSearchTool(fetch, choose))
    return Network(dialler, fetch, parsers, tools)


def private_hosts(setting: str | None) -> frozenset[str]:
    """Return the places of the setting network.private_hosts in their one form; what is none allows nothing."""
    places = set()
    for text in (setting or "").split(","):
        try:
            places.add(clean_scope(text))
        except UserError:
            continue
    return frozenset(places)
