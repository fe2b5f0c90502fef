"""The tool that reads a page of the web, or a PDF or document there: fetched by the broker, made readable in the jail.

Owns its schema, its receipts and which hosts a page may send on to. Must not open a connection or parse a page itself.
Loop.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, Fetch, PlainForm, ToolResult, WebRequest, WebResponse
from openclaw_desktop.core.text import tr, visible, without_controls
from openclaw_desktop.core.tokens import clip
from openclaw_desktop.security.broker.hosts import Target, find_pass, is_local_name, parse_url
from openclaw_desktop.security.broker.problems import SentElsewhere
from openclaw_desktop.security.gate import Grant
from openclaw_desktop.tools.execution import with_arguments
from openclaw_desktop.tools.parsers import Parse
from openclaw_desktop.workers.tool_host import CallFailed

PAGE_BYTES = 4_000_000
# A document is worth nothing by halves, and has its pictures within.
DOCUMENT_BYTES = 20_000_000
FETCH_S = 20.0
READ_S = 10.0
DOCUMENT_S = 30.0
# More links than this are the page's menu.
LINKS_SHOWN = 60
CAPABILITY = "network:fetch"

# What a PDF, a document or sheet (a zip), and one of the old Office or with a password begin with, whatever its sender
# calls it.
_DOCUMENT_STARTS = (b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_HTML = ("text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml")
_TEXT = ("application/json", "application/xml", "application/javascript", "application/yaml", "application/toml")


class Grants(Protocol):
    """The standing permissions, as far as a request needs them."""

    async def active(self) -> frozenset[Grant]:
        """Return the grants."""
        ...


class FetchPageTool:
    """Reads a page."""

    spec = ToolSpec(
        name="fetch_page",
        description="read a page of the web by its address",
        parameters={
            "type": "object",
            "properties": {
                "url": {"type": "string", "minLength": 1, "maxLength": 4000},
                "links": {"type": "boolean", "description": "list the links of the page too"},
                "part": {"type": "integer", "minimum": 1, "maximum": 200, "description": "of a long page, which part"},
            },
            "required": ["url"],
            "additionalProperties": False,
        },
        effect="outbound",
        capability=CAPABILITY,
        authority=("url",),
        timeout_s=FETCH_S + DOCUMENT_S + 5,
    )

    def __init__(self, fetch: Fetch, parse: Parse, grants: Grants) -> None:
        self._fetch = fetch
        self._parse = parse
        self._grants = grants

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call with the URL in its one form; http becomes https unless the user allowed it for that host."""
        target = parse_url(call.arguments["url"])
        if target.scheme == "http" and target.standard_port and find_pass(target, await self._scopes()) is None:
            target = Target("https", target.host, 443, target.path)
        return with_arguments(call, url=target.url)

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Fetch the page and return its readable text; it is untrusted, and as private as what had been read before."""
        target = parse_url(call.arguments["url"])
        hosts = (*own_hosts(target), *(await self._scopes()))
        request = WebRequest(
            target.url,
            headers={"Accept": "text/html, text/plain, */*;q=0.5"},
            limit_bytes=DOCUMENT_BYTES,
            timeout_s=FETCH_S,
        )
        try:
            response = await self._fetch(request, hosts)
        except SentElsewhere as sent:
            text = tr("[the page has moved and was not read; its new address: {url}]", url=visible(sent.url))
            return ToolResult(text, label_for(target.url, target, scene), data={"moved_to": sent.url})
        if response.status >= 400:
            raise _refused(target.host, response.status)
        page = await self._read(response, target)
        text = _shown(page, response, scene, int(call.arguments.get("part", 1)), bool(call.arguments.get("links")))
        receipt = Receipt("web.read", tr("read {url}", url=visible(response.url)), call.id, response.url)
        data = {"url": response.url, **page}
        return ToolResult(text, label_for(response.url, target, scene), (receipt,), data)

    async def _scopes(self) -> tuple[str, ...]:
        return tuple(sorted(grant.scope for grant in await self._grants.active() if grant.capability == CAPABILITY))

    async def _read(self, response: WebResponse, target: Target) -> Mapping[str, Any]:
        """Return {"title", "text", "links", "truncated"} of what came back; raises UserError."""
        if response.body.startswith(_DOCUMENT_STARTS):
            return await self._read_document(response, target)
        kind, _, parameters = response.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower()
        charset = match[1] if (match := re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", parameters)) else ""
        data = base64.b64encode(response.body[:PAGE_BYTES]).decode()
        start = response.body[:1024].lstrip().lower()
        try:
            if kind in _HTML or (not kind and start.startswith((b"<!doctype", b"<html", b"<head", b"<body"))):
                arguments = {"data": data, "charset": charset, "url": response.url}
                return _checked(await self._parse.call("web.page", arguments, timeout_s=READ_S))
            if kind in ("", *_TEXT) or kind.startswith("text/") or kind.endswith(("+json", "+xml")):
                return _checked(
                    await self._parse.call("web.text", {"data": data, "charset": charset}, timeout_s=READ_S)
                )
        except CallFailed as failure:
            raise _unreadable(target.host, failure.code) from failure
        raise UserError(
            "not_a_page",
            tr(
                "{host} sent a file ({kind}), neither a page nor a document that can be read.",
                host=target.host,
                kind=_kind(kind),
            ),
            tr("Save it from your browser, or look at it there."),
        )

    async def _read_document(self, response: WebResponse, target: Target) -> Mapping[str, Any]:
        """Return what `_read` returns, of a PDF, a document or a sheet, and which of them it is as "kind"."""
        if response.truncated:
            raise UserError(
                "document_too_large",
                tr(
                    "The file of {host} is larger than {size} MB, more than is fetched.",
                    host=target.host,
                    size=DOCUMENT_BYTES // 1_000_000,
                ),
                tr("Save it from your browser, then ask for the file."),
            )
        data = base64.b64encode(response.body).decode()
        try:
            found = await self._parse.call("documents.read_sent", {"data": data}, timeout_s=DOCUMENT_S)
            return {**_checked(found), "kind": "document"}
        except CallFailed as failure:
            raise _unreadable_document(target.host, failure.code) from failure


def own_hosts(target: Target) -> tuple[str, ...]:
    """Return where a request that was allowed for exactly `target` may go: there, with www and without.

    What is on this machine or its network needs a grant that names it: one answer about one page is not enough.
    """
    if is_local_name(target.host):
        return ()
    sibling = target.host.removeprefix("www.") if target.host.startswith("www.") else f"www.{target.host}"
    if target.scheme == "https" and target.standard_port:
        return (target.host, sibling)
    return (f"{target.host}:{target.port}", target.host, sibling)


def label_for(url: str, target: Target, scene: CallScene) -> Label:
    """Return the label of what came from `url`: what the request may have told of the turn keeps it as private."""
    near = is_local_name(target.host)
    confidentiality = "private" if near and scene.context.confidentiality == "public" else scene.context.confidentiality
    return Label("untrusted", confidentiality, (f"web:{url}",))


def _checked(page: Any) -> Mapping[str, Any]:
    """Return what the jail gave back, as far as it has the right shape: the page may have taken the reader over."""
    if not isinstance(page, Mapping) or not isinstance(page.get("text"), str):
        raise CallFailed("failed", "no page")
    links = page.get("links")
    return {
        "title": without_controls(str(page.get("title") or "")),
        "text": without_controls(page["text"]),
        "links": [
            {"text": without_controls(str(link.get("text", ""))), "url": str(link.get("url", ""))}
            for link in (links if isinstance(links, Sequence) and not isinstance(links, str) else ())
            if isinstance(link, Mapping) and str(link.get("url", "")).startswith(("http://", "https://"))
        ],
        "truncated": bool(page.get("truncated")),
    }


def _shown(page: Mapping[str, Any], response: WebResponse, scene: CallScene, part: int, links: bool) -> str:
    """Return the part of a page that the prompt has room for, and what there is beside it."""
    head = "\n".join(line for line in (page["title"], response.url) if line)
    rest, whole = page["text"], bool(page["text"])
    if links:
        lines = [f"- {' '.join(link['text'].split())}: {link['url']}" for link in page["links"][:LINKS_SHOWN]]
        if len(page["links"]) > LINKS_SHOWN:
            lines.append(tr("[and {count} more]", count=len(page["links"]) - LINKS_SHOWN))
        rest = "\n".join((*lines, "", rest)) if lines else tr("[the page has no links]\n") + rest
    room = max(100, scene.result_tokens - 60)
    for _ in range(part - 1):
        cut = clip(rest, room)
        rest = rest[len(cut) - 1 :] if cut != rest else ""
    shown = clip(rest, room)
    notes = []
    if not whole and "kind" in page:
        notes.append(tr("[the document has no text that can be read: its pages may be pictures]"))
    elif not whole:
        notes.append(tr("[the page has no text that can be read without running its programs]"))
    elif not rest:
        notes.append(tr("[the page has no part {part}]", part=part))
    if shown != rest:
        notes.append(tr("[cut: the page goes on in part {part}]", part=part + 1))
    elif response.truncated or page["truncated"] or ("kind" not in page and len(response.body) > PAGE_BYTES):
        notes.append(tr("[cut: the page is longer than is read]"))
    return "\n\n".join(piece for piece in (head, shown, *notes) if piece)


def _refused(host: str, status: int) -> UserError:
    match status:
        case 401 | 403 | 407:
            reason = tr("it is not open to everybody")
        case 404 | 410:
            reason = tr("there is no such page")
        case 429:
            reason = tr("it was asked too often")
        case _ if status >= 500:
            reason = tr("something is wrong over there")
        case _:
            reason = tr("it did not like the request")
    return UserError(
        "page_refused",
        tr("{host} answered with {status}: {reason}.", host=host, status=status, reason=reason),
        tr("Check the address, or try again later."),
    )


def _unreadable(host: str, code: str) -> UserError:
    if code == "timeout":
        return UserError("page_too_hard", tr("The page of {host} took too long to read and was given up.", host=host))
    return UserError(
        "page_unreadable",
        tr("What {host} sent can't be read as a page.", host=host),
        tr("Look at it in your browser."),
    )


def _unreadable_document(host: str, code: str) -> UserError:
    match code:
        case "encrypted":
            reason = tr("it is locked with a password, or in the old Office format")
        case "too_large":
            reason = tr("it would be too large when unpacked")
        case "timeout":
            reason = tr("reading it took too long, so it was given up")
        case "not_document":
            reason = tr("it is an archive, neither a PDF nor a document nor a sheet")
        case _:
            reason = tr("it is damaged, or of a form that is not known")
    return UserError(
        "document_unreadable",
        tr("The file of {host} can't be read: {reason}.", host=host, reason=reason),
        tr("Look at it in your browser."),
    )


def _kind(kind: str) -> str:
    return kind if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", kind) else tr("of an unknown kind")


PLAIN: tuple[PlainForm, ...] = (
    PlainForm(
        re.compile(
            r"(?:please |can you |could you )?(?:read|fetch|load)(?: me)?(?: the)?"
            r"(?: web ?(?:page|site)| page| site| article)?"
            r"(?: (?:at|from|on|of))? (?P<url>https?://[^\s<>\"]+?)[.?!]?(?: please)?[.?!]?",
            re.IGNORECASE,
        ),
        "fetch_page",
        lambda match: {"url": match["url"]},
    ),
)
