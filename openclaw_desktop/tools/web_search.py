"""The tool that searches the web with the provider that the user chose.

Owns the providers that can be chosen and how they are asked: SearXNG by its JSON API, Brave with a key. Must not open a
connection itself, and never sees a key. Loop.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Fetch, PlainForm, ToolResult, WebRequest, WebResponse
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security.broker.hosts import Target, parse_url
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.web import CAPABILITY

BRAVE_URL = "https://api.search.brave.com"
PROVIDERS = ("searxng", "brave")
ANSWER_BYTES = 2_000_000
SEARCH_S = 20.0
RESULTS = 8
SNIPPET_CHARS = 300

_TAG = re.compile(r"<[^<>]{0,200}>")


@dataclass(frozen=True, slots=True)
class SearchChoice:
    """The user's choice: `provider` None: none was made. `url`: its address. `secret`: its key as `secret:name`."""

    provider: str | None = None
    url: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One result."""

    title: str
    url: str
    snippet: str
    date: str = ""


class WebSearchTool:
    """Searches the web."""

    spec = ToolSpec(
        name="web_search",
        description="search the web; gives titles, addresses and a few words of each",
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 400},
                "count": {"type": "integer", "minimum": 1, "maximum": 20},
                "provider": {"type": "string", "description": "leave it out", "maxLength": 4000},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
        effect="outbound",
        capability=CAPABILITY,
        authority=("provider",),
        timeout_s=SEARCH_S + 5,
    )

    def __init__(self, fetch: Fetch, choose: Callable[[], SearchChoice]) -> None:
        self._fetch = fetch
        self._choose = choose

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the provider's address, whatever was asked for: only the settings choose it."""
        query = " ".join(str(call.arguments["query"]).split())
        if not query:
            raise UserError("empty_query", tr("There is nothing to search for."), "", ExitCode.USAGE)
        return with_arguments(call, query=query, provider=_provider(self._choose()).url)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Ask the provider and return its results; they are untrusted, and as private as what had been read before."""
        choice, query = self._choose(), str(call.arguments["query"])
        provider = _provider(choice)
        if provider.url != call.arguments["provider"]:
            raise UserError("provider_changed", tr("The search provider was changed; ask again."))
        count = int(call.arguments.get("count", RESULTS))
        response = await self._fetch(_request(choice, provider, query, count), (_scope(provider),))
        found = _hits(response, provider, choice)[:count]
        label = Label("untrusted", scene.context.confidentiality, (f"web:{provider.url}",))
        receipt = Receipt("web.searched", tr("searched the web for {query}", query=visible(query)), call.id, query)
        data = [{"title": h.title, "url": h.url, "snippet": h.snippet, "date": h.date} for h in found]
        return ToolResult(_shown(found, query, scene), label, (receipt,), data)


def _provider(choice: SearchChoice) -> Target:
    """Return where the provider is; raises UserError where none is chosen, or it can't be."""
    if choice.provider is None:
        raise UserError(
            "no_search_provider",
            tr("No search provider is chosen, so the web can't be searched."),
            tr(
                "Choose one: openclaw-agent config set web_search.provider searxng, and web_search.url with its "
                "address; or brave, with its key in web_search.secret."
            ),
            ExitCode.USAGE,
        )
    if choice.provider not in PROVIDERS:
        raise UserError(
            "unknown_search_provider",
            tr("{name} is no search provider that is known.", name=visible(choice.provider[:80])),
            tr("These are: {names} (setting web_search.provider).", names=", ".join(PROVIDERS)),
            ExitCode.USAGE,
        )
    if choice.provider == "searxng" and choice.url is None:
        raise UserError(
            "no_search_url",
            tr("The address of your SearXNG is not set."),
            tr("Set it: openclaw-agent config set web_search.url http://127.0.0.1:8888"),
            ExitCode.USAGE,
        )
    if choice.provider == "brave" and choice.secret is None:
        raise UserError(
            "no_search_key",
            tr("Brave's search needs a key, and none is named."),
            tr("Keep it with openclaw-agent secret set brave --host api.search.brave.com, then name it: "
               "openclaw-agent config set web_search.secret secret:brave"),
            ExitCode.USAGE,
        )  # fmt: skip
    target = parse_url(choice.url or BRAVE_URL)
    return Target(target.scheme, target.host, target.port, target.path.partition("?")[0].rstrip("/") or "/")


def _request(choice: SearchChoice, provider: Target, query: str, count: int) -> WebRequest:
    limits: dict[str, Any] = {"limit_bytes": ANSWER_BYTES, "timeout_s": SEARCH_S}
    secret, base = choice.secret, provider.url.rstrip("/")
    if choice.provider == "brave":
        words = urlencode({"q": query, "count": count})
        secrets = {"X-Subscription-Token": secret} if secret else {}
        url, headers = f"{base}/res/v1/web/search?{words}", {"Accept": "application/json"}
        return WebRequest(url, headers=headers, secrets=secrets, **limits)
    words = urlencode({"q": query, "format": "json"})
    secrets = {"Authorization": f"Bearer {secret}"} if secret else {}
    return WebRequest(f"{base}/search?{words}", secrets=secrets, **limits)


def _hits(response: WebResponse, provider: Target, choice: SearchChoice) -> Sequence[Hit]:
    if response.status == 403 and choice.provider == "searxng":
        raise UserError(
            "searxng_no_json",
            tr("{host} does not answer in JSON.", host=provider.host),
            tr("Add json to search.formats in its settings.yml, or choose another one."),
        )
    if response.status in (401, 403):
        raise UserError(
            "search_key",
            tr("{host} did not accept the key.", host=provider.host),
            tr("Set it anew, or check your plan."),
        )
    if response.status == 429:
        raise UserError(
            "search_busy", tr("{host} was asked too often.", host=provider.host), tr("Try again in a while.")
        )
    try:
        if response.status != 200 or response.truncated:
            raise ValueError
        answer = json.loads(response.body)
        found = answer["results"] if choice.provider == "searxng" else (answer.get("web") or {})["results"]
        if not isinstance(found, list):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if choice.provider == "brave" and _says_nothing_found(response):
            return ()
        raise UserError(
            "search_answer",
            tr("What {host} answered is not a list of results (status {status}).",
               host=provider.host, status=response.status),
            tr("Check the setting web_search.url, and look whether the provider works in your browser."),
        ) from None  # fmt: skip
    return [hit for entry in found if isinstance(entry, Mapping) and (hit := _hit(entry)) is not None]


def _says_nothing_found(response: WebResponse) -> bool:
    """True for Brave's answer without results: it then leaves the list out."""
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    return (
        response.status == 200 and isinstance(answer, dict) and answer.get("type") == "search" and "web" not in answer
    )


def _hit(entry: Mapping[str, Any]) -> Hit | None:
    url = entry.get("url")
    if not isinstance(url, str) or not url.isprintable() or not url.startswith(("http://", "https://")):
        return None
    snippet = entry.get("content") or entry.get("description")
    date = entry.get("publishedDate") or entry.get("page_age")
    return Hit(_plain(entry.get("title")), url[:1000], _plain(snippet), date[:10] if isinstance(date, str) else "")


def _plain(text: object) -> str:
    """Return a provider's text without its marks: some send HTML."""
    if not isinstance(text, str):
        return ""
    return " ".join(without_controls(html.unescape(_TAG.sub("", text[:4000]))).split())[:SNIPPET_CHARS]


def _shown(found: Sequence[Hit], query: str, scene: CallScene) -> str:
    if not found:
        return tr("[nothing was found for {query}]", query=visible(query))
    lines = [
        "\n".join(line for line in (f"{number}. {hit.title}", visible(hit.date), hit.url, hit.snippet) if line)
        for number, hit in enumerate(found, 1)
    ]
    whole = "\n\n".join(lines)
    text = clip(whole, scene.result_tokens)
    return text if text == whole else text + tr("\n[cut: there were {count} results]", count=len(found))


def _scope(provider: Target) -> str:
    """Return the one place that a search goes to; the user named it in the settings, so that it may be near."""
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    return f"{host}:{provider.port}"


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            r"(?:please |can you |could you )?(?:search (?:the )?(?:web|internet|net) for|search online for|google"
            r"|web ?search(?: for)?|look up on the (?:web|internet))\s+(?P<query>\S.{0,300}?)[.?!]?",
            re.IGNORECASE,
        ),
        "web_search",
        lambda match: {"query": match["query"].strip("\"'“”")},
    ),
)
